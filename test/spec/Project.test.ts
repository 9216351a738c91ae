import { describe, expect, it } from "@effect/vitest";
import { readFileSync } from "node:fs";
import * as Finding from "../../src/spec/Finding.ts";
import { unusedConnections } from "../../src/spec/Load.ts";
import { env, findings, load, project } from "./load.ts";

const shipped = readFileSync(new URL("../../ncps-pipeline.yaml", import.meta.url), "utf8");
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

    it.each<[Record<string, string>, string]>([
      [
        { CACHE_STORAGE_S3_BUCKET: "b" },
        "ncps-pipeline.yaml:10:15: error project/unsupported at connections.cache-storage.s3.bucket: a bucket is set (by CACHE_STORAGE_S3_BUCKET), and this version reads folders only; unset CACHE_STORAGE_S3_BUCKET and give the folder that ncps stores in, or keep using ncps' own migration for S3",
      ],
      [
        { CACHE_DATABASE_URL: "postgresql://u:hunter2@h/d" },
        "ncps-pipeline.yaml:18:10: error project/unsupported at connections.cache-database.url: the database is PostgreSQL (by CACHE_DATABASE_URL), and this version writes SQLite only; keep using ncps' own migration for PostgreSQL, or name a SQLite database (sqlite:/path)",
      ],
      [
        { CACHE_REDIS_ADDRS: "r1:6379,r2:6379", CACHE_LOCK_BACKEND: "local" },
        "ncps-pipeline.yaml:23:12: error project/unsupported at lock.redis.addrs: locks are in Redis (by CACHE_REDIS_ADDRS), and this version cannot lock there; run with --set lock.type=none: no data is at risk, but running ncps instances do not see our locks",
      ],
      [
        { CACHE_LOCK_BACKEND: "redis" },
        "ncps-pipeline.yaml:21:9: error project/unsupported at lock.type: locks are in Redis (by CACHE_LOCK_BACKEND), and this version cannot lock there; run with --set lock.type=none: no data is at risk, but running ncps instances do not see our locks",
      ],
    ])("never ignores a variable that it cannot honour yet: %j", (extra, finding) => {
      expect(lines({ project: shipped, env: { ...env, ...extra } })).toEqual([finding]);
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
