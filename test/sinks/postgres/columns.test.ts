import { describe, expect, it } from "@effect/vitest";
import { Clock, Duration, Effect } from "effect";
import type { Program, Script, Sql } from "../../../src/core/Sql.ts";
import { inspectSink, itemOf, openSink, settings, settleItems, tags } from "../ncpsDatabase.ts";
import * as PostgresDatabase from "./postgresDatabase.ts";

const server = PostgresDatabase.server();
const live = Effect.withClock(Clock.make());
const unchecked = { ...settings, paths: undefined, statementTimeout: Duration.seconds(5) };

const sinkOf = (columns: ReadonlyArray<string>, more: object = {}) => ({
  connection: "x",
  tables: [{
    table: "t",
    key: ["k"],
    columns: { k: "k", ...Object.fromEntries(columns.map((name) => [name, name])) },
    ...more,
  }],
});

const setUp = (ddl: string) =>
  Effect.gen(function*() {
    const url = yield* server().database(ddl);
    const { rows, run } = yield* PostgresDatabase.rival(url);
    return { driver: PostgresDatabase.driver(url), rows, run };
  });

/** How many rows reading back has answered. */
const countingReadBacks = () => {
  let answered = 0;
  const counting = <Definition, In, Out>(script: Program<Definition, In, Out>["script"]) =>
    function*(definition: Definition, input: In): Script<Out> {
      const statements = script(definition, input);
      let step = statements.next();
      while (step.done !== true) {
        const rows = yield step.value;
        answered += rows.length;
        step = statements.next(rows);
      }
      return step.value;
    };
  const wrap = (sql: Sql): Sql => ({
    ...sql,
    read: (program, definition, input) =>
      sql.read(
        program.name === "postgres/read-back" ? { ...program, script: counting(program.script) } : program,
        definition,
        input,
      ),
  });
  return { answered: () => answered, wrap };
};

const documents = (values: ReadonlyArray<object>) =>
  values.map((value, at) => itemOf(`${at}`, { k: `${at}`, ...value }));

const problemsOf = (ddl: string, columns: ReadonlyArray<string>, more?: object) =>
  Effect.gen(function*() {
    const { driver } = yield* setUp(ddl);
    const { problems } = yield* inspectSink(driver, { sink: sinkOf(columns, more), settings: unchecked });
    return problems.map(({ code, message }) => `${code}: ${message}`);
  });

