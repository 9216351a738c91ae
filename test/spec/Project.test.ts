import { describe, expect, it } from "@effect/vitest";
import { Duration, Redacted } from "effect";
import { readFileSync } from "node:fs";
import type { LockConfig, LockRetryConfig, S3StorageConfig, SqlServerConfig } from "../../src/core/Config.ts";
import * as Finding from "../../src/spec/Finding.ts";
import { unusedConnections } from "../../src/spec/Load.ts";
import { env, findings, load, project } from "./load.ts";

const shipped = readFileSync(new URL("../../ncps-pipeline.yaml", import.meta.url), "utf8");
/** How patiently a lock server is asked, unless told. */
const retry: LockRetryConfig = {
  maxAttempts: 3,
  initialDelay: Duration.millis(100),
  maxDelay: Duration.seconds(2),
  jitter: true,
};
const lines = (given: Parameters<typeof findings>[0]) => findings(given).map(Finding.format);

describe("Project", () => {
  describe("the shipped project file", () => {
    it("needs nothing but ncps' own variables, nothing edited", () => {
      const { pipeline, project } = load({
        project: shipped,
        env: { CACHE_STORAGE_LOCAL: "/var/lib/ncps", CACHE_DATABASE_URL: "sqlite:/var/lib/ncps/db.sqlite" },
      });
      expect([...project.findings, ...pipeline.findings]).toEqual([]);
      expect(project.environment).toBe("default");
      expect(project.project).toMatchObject({ lock: { type: "local" }, state: { path: ".ncps-pipeline/state.db" } });
      expect(Object.fromEntries(project.project!.connections)).toEqual({
        "cache-storage": { type: "storage", kind: "local", path: "/var/lib/ncps" },
        "cache-database": { type: "sql", dialect: "sqlite", file: "/var/lib/ncps/db.sqlite" },
      });
      expect(pipeline.spec).toBeDefined();
    });

    it.each(["demo", "single"])("has an environment %s that needs no variables", (environment) => {
      const { pipeline } = load({ project: shipped, projectPath: "/etc/ncps-pipeline.yaml", env: {}, environment });
      expect(pipeline.findings).toEqual([]);
    });

    it("names the variable that is missing", () => {
      expect(lines({ project: shipped, env: {} })).toEqual([
        "ncps-pipeline.yaml:8:5: error project/incomplete at connections.cache-storage.path: neither a folder nor a bucket is given; set CACHE_STORAGE_LOCAL",
        "ncps-pipeline.yaml:18:10: error project/incomplete at connections.cache-database.url: the URL of the database is not given; set CACHE_DATABASE_URL",
      ]);
    });

    it("honours every variable of S3", () => {
      const connection = load({
        project: shipped,
        env: {
          ...env,
          CACHE_STORAGE_LOCAL: "",
          CACHE_STORAGE_S3_BUCKET: "cache",
          CACHE_STORAGE_S3_ENDPOINT: "https://s3.example.org",
          CACHE_STORAGE_S3_REGION: "eu-1",
          CACHE_STORAGE_S3_ACCESS_KEY_ID: "AK",
          CACHE_STORAGE_S3_SECRET_ACCESS_KEY: "hunter2",
          CACHE_STORAGE_S3_FORCE_PATH_STYLE: "true",
        },
      }).project.project!.connections.get("cache-storage") as S3StorageConfig;
      expect(connection).toEqual({
        type: "storage",
        kind: "s3",
        bucket: "cache",
        prefix: "",
        endpoint: "https://s3.example.org",
        region: "eu-1",
        accessKeyId: "AK",
        secretAccessKey: Redacted.make("hunter2"),
        sessionToken: undefined,
        forcePathStyle: true,
        tls: undefined,
        requests: 32,
      });
      expect(Redacted.value(connection.secretAccessKey!)).toBe("hunter2");
    });

    it.each([
      ["postgres", "postgresql://u:hunter2@h/d"],
      ["postgres", "postgres+unix:///run/postgresql/d"],
      ["mysql", "mysql://u:hunter2@h:3306/d?socket=/run/mysqld.sock"],
    ])("honours every variable of a database server (%s)", (dialect, url) => {
      const { pipeline, project } = load({
        project: shipped,
        env: { ...env, CACHE_DATABASE_URL: url, CACHE_DATABASE_POOL_MAX_OPEN_CONNS: "25" },
      });
      expect(pipeline.findings).toEqual([]);
      const connection = project.project!.connections.get("cache-database") as SqlServerConfig;
      expect(connection).toMatchObject({
        type: "sql",
        dialect,
        poolSize: 25,
        lockTimeout: Duration.seconds(2),
        preparedStatements: true,
        tls: undefined,
      });
      // As ncps writes it: the driver reads it.
      expect(Redacted.value(connection.url)).toBe(url);
    });

    it.each([
      "postgresql://ncps:hun/ter2@h/d",
      "postgresql://ncps:hun?ter2@h/d",
      "postgresql://ncps:hun#ter2@h/d",
      "postgresql://ncps:h@un/ter#2@h/d",
      "mysql://ncps:hun/ter2@h:3306/d",
      "mysql://ncps:hun?ter2@/d?socket=/run/s",
    ])("takes no part of a password for a host: %s", (url) => {
      const { pipeline } = load({ project: shipped, env: { ...env, CACHE_DATABASE_URL: url } });
      expect(pipeline.findings.map(Finding.format)).toEqual([
        "ncps-pipeline.yaml:18:10: error spec/bad-value at connections.cache-database.url: its user or password has a character that must be escaped (by CACHE_DATABASE_URL); write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25",
      ]);
    });

    it.each([
      "postgresql:///d?user=ncps@tenant&host=/run/postgresql",
      "postgresql://nc%40ps:h%2F@h/d?sslmode=require",
      "mysql://ncps:h@er@h/d?socket=/run/my@sql.sock",
    ])("takes an @ that ends no password: %s", (url) => {
      expect(load({ project: shipped, env: { ...env, CACHE_DATABASE_URL: url } }).pipeline.findings).toEqual([]);
    });

    it("honours every variable of Redis, whatever CACHE_LOCK_BACKEND says", () => {
      const { pipeline, project } = load({
        project: shipped,
        env: {
          ...env,
          CACHE_LOCK_BACKEND: "local",
          CACHE_REDIS_ADDRS: "r1:6379, r2:6379",
          CACHE_REDIS_USERNAME: "ncps",
          CACHE_REDIS_PASSWORD: "hunter2",
          CACHE_REDIS_DB: "3",
          CACHE_REDIS_USE_TLS: "true",
          CACHE_LOCK_REDIS_KEY_PREFIX: "other:",
          CACHE_REDIS_POOL_SIZE: "20",
          CACHE_LOCK_RETRY_MAX_ATTEMPTS: "7",
          CACHE_LOCK_RETRY_INITIAL_DELAY: "200ms",
          CACHE_LOCK_RETRY_MAX_DELAY: "1s",
          CACHE_LOCK_RETRY_JITTER: "false",
          CACHE_LOCK_ALLOW_DEGRADED_MODE: "true",
        },
      });
      expect(pipeline.findings).toEqual([]);
      expect(project.project!.lock).toEqual({
        type: "redis",
        redis: {
          addrs: ["r1:6379", "r2:6379"],
          username: "ncps",
          password: Redacted.make("hunter2"),
          db: 3,
          useTls: true,
          keyPrefix: "other:",
          poolSize: 20,
        },
        retry: {
          maxAttempts: 7,
          initialDelay: Duration.millis(200),
          maxDelay: Duration.seconds(1),
          jitter: false,
        },
        allowDegradedMode: true,
      });
    });

    it("has no variable that it does not read", () => {
      // Every other one is set by a test above.
      const known = new Set([
        ..."STORAGE_LOCAL DATABASE_URL DATABASE_POOL_MAX_OPEN_CONNS LOCK_BACKEND LOCK_REDIS_KEY_PREFIX".split(" "),
        ..."BUCKET ENDPOINT REGION ACCESS_KEY_ID SECRET_ACCESS_KEY FORCE_PATH_STYLE".split(" ").map((it) =>
          `STORAGE_S3_${it}`
        ),
        ..."ADDRS USERNAME PASSWORD DB USE_TLS POOL_SIZE".split(" ").map((it) => `REDIS_${it}`),
        ..."RETRY_MAX_ATTEMPTS RETRY_INITIAL_DELAY RETRY_MAX_DELAY RETRY_JITTER ALLOW_DEGRADED_MODE".split(" ")
          .map((it) => `LOCK_${it}`),
      ].map((name) => `CACHE_${name}`));
      const named = new Set([...shipped.matchAll(/\$\{(\w+)/g)].map((match) => match[1]));
      expect([...named].sort()).toEqual([...known].sort());
    });

    it.each<[string, Record<string, string>, ReadonlyArray<string>]>([
      ["a bucket of whom the secret is missing", {
        CACHE_STORAGE_LOCAL: "",
        CACHE_STORAGE_S3_BUCKET: "b",
        CACHE_STORAGE_S3_ACCESS_KEY_ID: "AK",
      }, [
        "ncps-pipeline.yaml:14:24: error project/incomplete at connections.cache-storage.s3.secretAccessKey: an access key is given without its secret; set CACHE_STORAGE_S3_SECRET_ACCESS_KEY",
      ]],
      ["a bucket of whom the access key is missing", {
        CACHE_STORAGE_LOCAL: "",
        CACHE_STORAGE_S3_BUCKET: "b",
        CACHE_STORAGE_S3_SECRET_ACCESS_KEY: "hunter2",
      }, [
        "ncps-pipeline.yaml:13:20: error project/incomplete at connections.cache-storage.s3.accessKeyId: a secret is given without its access key; set CACHE_STORAGE_S3_ACCESS_KEY_ID",
      ]],
      ["an endpoint without a scheme", {
        CACHE_STORAGE_LOCAL: "",
        CACHE_STORAGE_S3_BUCKET: "b",
        CACHE_STORAGE_S3_ENDPOINT: "s3.example.org",
      }, [
        "ncps-pipeline.yaml:11:17: error project/incomplete at connections.cache-storage.s3.endpoint: the endpoint has no scheme (by CACHE_STORAGE_S3_ENDPOINT); write it like https://s3.example.org",
      ]],
      ["a folder and a bucket", { CACHE_STORAGE_S3_BUCKET: "b" }, [
        "ncps-pipeline.yaml:8:11: error project/two-storages at connections.cache-storage.path: a folder is given (by CACHE_STORAGE_LOCAL), and a bucket (by CACHE_STORAGE_S3_BUCKET): which of them holds the objects?; unset CACHE_STORAGE_LOCAL, or unset CACHE_STORAGE_S3_BUCKET",
      ]],
      ["locks in Redis without addresses", { CACHE_LOCK_BACKEND: "redis" }, [
        "ncps-pipeline.yaml:24:12: error project/incomplete at lock.redis.addrs: the addresses of Redis are not given; set CACHE_REDIS_ADDRS",
      ]],
      ["locks in files without a folder", { CACHE_LOCK_BACKEND: "file" }, [
        "ncps-pipeline.yaml:21:1: error project/incomplete at lock.path: the folder of the lock files is not given; write lock.path",
      ]],
      ["locks in PostgreSQL without a connection", { CACHE_LOCK_BACKEND: "postgres" }, [
        "ncps-pipeline.yaml:21:1: error project/incomplete at lock.connection: the connection that postgres locks are kept in is not given; write lock.connection",
      ]],
      ["locks in etcd without endpoints", { CACHE_LOCK_BACKEND: "etcd" }, [
        "ncps-pipeline.yaml:21:1: error project/incomplete at lock.etcd.endpoints: the endpoints of etcd are not given; write lock.etcd.endpoints",
      ]],
      ["credentials in the endpoint", {
        CACHE_STORAGE_LOCAL: "",
        CACHE_STORAGE_S3_BUCKET: "b",
        CACHE_STORAGE_S3_ENDPOINT: "https://AK:hunter2@s3.example.org",
      }, [
        "ncps-pipeline.yaml:11:17: error spec/bad-value at connections.cache-storage.s3.endpoint: an address is shown in plans and logs, and this one holds credentials before its @ (by CACHE_STORAGE_S3_ENDPOINT); write accessKeyId and secretAccessKey",
      ]],
      ["credentials in the addresses of Redis", { CACHE_REDIS_ADDRS: "r1:6379,ncps:hunter2@r2:6379" }, [
        "ncps-pipeline.yaml:24:5: error spec/bad-value at lock.redis.addrs[1]: an address is shown in plans and logs, and this one holds credentials before its @ (by CACHE_REDIS_ADDRS); write username and password",
      ]],
      ["a Redis that is named twice", { CACHE_REDIS_ADDRS: "r1:6379,r2:6379,r1:6379" }, [
        "ncps-pipeline.yaml:24:12: error spec/bad-value at lock.redis.addrs: a server is named twice, and would count twice towards a majority; name each once",
      ]],
    ])("says what is incomplete or out of place: %s", (_, extra, expected) => {
      const loaded = load({ project: shipped, env: { ...env, ...extra } });
      expect([...loaded.project.findings, ...loaded.pipeline.findings].map(Finding.format)).toEqual(expected);
      expect(loaded.pipeline.spec).toBeUndefined();
      // Invariant 9: not in a finding, not in explain.
      expect(JSON.stringify([loaded.pipeline.findings, loaded.pipeline.explain()])).not.toContain("hunter2");
    });

    it.each<[string, Record<string, string>, ReadonlyArray<string>]>([
      ["production", {}, [
        "ncps-pipeline.yaml:52:38: error spec/missing-variable at connections.cache-storage.s3.bucket: the variable CACHE_STORAGE_S3_BUCKET is not set: name the bucket that ncps stores in; set CACHE_STORAGE_S3_BUCKET in the environment, or give a default: ${CACHE_STORAGE_S3_BUCKET:-…}",
        "ncps-pipeline.yaml:53:30: error spec/missing-variable at connections.cache-database.url: the variable CACHE_DATABASE_URL is not set: write it like postgresql://user:<password>@host/ncps; set CACHE_DATABASE_URL in the environment, or give a default: ${CACHE_DATABASE_URL:-…}",
        "ncps-pipeline.yaml:24:12: error project/incomplete at lock.redis.addrs: the addresses of Redis are not given; set CACHE_REDIS_ADDRS",
      ]],
      ["mariadb", {}, [
        "ncps-pipeline.yaml:60:30: error spec/missing-variable at connections.cache-database.url: the variable CACHE_DATABASE_URL is not set: write it like mysql://user:<password>@host:3306/ncps; set CACHE_DATABASE_URL in the environment, or give a default: ${CACHE_DATABASE_URL:-…}",
      ]],
      ["production", {
        CACHE_STORAGE_S3_BUCKET: "b",
        CACHE_DATABASE_URL: "postgresql://h/d",
        CACHE_REDIS_ADDRS: "r:6379",
      }, []],
      ["mariadb", { CACHE_DATABASE_URL: "mysql://h/d" }, []],
      // Left over from another shell: the folder of this environment is not what would be read.
      ["mariadb", { CACHE_DATABASE_URL: "mysql://h/d", CACHE_STORAGE_S3_BUCKET: "b" }, [
        "ncps-pipeline.yaml:59:30: warning project/two-storages at connections.cache-storage.path: a bucket is given (by CACHE_STORAGE_S3_BUCKET): it is used, and not the folder /var/lib/ncps; if the folder is meant, unset CACHE_STORAGE_S3_BUCKET",
      ]],
    ])("names what environment %s lacks, given %j", (environment, given, expected) => {
      const { pipeline, project } = load({ project: shipped, env: given, environment });
      const found = [...project.findings, ...pipeline.findings].map(Finding.format);
      expect([...found].sort()).toEqual([...expected].sort());
    });

    it("runs beside Redis without locks when told to, with a warning", () => {
      const { pipeline, project } = load({
        project: shipped,
        env: { ...env, CACHE_REDIS_ADDRS: "r:6379" },
        sets: ["lock.type=none"],
      });
      expect(pipeline.spec).toBeDefined();
      expect(project.project?.lock.type).toBe("none");
      expect(pipeline.findings.map(({ code, severity }) => [severity, code])).toEqual([[
        "warning",
        "project/locks-not-shared",
      ]]);
    });
  });

  describe("locks", () => {
    const lockOf = (lock: string, extra = "") =>
      load({
        project: `${project.trimEnd()}\n  server: { type: sql, url: "postgresql://h/d" }\n${extra}lock: ${lock}\n`,
        projectPath: "conf/ncps-pipeline.yaml",
      });

    it.each<[string, LockConfig]>([
      ["{ type: local }", { type: "local" }],
      ["{ type: none }", { type: "none" }],
      ["{ type: file, path: locks }", { type: "file", path: "conf/locks" }],
      ["{ type: postgres, connection: server }", { type: "postgres", connection: "server", retry }],
      ["{ type: etcd, etcd: { endpoints: [http://e1:2379, http://e2:2379], tls: { ca: ca.pem } } }", {
        type: "etcd",
        etcd: {
          endpoints: ["http://e1:2379", "http://e2:2379"],
          username: "",
          keyPrefix: "/ncps-pipeline/lock/",
          tls: { ca: "conf/ca.pem", cert: "", key: "" },
        },
        retry,
      }],
    ])("are kept where the file says: %s", (lock, expected) => {
      const { pipeline, project } = lockOf(lock);
      expect(pipeline.findings).toEqual([]);
      expect(project.project!.lock).toEqual(expected);
    });

    it.each([
      [
        "{ type: mysql, connection: server }",
        "7:34: error spec/bad-value at lock.connection: server is no MySQL or MariaDB database; name one that is, or write another lock type",
      ],
      [
        "{ type: postgres, connection: cache-storage }",
        "7:37: error spec/bad-value at lock.connection: cache-storage is no PostgreSQL database; name one that is, or write another lock type",
      ],
      [
        "{ type: postgres, connection: servr }",
        "7:37: error spec/unknown-connection at lock.connection: the project file has no connection servr; did you mean server?",
      ],
      [
        "{ type: redys }",
        '7:15: error spec/bad-value at lock.type: expected one of auto, local, none, file, redis, postgres, mysql, etcd, found "redys"; did you mean redis?',
      ],
    ])("cannot be kept where nothing keeps them: %s", (lock, expected) => {
      const { pipeline } = lockOf(lock);
      expect(pipeline.findings.map(Finding.format)).toEqual([`conf/ncps-pipeline.yaml:${expected}`]);
      expect(pipeline.spec).toBeUndefined();
    });
  });

  it("resolves what the file says against the file, what a variable says against the working folder", () => {
    const relative = project.replace("${CACHE_STORAGE_LOCAL:-}", "${CACHE_STORAGE_LOCAL:-data}");
    const at = (given: Record<string, string>) =>
      load({
        project: relative,
        projectPath: "conf/ncps-pipeline.yaml",
        env: { CACHE_DATABASE_URL: "sqlite:x.db", ...given },
      })
        .project.project!.connections;
    expect(at({}).get("cache-storage")).toMatchObject({ path: "conf/data" });
    expect(at({ CACHE_STORAGE_LOCAL: "here" }).get("cache-storage")).toMatchObject({ path: "here" });
    expect(at({}).get("cache-database")).toMatchObject({ file: "x.db" });
  });

  it("reads a secret file beside the file that names it, or where a variable says, without its line end", () => {
    const connection = (file: string) =>
      `connections:\n  cache-storage: { type: storage, path: /a }\n  cache-database: { type: sql, url: { secret: { file: "${file}" } } }\n`;
    const database = (file: string) =>
      load({
        project: connection(file),
        projectPath: "conf/ncps-pipeline.yaml",
        env: { URL_FILE: "elsewhere/url" },
        files: { "conf/url": "sqlite:/in/conf.db\n", "elsewhere/url": "sqlite:/else/where.db" },
      }).project.project!.connections.get("cache-database");
    expect(database("url")).toMatchObject({ file: "/in/conf.db" });
    expect(database("${URL_FILE}")).toMatchObject({ file: "/else/where.db" });
  });

  it("says what is wrong with overrides, sections and state that are no maps", () => {
    const wrong = `${project}pipelines: { narinfo-to-db: 1 }\nstate: { path: 5 }\nenvironments: []\n`;
    expect(lines({ project: wrong })).toEqual([
      "ncps-pipeline.yaml:7:16: error spec/wrong-type at state.path: expected text, found a number; put the value in quotes",
      "ncps-pipeline.yaml:8:15: error spec/wrong-type at environments: expected a map, found a list",
      "ncps-pipeline.yaml:6:29: error spec/wrong-type at pipelines.narinfo-to-db: expected a map of settings; write narinfo-to-db: { sink: { … } }",
    ]);
  });

  it("names connections that no pipeline uses", () => {
    const { pipeline, project: loaded } = load({
      project: `${project.trimEnd()}\n  spare: { type: storage, path: /b }\n`,
    });
    expect(unusedConnections(loaded, [pipeline]).map(Finding.format)).toEqual([
      "ncps-pipeline.yaml:6:3: warning spec/unused-connection at connections.spare: no pipeline uses the connection spare; remove it, or name it in a pipeline",
    ]);
  });

  it("lets a pipeline go on that does not use a broken connection", () => {
    const more = `${project.trimEnd()}\n  other: { type: sql, url: mysql://h/d }\n  odd: { type: kv }\n`;
    const { pipeline, project: loaded } = load({ project: more });
    expect(pipeline.findings).toEqual([]);
    expect(loaded.project!.faults.connections.get("odd")!.map(Finding.format)).toEqual([
      "ncps-pipeline.yaml:7:16: error spec/unknown-type at connections.odd.type: there is no such type of connection; known: storage, sql",
    ]);
  });
});
