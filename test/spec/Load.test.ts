import { describe, expect, it } from "@effect/vitest";
import { Duration } from "effect";
import * as Explain from "../../src/spec/Explain.ts";
import * as Finding from "../../src/spec/Finding.ts";
import { env, findings, load, pipeline, project } from "./load.ts";

const lines = (given: Parameters<typeof findings>[0]) => findings(given).map(Finding.format);
/** The pipeline with one line replaced. */
const edited = (from: string, to: string) => {
  expect(pipeline).toContain(from);
  return pipeline.replace(from, to);
};

describe("Load", () => {
  it("decodes a spec with every default filled in", () => {
    const { pipeline: { findings, spec } } = load();
    expect(findings).toEqual([]);
    expect(spec).toMatchObject({
      name: "narinfo-to-db",
      summary: "Move narinfos.",
      source: { options: { connection: "cache-storage", prefix: "store/narinfo/", suffix: "" }, path: ["source"] },
      transforms: [{ path: ["transforms", 0] }],
      sink: {
        lock: { key: "migration:{hash}", ttl: Duration.seconds(10), holdTarget: Duration.millis(200) },
        batch: { items: { start: 500, max: 5000 }, bytes: 8_388_608, wait: Duration.millis(500) },
        concurrency: { max: 4 },
        statementTimeout: Duration.seconds(4),
        retry: {
          attempts: 5,
          backoff: Duration.millis(50),
          maxBackoff: Duration.seconds(5),
          deadline: Duration.seconds(60),
        },
      },
      postSteps: [{
        options: { withoutConditionalDelete: "refuse" },
        canonical: { withoutConditionalDelete: "refuse" },
      }],
      tolerate: { rejected: 0, conflict: 0 },
      approve: "none",
    });
    expect(spec!.source.component.type).toBe("storage-objects");
  });

  it.each<[string, string, string, string]>([
    [
      "an unknown key of a component",
      "prefix: store",
      "prefx: store",
      "5:3: error spec/unknown-key at source.prefx: unknown key prefx; did you mean prefix?",
    ],
    [
      "an unknown key of the engine's part of the sink",
      "  tables:",
      "  batc: {}\n  tables:",
      "12:3: error spec/unknown-key at sink.batc: unknown key batc; did you mean batch?",
    ],
    [
      "an unknown key deep inside",
      "- table: narinfos",
      "- table: narinfos\n      colums: {}",
      "14:7: error spec/unknown-key at sink.tables[0].colums: unknown key colums; did you mean columns?",
    ],
    [
      "an unknown key at the root",
      "summary:",
      "sumary:",
      "1:1: error spec/unknown-key at sumary: unknown key sumary; did you mean summary?",
    ],
    [
      "a missing key",
      "  connection: cache-storage\n",
      "",
      "2:1: error spec/missing-key at source.connection: the key connection is missing; add it",
    ],
    [
      "a missing type",
      "  - type: parse-narinfo",
      "  - {}",
      "7:5: error spec/missing-key at transforms[0].type: the key type is missing; add one of parse-narinfo",
    ],
    [
      "a stage that is no map",
      "  - type: parse-narinfo",
      "  - parse-narinfo",
      "7:5: error spec/wrong-type at transforms[0]: expected a map with a type, found text; write type: one of parse-narinfo",
    ],
    [
      "stages that are no list",
      "postSteps:\n  - type: delete-objects",
      "postSteps: { type: delete-objects }",
      "15:12: error spec/wrong-type at postSteps: expected a list, found a map; write postSteps: [] or a list of maps, each with a type",
    ],
    [
      "an unknown type",
      "type: parse-narinfo",
      "type: parse-narinfos",
      "7:11: error spec/unknown-type at transforms[0].type: there is no transform parse-narinfos; did you mean parse-narinfo?",
    ],
    [
      "a type of another role",
      "type: parse-narinfo",
      "type: delete-objects",
      "7:11: error spec/unknown-type at transforms[0].type: there is no transform delete-objects; delete-objects is a post-step; known here: parse-narinfo",
    ],
    [
      "an unknown connection",
      "connection: cache-storage",
      "connection: cache-storag",
      "4:15: error spec/unknown-connection at source.connection: the project file has no connection cache-storag; did you mean cache-storage?",
    ],
    [
      "a connection of the wrong kind",
      "connection: cache-storage",
      "connection: cache-database",
      "4:15: error spec/connection-kind at source.connection: cache-database is a sql connection, and a storage connection is needed; use cache-storage",
    ],
    [
      "a duration without a unit",
      "  tables:",
      "  statementTimeout: 4\n  tables:",
      "12:21: error spec/bad-value at sink.statementTimeout: expected a duration, found 4 without a unit; write 4ms or 4s",
    ],
    [
      "a value outside its words",
      "- type: delete-objects",
      "- { type: delete-objects, withoutConditionalDelete: headcompare }",
      '16:55: error spec/bad-value at postSteps[0].withoutConditionalDelete: expected one of refuse, head-compare, found "headcompare"; did you mean head-compare?',
    ],
    [
      "a map where a number was expected",
      "  tables:",
      "  concurrency: { max: {} }\n  tables:",
      "12:23: error spec/wrong-type at sink.concurrency.max: expected a whole number, found a map",
    ],
    [
      "a value that no member of a union takes",
      "hash: hash,",
      "hash: 5,",
      "14:24: error spec/wrong-type at sink.tables[0].columns.hash: expected path or { now } or { value }, found a number",
    ],
    [
      "a lock that expires before its batch can end",
      '{ key: "migration:{hash}" }',
      '{ key: "migration:{hash}", ttl: 8s }',
      "11:41: error spec/lock-ttl at sink.lock.ttl: a lock of 8s could expire while its batch is written; write at least 8400ms, twice statementTimeout and holdTarget together, or lower these",
    ],
    [
      "a lock key that names no path of the items",
      "migration:{hash}",
      "migration:{hsh}",
      '11:16: error spec/unknown-path at sink.lock.key: items have no "hsh"; did you mean hash?',
    ],
    [
      "a lock key that all items share",
      "migration:{hash}",
      "migration",
      "11:16: error spec/bad-value at sink.lock.key: all items would share one key; name a path of the item in braces, like migration:{hash}",
    ],
    [
      "a batch that starts above its bound",
      "  tables:",
      "  batch: { items: { start: 200, max: 100 } }\n  tables:",
      "12:28: error spec/bad-value at sink.batch.items.start: batches cannot start with 200 items and hold 100 at most; write 100 or less",
    ],
    [
      "stages that do not fit each other",
      "transforms:\n  - type: parse-narinfo",
      "transforms: []",
      "8:9: error spec/shape at sink.type: sql-upsert takes narinfo, but storage-objects before it gives object; put a transform from object to narinfo between them, or change their order",
    ],
    [
      "what a component finds wrong in its settings",
      "tables:\n    - table: narinfos\n      columns: { hash: hash, created_at: { now: true } }",
      "tables: []",
      "12:3: error sql/no-tables at sink.tables: no tables; name one",
    ],
    [
      "a variable that is not set",
      "prefix: store/narinfo/",
      "prefix: ${PREFIX}",
      "5:11: error spec/missing-variable at source.prefix: the variable PREFIX is not set; set PREFIX in the environment, or give a default: ${PREFIX:-…}",
    ],
    [
      "a secret in a variable that is not set",
      "  tables:",
      "  token: { secret: { env: TOKEN } }\n  tables:",
      "12:27: error spec/missing-variable at sink.token.secret.env: the variable TOKEN is not set; set TOKEN in the environment",
    ],
    [
      "a secret in a file that is not there",
      "  tables:",
      "  token: { secret: { file: /run/token } }\n  tables:",
      "12:28: error spec/missing-secret at sink.token.secret.file: the secret file /run/token cannot be read: there is no such file; create it, or grant the read",
    ],
    [
      "a secret where a plain value is shown",
      "prefix: store/narinfo/",
      "prefix: { secret: { env: CACHE_STORAGE_LOCAL } }",
      "5:28: error spec/wrong-type at source.prefix: expected text, found a secret (by CACHE_STORAGE_LOCAL); this setting is shown in plans and logs; write it without `secret`",
    ],
  ])("Invariant 8: finds %s where it stands", (_, from, to, finding) => {
    expect(lines({ pipeline: edited(from, to) })).toEqual([`pipelines/narinfo-to-db.yaml:${finding}`]);
  });

  it("stops at no finding: all of them come, in the order of the file", () => {
    const broken = pipeline
      .replace("prefix: store", "prefx: store")
      .replace("type: parse-narinfo", "type: nope")
      .replace("  tables:", "  statementTimeout: 4\n  retry: { attempts: 0 }\n  tables:")
      .replace("cache-database", "nowhere");
    expect(findings({ pipeline: broken }).map(({ code, place }) => `${place?.line} ${code}`)).toEqual([
      "5 spec/unknown-key",
      "7 spec/unknown-type",
      "10 spec/unknown-connection",
      "12 spec/bad-value",
      "13 spec/bad-value",
    ]);
  });

  it("names source and sink when a file has neither", () => {
    expect(lines({ pipeline: "summary: x\n" })).toEqual([
      "pipelines/narinfo-to-db.yaml:1:1: error spec/missing-key at source: the key source is missing; add source: with a type, one of storage-objects",
      "pipelines/narinfo-to-db.yaml:1:1: error spec/missing-key at sink: the key sink is missing; add sink: with a type, one of sql-upsert",
    ]);
  });

  describe("overlays and flags", () => {
    it("lets --set win over the environment, and the environment over the file", () => {
      const overlay = `${project}pipelines: { narinfo-to-db: { sink: { concurrency: { max: 2 } } } }
environments:
  prod: { pipelines: { narinfo-to-db: { sink: { concurrency: { max: 3 } }, postSteps: [] } } }
`;
      const max = (given: Parameters<typeof load>[0]) =>
        load({ project: overlay, ...given }).pipeline.spec?.sink.concurrency.max;
      expect(max({})).toBe(2);
      expect(max({ environment: "prod" })).toBe(3);
      expect(max({ env: { ...env, PIPELINE_ENV: "prod" } })).toBe(3);
      expect(max({ environment: "prod", sets: ["sink.concurrency.max=5", "sink.concurrency.max=6"] })).toBe(6);
      expect(load({ project: overlay, environment: "prod" }).pipeline.spec?.postSteps).toEqual([]);
    });

    it("reaches into lists, into the project file, and removes with null", () => {
      const { pipeline, project } = load({
        sets: [
          "sink.tables[0].table=other",
          "lock.type=none",
          "state.path=x.db",
          "sink.lock=null",
          "connections.cache-storage.path=data",
        ],
      });
      expect(pipeline.spec?.sink.options.tables[0].table).toBe("other");
      expect(pipeline.spec?.sink.lock).toBeUndefined();
      expect(project.project?.lock.type).toBe("none");
      expect(project.project?.state.path).toBe("x.db");
      expect(project.project?.connections.get("cache-storage")).toEqual({
        type: "storage",
        kind: "local",
        path: "data",
      });
    });

    it("lowers the start of batches together with their bound, and says so", () => {
      const started = edited("  tables:", "  batch: { items: { start: 500, max: 5000 } }\n  tables:");
      const { pipeline: { findings, spec } } = load({ pipeline: started, sets: ["sink.batch.items.max=100"] });
      expect(spec?.sink.batch.items).toEqual({ start: 100, max: 100 });
      expect(findings.map((finding) => [finding.severity, finding.code])).toEqual([["warning", "spec/bad-value"]]);
      expect(load({ sets: ["sink.batch.items.max=100"] }).pipeline.findings).toEqual([]);
    });

    it.each([
      [
        "nonsense",
        "--set: error spec/bad-flag: expected path=value; write it like --set sink.batch.items.max=100 or --set transforms[0].type=parse-narinfo",
      ],
      [
        "transforms[4].type=x",
        "--set transforms[4].type: error spec/bad-flag at transforms: the list has 1 entries, counted from 0; run pipeline explain to see what can be set",
      ],
      [
        "summary.x=y",
        "--set summary.x: error spec/bad-flag at summary: there is no map here; run pipeline explain to see what can be set",
      ],
      [
        "sink.bach.wait=1s",
        "--set sink.bach.wait: error spec/unknown-key at sink.bach: unknown key bach; did you mean batch?",
      ],
      [
        "sink.statementTimeout=4",
        '--set sink.statementTimeout: error spec/bad-value at sink.statementTimeout: expected a duration, found "4" without a unit; write 4ms or 4s',
      ],
    ])("names the flag of a bad --set %s", (set, finding) => {
      expect(lines({ sets: [set] })).toEqual([finding]);
    });

    it("finds a misspelt environment, section and pipeline in the project file", () => {
      const wrong = `${project}environments:\n  prod: { conections: {} }\npipelines:\n  narinfo-to-bd: {}\nstat: {}\n`;
      expect(lines({ project: wrong, environment: "prd", pipelines: ["narinfo-to-db"] })).toEqual([
        "ncps-pipeline.yaml:6:1: error project/unknown-environment at environments: there is no environment prd; did you mean prod?",
        "ncps-pipeline.yaml:7:11: error spec/unknown-key at environments.prod.conections: unknown key conections; did you mean connections?",
        "ncps-pipeline.yaml:9:3: error project/unknown-pipeline at pipelines.narinfo-to-bd: there is no pipeline narinfo-to-bd; did you mean narinfo-to-db?",
        "ncps-pipeline.yaml:10:1: error spec/unknown-key at stat: unknown key stat; did you mean state?",
      ]);
    });
  });

  it("lets no flag and no environment miss the connection it means in silence: the run would use another one", () => {
    expect(lines({ sets: ["connections.cache-databse.url=sqlite:/other.sqlite"] })).toEqual([
      "--set connections.cache-databse.url: error spec/missing-key at connections.cache-databse.type: the key type is missing; did you mean cache-database?",
    ]);
    const environments =
      'environments:\n  other:\n    connections:\n      cache-databse: { url: "sqlite:/other.sqlite" }\n';
    expect(lines({ project: project + environments, environment: "other" })).toEqual([
      "ncps-pipeline.yaml:9:7: error spec/missing-key at connections.cache-databse.type: the key type is missing; did you mean cache-database?",
    ]);
    for (const path of ["connections[0]", "connections.other[0]"]) {
      expect(lines({ sets: [`${path}.url=sqlite:/other.sqlite`] })).toEqual([
        expect.stringContaining(`--set ${path}.url: error spec/bad-flag`),
      ]);
    }
  });

  it("reports a broken project file without misleading findings about connections", () => {
    expect(lines({ project: "connections: {\n" })).toEqual([
      "ncps-pipeline.yaml:2:1: error spec/yaml: the indentation does not fit; align it with the keys beside it, or close the bracket above",
    ]);
  });

  it("explains every value by file and line, variable, flag or default", () => {
    const { pipeline } = load({ sets: ["sink.batch.items.max=100"] });
    const explained = (path?: string) => pipeline.explain(path).map(Explain.format);
    expect(explained("sink.batch")).toEqual([
      'sink.batch.items.max = "100"  (--set sink.batch.items.max)',
      "sink.batch.items.start = 500  (default)",
      'sink.batch.bytes = "8MiB"  (default)',
      'sink.batch.wait = "500ms"  (default)',
    ]);
    expect(explained("source")).toEqual([
      'source.type = "storage-objects"  (pipelines/narinfo-to-db.yaml:3:9)',
      'source.connection = "cache-storage"  (pipelines/narinfo-to-db.yaml:4:15)',
      'source.prefix = "store/narinfo/"  (pipelines/narinfo-to-db.yaml:5:11)',
      'source.suffix = ""  (default)',
    ]);
    expect(explained("connections")).toEqual([
      'connections.cache-storage.type = "storage"  (ncps-pipeline.yaml:2:26)',
      'connections.cache-storage.path = "/srv/cache"  (ncps-pipeline.yaml:2:41, variable CACHE_STORAGE_LOCAL)',
      'connections.cache-database.type = "sql"  (ncps-pipeline.yaml:4:11)',
      "connections.cache-database.url = <redacted>  (ncps-pipeline.yaml:5:10, variable CACHE_DATABASE_URL)",
      "connections.cache-database.poolSize = 8  (default)",
      'connections.cache-database.lockTimeout = "2s"  (default)',
      "connections.cache-database.preparedStatements = true  (default)",
    ]);
    expect(explained("state")).toEqual(['state.path = ".ncps-pipeline/state.db"  (default)']);
    expect(explained("sink.tables[0].columns.created_at")).toEqual([
      "sink.tables[0].columns.created_at.now = true  (pipelines/narinfo-to-db.yaml:14:49)",
    ]);
  });

  it("never shows a secret, whatever syntax or flag supplied it, and whatever else is wrong (Invariant 9)", () => {
    const secrets = [
      "  token: hunter2",
      "  token: pre-${PASS}",
      "  token: { secret: { env: PASS } }",
      "  token: { secret: { file: pass } }",
      "  token: [hunter2]",
      "  token: { a: hunter2 }",
      "  tokn: hunter2",
    ];
    for (const [index, line] of secrets.entries()) {
      for (const type of ["sql-upsert", "sql-upsrt"]) {
        const loaded = load({
          project:
            `${project.trimEnd()}\n  typo: { type: sqll, url: hunter2 }\n  wrong: { type: sql, urll: hunter2, url: hunter2 }\n`,
          pipeline: edited("  tables:", `${line}\n  tables:`).replace("sql-upsert", type),
          env: { ...env, PASS: "hunter2" },
          files: { "pipelines/pass": "hunter2\n" },
          sets: ["connections.cache-database.url=mysqll://u:hunter2@h/d", "oops[hunter2"],
        });
        const { pipeline: { spec }, project: { project: decoded } } = loaded;
        const faults = [...decoded!.faults.connections.values()].flat();
        const shown = [
          ...loaded.pipeline.explain().map(Explain.format),
          ...[...loaded.project.findings, ...loaded.pipeline.findings, ...faults].map(Finding.format),
          JSON.stringify([loaded.pipeline.explain(), loaded.pipeline.findings, loaded.project.findings, faults]),
          JSON.stringify(spec),
          JSON.stringify([...decoded!.connections.values()]),
        ].join("\n");
        expect(shown).not.toContain("hunter2");
        expect(faults.length).toBeGreaterThan(2);
        expect(loaded.pipeline.findings.length).toBeGreaterThan(0);
        if (index < 4 && type === "sql-upsert") {
          expect(loaded.pipeline.explain("sink.token").map(({ value }) => value)).toEqual(["<redacted>"]);
        }
      }
    }
  });

  it("never shows a secret that stands a step too high or a ${} too deep (Invariant 9)", () => {
    const url = "url: ${CACHE_DATABASE_URL:-}";
    const wrong = [
      { sets: ["connections.cache-database=mysql://u:hunter2@h/d"] },
      { sets: ["connections=mysql://u:hunter2@h/d"] },
      { project: project.replace(url, 'url: { secret: { env: "${PASS}" } }'), env: { ...env, PASS: "hunter2" } },
    ];
    for (const given of wrong) {
      const { pipeline, project: loaded } = load(given);
      const faults = [...loaded.project!.faults.connections.values()].flat();
      expect([...loaded.findings, ...faults].length).toBeGreaterThan(0);
      expect(JSON.stringify([pipeline.explain(), pipeline.findings, loaded.findings, faults])).not.toContain("hunter2");
    }
  });

  it("writes secrets into no canonical form (Invariant 9)", () => {
    const { pipeline: { spec } } = load({ pipeline: edited("  tables:", "  token: hunter2\n  tables:") });
    expect(spec!.sink.canonical).toMatchObject({ token: "<redacted>", connection: "cache-database" });
    expect(JSON.stringify(spec)).not.toContain("hunter2");
  });

  const paced = (text: string) => `${pipeline}\n${text}\n`;

  it("reads how fast a run may go, from text and numbers alike", () => {
    const { pipeline: { findings, spec } } = load({
      pipeline: paced(`maxRate: 500/s
throttles:
  - replicaLag: { connection: cache-database }
  - load: { max: "1.5" }
  - hours: { from: "22:00", to: "06:00", zone: Europe/Berlin }`),
    });
    expect(findings).toEqual([]);
    expect(spec!.maxRate).toBe(500);
    expect(spec!.throttles).toMatchObject([
      { replicaLag: { connection: "cache-database", max: Duration.seconds(10) } },
      { load: { max: 1.5 } },
      { hours: { from: 22 * 60, to: 6 * 60, zone: { id: "Europe/Berlin" } } },
    ]);
    expect(spec!.pace).toEqual({
      maxRate: "500/s",
      throttles: [
        { replicaLag: { connection: "cache-database", max: "10s" } },
        { load: { max: 1.5 } },
        { hours: { from: "22:00", to: "06:00", zone: "Europe/Berlin" } },
      ],
    });
  });

  it.each<[string, string, string]>([
    ["a rate without its unit", "maxRate: 500", "write 500/s"],
    ["a rate of nothing", "maxRate: 0/s", "above 0"],
    ["a throttle that there is not", "throttles: [{ lag: 10s }]", "spec/wrong-type at throttles[0]"],
    ["a throttle with a slip", `throttles: [{ hour: { from: "22:00", to: "06:00" } }]`, "did you mean hours?"],
    ["a load of nothing", "throttles: [{ load: { max: 0 } }]", "a number above 0"],
    ["a time that no clock shows", `throttles: [{ hours: { from: "24:00", to: "06:00" } }]`, "write it like"],
    ["hours that end as they begin", `throttles: [{ hours: { from: "06:00", to: "06:00" } }]`, "two different times"],
    [
      "a zone that nobody knows",
      `throttles: [{ hours: { from: "22:00", to: "06:00", zone: Europe/Atlantis } }]`,
      "Europe/Berlin or UTC",
    ],
    ["a replica that is not declared", "throttles: [{ replicaLag: { connection: cache-databse } }]", "cache-database?"],
    [
      "a replica of a folder",
      "throttles: [{ replicaLag: { connection: cache-storage } }]",
      "a sql connection is needed",
    ],
  ])("says what is wrong with %s", (_, text, says) => {
    expect(lines({ pipeline: paced(text) }).join("\n")).toContain(says);
  });

  it("more batches at first than at most are a slip in one file, and bounded where an overlay says less", () => {
    const sink = (concurrency: string) => edited("  tables:", `  concurrency: ${concurrency}\n  tables:`);
    expect(lines({ pipeline: sink("{ start: 8, max: 4 }") })).toEqual([expect.stringContaining("write 4 or less")]);
    expect(load({ pipeline: sink("{ max: 1 }") }).pipeline.spec!.sink.concurrency).toEqual({ start: 1, max: 1 });
  });
});