describe("columns of PostgreSQL", () => {
  it.scoped("every kind that keeps what it is given: written, read back exact, found again, and a change is seen", () =>
    Effect.gen(function*() {
      const { driver, rows, run } = yield* setUp(`
        CREATE TYPE colour AS ENUM ('red', 'light green');
        CREATE DOMAIN label AS VARCHAR(20) CHECK (VALUE <> 'forbidden');
        CREATE COLLATION folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
        CREATE TABLE t (id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY, k VARCHAR(10) NOT NULL UNIQUE, v VARCHAR(5), s SMALLINT, i INTEGER,
          n NUMERIC, w NUMERIC(25, 2), b BOOLEAN, d DOUBLE PRECISION, y BYTEA, u UUID, j JSON, c colour, l label,
          f TEXT COLLATE folding, g TEXT GENERATED ALWAYS AS (k || '!') STORED)`);
      const names = ["v", "s", "i", "n", "w", "b", "d", "y", "u", "j", "c", "l", "f"];
      const sink = yield* openSink(driver, { sink: sinkOf(names), settings: unchecked });
      const items = documents([
        {
          v: "12345",
          s: -(2n ** 15n),
          i: 2n ** 31n - 1n,
          n: 0.1,
          w: 2n ** 62n,
          b: true,
          d: -0,
          y: Uint8Array.of(0, 255, 92, 34),
          u: "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11",
          j: `{"a" :  1, "a":2}`,
          c: "light green",
          l: "label",
          f: "Straße",
        },
        {
          n: 1e23,
          d: 5e-324,
          b: false,
          y: new Uint8Array(),
          v: "\u{1F600}\u{1F600}\u{1F600}\u{1F600}\u{1F600}",
          f: "",
        },
        { n: -1.5e-7, d: 1e21, w: 0n },
        { n: 2n ** 63n - 1n, d: 0.1 },
        { n: 123_456_789.012_345_67, d: 1.7976931348623157e308 },
      ]);
      expect(sink.sift(items).items).toEqual(items);
      const first = yield* settleItems(sink, items);
      expect([...tags(first.written), ...tags(first.verdicts)]).toEqual([
        ...items.map(() => "Wrote"),
        ...items.map(() => "Exact"),
      ]);
      expect(tags((yield* settleItems(sink, items)).written)).toEqual(items.map(() => "Found"));
      expect(yield* rows("SELECT n::text FROM t ORDER BY k")).toEqual([
        ["0.1"],
        ["100000000000000000000000"],
        ["-0.00000015"],
        ["9223372036854775807"],
        ["123456789.01234567"],
      ]);
      // Equal to its collation, not by bytes.
      yield* run("UPDATE t SET f = 'straße' WHERE k = '0'");
      yield* run("UPDATE t SET d = 1e20, n = 2.50, y = '\\x01', b = true WHERE k = '3'");
      const verdicts = yield* sink.verify(items);
      expect(tags(verdicts)).toEqual(["Differs", "Exact", "Exact", "Differs", "Exact"]);
      expect(verdicts[0]).toMatchObject({ reason: 't: f is "straße", not "Straße"' });
      expect(verdicts[3]).toMatchObject({
        reason:
          "t: n is 2.5, not 9223372036854775807; b is 1, not NULL; d is 100000000000000000000, not 0.1; y is 1 bytes, not NULL",
      });
    }).pipe(live));

  it.scoped("Invariant 6: what a column cannot hold is turned away before the batch, or is the data's fault", () =>
    Effect.gen(function*() {
      const { driver } = yield* setUp(
        "CREATE TYPE colour AS ENUM ('red'); CREATE TABLE t (k TEXT PRIMARY KEY, v VARCHAR(3), b BOOLEAN, u UUID, i SMALLINT, c colour, j JSON)",
      );
      const sink = yield* openSink(driver, { sink: sinkOf(["v", "b", "u", "i", "c", "j"]), settings: unchecked });
      const odd = documents([
        { v: "four" },
        { v: "    " },
        { b: 2n },
        { u: "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11" },
        { i: 1.5 },
        { v: 7n },
      ]);
      expect(sink.sift(odd).dismissed.map(({ code }) => code)).toEqual([
        "sql/value-too-long",
        "sql/value-too-long",
        ...new Array<string>(4).fill("sql/wrong-type"),
      ]);
      for (const value of [{ i: 40_000n }, { c: "blue" }, { j: "{" }]) {
        expect(yield* Effect.flip(sink.write(documents([value])))).toMatchObject({ reason: "Data" });
      }
    }).pipe(live));

  it.scoped("children of many kinds, sorted by bytes: exact however PostgreSQL or JavaScript would sort them", () =>
    Effect.gen(function*() {
      const { driver, run } = yield* setUp(
        "CREATE TABLE t (id BIGSERIAL PRIMARY KEY, k TEXT NOT NULL UNIQUE);"
          + "CREATE TABLE c (t_id BIGINT NOT NULL REFERENCES t (id), a TEXT NOT NULL, n DOUBLE PRECISION, UNIQUE (t_id, a));"
          + "CREATE TABLE e (t_id BIGINT NOT NULL REFERENCES t (id), a TEXT NOT NULL, UNIQUE (t_id, a))",
      );
      const child = { t_id: { parent: "t" } };
      const tables = [
        { table: "t", key: ["k"], columns: { k: "k" } },
        { table: "c", each: "cs", key: ["t_id", "a"], columns: { ...child, a: "$value.a", n: "$value.n" } },
        { table: "e", each: "es", columns: { ...child, a: "$value" } },
      ];
      const { answered, wrap } = countingReadBacks();
      const sink = yield* openSink(driver, { sink: { connection: "x", tables }, settings: unchecked, wrap });
      const odd = [
        "\u{1F600}",
        "\uFFFD",
        "\uE000",
        "a",
        "B",
        "é",
        'q"u\\o{t},e',
        "",
        " ",
        "NULL",
        "\n",
        "\x7f",
        "\u2028",
      ];
      const items = documents([{ es: odd, cs: odd.map((a, at) => ({ a, n: at % 2 === 0 ? null : at / 3 })) }, {}]);
      expect(tags((yield* settleItems(sink, items)).verdicts)).toEqual(["Exact", "Exact"]);
      // Lists are spelt as the server spells them, so that none of these had to be looked at twice.
      expect(answered()).toBe(0);
      yield* run("UPDATE c SET n = 7 WHERE a = 'NULL'");
      expect((yield* sink.verify(items))[0]).toMatchObject({
        code: "conflict/different",
        reason: 't: c has "NULL" 7 more; c lacks "NULL" 3',
      });
    }).pipe(live));

  it.scoped("a child of which nothing is compared: written, read back exact, and no hindrance for a stub that has it", () =>
    Effect.gen(function*() {
      const { driver, run } = yield* setUp(
        "CREATE TABLE t (id BIGSERIAL PRIMARY KEY, k TEXT NOT NULL UNIQUE, v TEXT);"
          + "CREATE TABLE p (t_id BIGINT NOT NULL UNIQUE REFERENCES t (id), at TIMESTAMPTZ)",
      );
      yield* run("INSERT INTO t (k) VALUES ('0'); INSERT INTO p (t_id) SELECT id FROM t");
      const tables = [
        { table: "t", key: ["k"], columns: { k: "k", v: "v" }, whenExists: { fill: "v IS NULL" } },
        {
          table: "p",
          when: { path: "pinned", equals: true },
          key: ["t_id"],
          columns: { t_id: { parent: "t" }, at: { now: true } },
        },
      ];
      const { answered, wrap } = countingReadBacks();
      const sink = yield* openSink(driver, { sink: { connection: "x", tables }, settings: unchecked, wrap });
      const items = documents([{ v: "x", pinned: true }, { v: "y", pinned: true }, { v: "z", pinned: false }]);
      const { verdicts, written } = yield* settleItems(sink, items);
      expect([...tags(written), ...tags(verdicts)]).toEqual(["Wrote", "Wrote", "Wrote", "Exact", "Exact", "Exact"]);
      expect(answered()).toBe(0);
    }).pipe(live));

  it.scoped("what pads, rounds, rewrites or cuts is a finding, by table and column", () =>
    Effect.gen(function*() {
      const columns = {
        a: "CHARACTER(5)",
        b: "JSONB",
        c: "REAL",
        d: "NAME",
        e: "TIMESTAMPTZ",
        f: "TEXT[]",
        g: "NUMERIC(5, 2)",
        h: "INET",
      };
      const ddl = `CREATE TABLE t (k TEXT PRIMARY KEY, ${
        Object.entries(columns).map((pair) => pair.join(" ")).join(", ")
      })`;
      const found = yield* problemsOf(ddl, Object.keys(columns));
      expect(found).toEqual(
        [
          "a (character(5))",
          "b (jsonb)",
          "c (real)",
          "d (name)",
          "e (timestamp with time zone)",
          "f (text[])",
          "h (inet)",
        ]
          .map((column) => `sql/wrong-type: t.${column} cannot hold a value of the document without changing it`),
      );
    }).pipe(live));

  it.scoped(
    "keys that do not keep rows apart by bytes, at once and for all rows, are findings",
    () =>
      Effect.gen(function*() {
        const none = "sql/no-unique-key: table t has no unique index on exactly (k): duplicates could arise";
        const cases = {
          "CREATE TABLE t (k TEXT NOT NULL); CREATE UNIQUE INDEX i ON t (k) WHERE k <> ''": [none],
          "CREATE TABLE t (k TEXT NOT NULL); CREATE UNIQUE INDEX i ON t (lower(k))": [none],
          "CREATE TABLE t (k TEXT NOT NULL UNIQUE DEFERRABLE)": [none],
          "CREATE TABLE t (k TEXT NOT NULL); CREATE UNIQUE INDEX i ON t (k) INCLUDE (k)": [],
          "CREATE TABLE t (k TEXT UNIQUE NULLS NOT DISTINCT)": [],
          "CREATE TABLE t (k TEXT PRIMARY KEY) PARTITION BY HASH (k)": [],
          "CREATE COLLATION nd (provider = icu, locale = 'und', deterministic = false); CREATE TABLE t (k TEXT COLLATE nd PRIMARY KEY)":
            ["sql/unknown-collation: the unique index on t (k) compares by nd"],
          'CREATE TABLE t (k TEXT COLLATE "en-x-icu" PRIMARY KEY)': [],
          "CREATE EXTENSION citext; CREATE TABLE t (k CITEXT PRIMARY KEY)": [
            "sql/unknown-collation: the unique index on t (k) compares by citext",
          ],
          "CREATE EXTENSION citext; CREATE TABLE t (k TEXT PRIMARY KEY, v CITEXT)": [],
          "CREATE UNLOGGED TABLE t (k TEXT PRIMARY KEY)": ["sql/unsafe-table: table t is unlogged: a crash empties it"],
          "CREATE VIEW t AS SELECT 'x' AS k": ["sql/no-table: t is a view"],
          "CREATE TABLE t (k TEXT PRIMARY KEY GENERATED ALWAYS AS ('x') STORED)": [
            "sql/generated-column: t.k is generated by the database",
          ],
          "CREATE SCHEMA other; CREATE TABLE other.t (k TEXT PRIMARY KEY)": [
            "sql/missing-table: the database has no table t",
          ],
          "CREATE TABLE t (k TEXT PRIMARY KEY, m INTEGER NOT NULL)": [
            "sql/unmapped-column: t.m must not be null, and nothing is mapped to it",
          ],
        };
        for (const [ddl, expected] of Object.entries(cases)) {
          expect([ddl, yield* problemsOf(ddl, [])]).toEqual([ddl, expected]);
        }
      }).pipe(live),
    30_000,
  );

  it.scoped("a partitioned table is written like any other", () =>
    Effect.gen(function*() {
      const { driver, rows } = yield* setUp(
        "CREATE TABLE t (k TEXT PRIMARY KEY, v TEXT) PARTITION BY HASH (k);"
          + "CREATE TABLE t0 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 0);"
          + "CREATE TABLE t1 PARTITION OF t FOR VALUES WITH (MODULUS 2, REMAINDER 1); INSERT INTO t VALUES ('3')",
      );
      const fill = { whenExists: { fill: "v IS NULL" } };
      const sink = yield* openSink(driver, { sink: sinkOf(["v"], fill), settings: unchecked });
      const items = documents(Array.from({ length: 20 }, () => ({ v: "x" })));
      const { verdicts, written } = yield* settleItems(sink, items);
      expect(new Set([...tags(written), ...tags(verdicts)])).toEqual(new Set(["Wrote", "Exact"]));
      expect(yield* rows("SELECT count(*) FROM t WHERE v = 'x'")).toEqual([[20n]]);
    }).pipe(live));

  it.scoped("text columns get the clock as ncps writes times, and literals of every kind arrive", () =>
    Effect.gen(function*() {
      const { driver, rows } = yield* setUp(
        "CREATE TABLE t (k TEXT PRIMARY KEY, at TEXT, b BOOLEAN, n NUMERIC, s VARCHAR(9), i INTEGER)",
      );
      const columns = {
        k: "k",
        at: { now: true },
        b: { value: true },
        n: { value: 1.5 },
        s: { value: "it's \\ " },
        i: { value: -3 },
      };
      const sink = yield* openSink(driver, {
        sink: { connection: "x", tables: [{ table: "t", key: ["k"], columns }] },
        settings: unchecked,
      });
      expect(tags((yield* settleItems(sink, documents([{}]))).verdicts)).toEqual(["Exact"]);
      const [[at, ...rest]] = (yield* rows("SELECT at, b, n::text, s, i FROM t")) as [Array<unknown>];
      expect(at).toMatch(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{6}\+00:00$/);
      expect(rest).toEqual([1n, "1.5", "it's \\ ", -3n]);
    }).pipe(live));

  for (const whenExists of [undefined, { fill: "v IS NULL" }]) {
    it.scoped(`children hold literals of every type, nulls and the clock, ${whenExists ? "with" : "without"} stubs`, () =>
      Effect.gen(function*() {
        const { driver, rows } = yield* setUp(
          "CREATE TYPE mood AS ENUM ('fine', 'bad'); CREATE TABLE t (id BIGSERIAL PRIMARY KEY, k TEXT UNIQUE, v TEXT);"
            + " CREATE TABLE c (t_id BIGINT REFERENCES t, x TEXT, m mood, om mood, j JSON, i INTEGER, ni INTEGER, nt TIMESTAMPTZ,"
            + " nb BYTEA, at TIMESTAMPTZ, b BOOLEAN, UNIQUE (t_id, x, m, i, b))",
        );
        const nothing = { value: null };
        const columns = {
          t_id: { parent: "t" },
          x: "$value",
          m: { value: "bad" },
          om: { value: "fine" },
          j: { value: "{}" },
          i: { value: 7 },
          ni: nothing,
          nt: nothing,
          nb: nothing,
          at: { now: true },
          b: { value: false },
        };
        const root = { table: "t", key: ["k"], columns: { k: "k", v: "v" }, ...(whenExists && { whenExists }) };
        const child = { table: "c", each: "xs", key: ["t_id", "x", "m", "i", "b"], columns };
        const sink = yield* openSink(driver, {
          sink: { connection: "x", tables: [root, child] },
          settings: unchecked,
        });
        const items = documents([{ v: "1", xs: ["a", "b", "a"] }, { v: "2", xs: ["a"] }]);
        if (whenExists) yield* rows(`INSERT INTO t (k) VALUES ('0')`);
        const { verdicts, written } = yield* settleItems(sink, items);
        expect(new Set([...tags(written), ...tags(verdicts)])).toEqual(new Set(["Wrote", "Exact"]));
        expect(
          yield* rows("SELECT m::text, om::text, j::text, i, ni, nt, nb, b, at > now() - interval '1 hour' FROM c"),
        )
          .toEqual(Array.from({ length: 3 }, () => ["bad", "fine", "{}", 7n, null, null, null, 0n, 1n]));
      }).pipe(live));
  }
});
