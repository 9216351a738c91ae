import { describe, expect, it } from "@effect/vitest";
import { Clock, Duration, Effect, Fiber } from "effect";
import { readFileSync } from "node:fs";
import {
  inspectSink,
  itemOf,
  narinfo,
  narinfoItem,
  ncpsSink,
  openSink,
  settings,
  settleItems,
  tags,
} from "../ncpsDatabase.ts";
import type { Opening } from "../ncpsDatabase.ts";
import * as MysqlDatabase from "./mysqlDatabase.ts";
import type { Rival } from "./mysqlDatabase.ts";

const server = MysqlDatabase.server();
const signature = (letter: string) => `cache.example.org-1:${letter.repeat(86)}==`;
const older = readFileSync(new URL("./ncps-0.8.sql", import.meta.url), "utf8");

/** A fresh database of this schema, another client of it, and sinks. */
const prepare = (ddl = MysqlDatabase.ncpsSchema, opening: Opening = {}) =>
  Effect.gen(function*() {
    const url = yield* server().database(ddl);
    const given = { settings: { ...settings, statementTimeout: Duration.seconds(4) }, ...opening };
    const driver = MysqlDatabase.driver(url);
    return {
      url,
      db: yield* MysqlDatabase.rival(url),
      open: openSink(driver, given),
      inspect: inspectSink(driver, given),
    };
  });

const generic = (tables: ReadonlyArray<object>): Opening => ({
  sink: { connection: "x", tables },
  settings: { ...settings, paths: undefined, statementTimeout: Duration.seconds(4) },
});

const counts = ({ rows }: Rival) =>
  Effect.gen(function*() {
    const found: Record<string, number> = {};
    for (
      const table of ["narinfos", "narinfo_references", "narinfo_signatures", "nar_files", "narinfo_nar_files"]
    ) found[table] = Number((yield* rows(`SELECT count(*) FROM ${table}`))[0]![0]);
    return found;
  });

describe("sql-upsert on MariaDB, schema of ncps", () => {
  it.scoped("an empty database: every row and child arrives, and reads back exact; a second run changes nothing", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      const sink = yield* open;
      const items = Array.from({ length: 1300 }, (_, index) => narinfoItem(index));
      const { verdicts, written } = yield* settleItems(sink, items);
      expect(new Set(tags(written))).toEqual(new Set(["Wrote"]));
      expect(new Set(tags(verdicts))).toEqual(new Set(["Exact"]));
      const expected = {
        narinfos: 1300,
        narinfo_references: 2600,
        narinfo_signatures: 1300,
        nar_files: 1300,
        narinfo_nar_files: 1300,
      };
      expect(yield* counts(db)).toEqual(expected);
      const again = yield* settleItems(yield* open, items);
      expect(new Set(tags(again.written))).toEqual(new Set(["Found"]));
      expect(new Set(tags(again.verdicts))).toEqual(new Set(["Exact"]));
      expect(yield* counts(db)).toEqual(expected);
    }));

  it.scoped("every column arrives as ncps would write it: nulls, int64 to its ends, times in UTC and whole seconds", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      const sink = yield* open;
      const largest = 2n ** 63n - 1n;
      const document = narinfo(5, {
        narSize: largest,
        fileSize: 2n ** 53n + 1n,
        nar: { ...narinfo(5).nar, fileSize: largest },
      });
      const { verdicts } = yield* settleItems(sink, [itemOf("x", document)]);
      expect(tags(verdicts)).toEqual(["Exact"]);
      expect(
        yield* db.rows(
          "SELECT hash, store_path, url, upstream_url, file_size, nar_size, deriver, system, updated_at, TIMESTAMPDIFF(SECOND, created_at, UTC_TIMESTAMP()) BETWEEN 0 AND 60, created_at = last_accessed_at FROM narinfos",
        ),
      ).toEqual([[
        document.hash,
        document.storePath,
        document.url,
        null,
        2n ** 53n + 1n,
        largest,
        document.deriver,
        null,
        null,
        1,
        1,
      ]]);
      expect(yield* db.rows("SELECT compression, query, file_size, total_chunks, verified_at FROM nar_files")).toEqual([
        ["xz", "", largest, 0n, null],
      ]);
    }));

  it.scoped("stubs, NULL and '', are filled; their ids and times and what the document does not have stay", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      yield* db.run(
        `INSERT INTO narinfos (id, hash, upstream_url, system, created_at, last_accessed_at) VALUES (7, '${
          narinfo(1).hash
        }', 'kept', 'gone', '2020-01-01', '2020-01-02'); INSERT INTO narinfos (id, hash, url, created_at) VALUES (9, '${
          narinfo(2).hash
        }', '', '2020-01-01')`,
      );
      const sink = yield* open;
      const items = [narinfoItem(2), narinfoItem(1), narinfoItem(3)];
      expect(tags(yield* sink.verify(items))).toEqual(["Absent", "Absent", "Absent"]);
      const { verdicts, written } = yield* settleItems(sink, items);
      expect(tags(written)).toEqual(["Wrote", "Wrote", "Wrote"]);
      expect(tags(verdicts)).toEqual(["Exact", "Exact", "Exact"]);
      expect(
        yield* db.rows(
          `SELECT id, url, upstream_url, system, created_at, last_accessed_at, updated_at FROM narinfos WHERE hash = '${
            narinfo(1).hash
          }'`,
        ),
      ).toEqual([[7n, narinfo(1).url, "kept", null, "2020-01-01 00:00:00", "2020-01-02 00:00:00", null]]);
      expect(yield* counts(db)).toMatchObject({ narinfos: 3, narinfo_references: 6, narinfo_nar_files: 3 });
    }));

  it.scoped("Invariant 5: a full row is never overwritten nor given children: covered, different or incomplete", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      const sink = yield* open;
      const items = Array.from({ length: 6 }, (_, index) => narinfoItem(index));
      yield* sink.write(items);
      const where = (number: number) => `WHERE hash = '${narinfo(number).hash}'`;
      const child = (number: number) => `WHERE narinfo_id = (SELECT id FROM narinfos ${where(number)})`;
      yield* db.run(
        `UPDATE narinfos SET url = 'nar/other.nar', compression = 'none', file_hash = NULL ${where(0)};`
          + `INSERT INTO narinfo_signatures (narinfo_id, signature) SELECT id, '${signature("B")}' FROM narinfos ${
            where(1)
          };`
          + `UPDATE narinfos SET nar_hash = UPPER(nar_hash) ${where(2)};`
          + `UPDATE narinfos SET store_path = CONCAT(store_path, ' ') ${where(3)};`
          + `INSERT INTO narinfo_references (narinfo_id, reference) SELECT id, 'extra' FROM narinfos ${where(4)};`
          + `DELETE FROM narinfo_references ${child(5)};`
          + "UPDATE nar_files SET last_accessed_at = '2020-01-01'",
      );
      const before = yield* counts(db);
      const { verdicts, written } = yield* settleItems(sink, items);
      expect(new Set(tags(written))).toEqual(new Set(["Found"]));
      expect(verdicts.map((verdict) => verdict._tag === "Differs" ? verdict.code : verdict._tag)).toEqual([
        "Covered",
        "Covered",
        "Covered",
        // Equal under PAD SPACE, not by bytes.
        "conflict/different",
        "conflict/different",
        "conflict/incomplete",
      ]);
      expect(yield* counts(db)).toEqual(before);
      expect(yield* db.rows("SELECT DISTINCT last_accessed_at FROM nar_files")).toEqual([["2020-01-01 00:00:00"]]);
    }));

  it.scoped("a stub with children of its own that the document lacks is a conflict, and stays a stub", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      const stubs = [1, 2, 3].map((number) => `(${number}, '${narinfo(number).hash}')`).join(", ");
      yield* db.run(
        `INSERT INTO narinfos (id, hash) VALUES ${stubs};`
          + "INSERT INTO narinfo_references (narinfo_id, reference) VALUES (1, 'extra');"
          + `INSERT INTO narinfo_references (narinfo_id, reference) VALUES (2, '${narinfo(2).references[0]}');`
          + `INSERT INTO narinfo_signatures (narinfo_id, signature) VALUES (3, '${signature("B")}')`,
      );
      const { verdicts, written } = yield* settleItems(yield* open, [1, 2, 3].map((number) => narinfoItem(number)));
      expect(tags(written)).toEqual(["Refused", "Wrote", "Wrote"]);
      expect(tags(verdicts)).toEqual(["Differs", "Exact", "Covered"]);
      expect(yield* db.rows("SELECT url FROM narinfos WHERE id = 1")).toEqual([[null]]);
      expect(yield* counts(db)).toMatchObject({ narinfo_references: 5, nar_files: 2, narinfo_nar_files: 2 });
    }));

  it.scoped("shared NARs are one row, touched where it was there before; values given twice are one row each", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      const { nar } = narinfo(100);
      yield* db.run(
        `INSERT INTO nar_files (id, hash, compression, file_size, last_accessed_at, created_at) VALUES (3, '${nar.hash}', 'xz', 7, '2020-01-01', '2020-01-01')`,
      );
      const [reference] = narinfo(1).references;
      const { verdicts } = yield* settleItems(yield* open, [
        narinfoItem(1, { nar, references: [reference!, reference!], signatures: [signature("B"), signature("B")] }),
        narinfoItem(2, { nar }),
        narinfoItem(3, { nar: narinfo(101).nar }),
        narinfoItem(4, { nar: narinfo(101).nar }),
      ]);
      expect(new Set(tags(verdicts))).toEqual(new Set(["Exact"]));
      expect(
        yield* db.rows(
          "SELECT file_size, created_at > '2021-01-01', last_accessed_at > '2021-01-01', (SELECT count(*) FROM narinfo_nar_files WHERE nar_file_id = nar_files.id) FROM nar_files ORDER BY id",
        ),
      ).toEqual([[7n, 0, 1, 2n], [BigInt(narinfo(101).nar.fileSize!), 1, 1, 2n]]);
      expect(yield* counts(db)).toMatchObject({ narinfo_references: 7, narinfo_signatures: 4 });
    }));

  it.scoped("older ncps, no ids on the side tables and another collation: what would be lost is rejected, all else exact", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare(older);
      const sink = yield* open;
      const { dismissed, items } = sink.sift([
        narinfoItem(1),
        narinfoItem(2),
        narinfoItem(3, { upstreamUrl: "abc?x" }),
      ]);
      expect(dismissed).toMatchObject([{ code: "narinfo/opaque-url", outcome: "rejected" }]);
      expect(tags((yield* settleItems(sink, items)).verdicts)).toEqual(["Exact", "Exact"]);
      expect(tags((yield* settleItems(sink, items)).written)).toEqual(["Found", "Found"]);
      expect(yield* counts(db)).toMatchObject({ narinfos: 2, narinfo_references: 4, narinfo_nar_files: 2 });
    }));

  it.scoped("older ncps: references or signatures that its collation takes for one are rejected, no row lacks one", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare(older);
      const sink = yield* open;
      const [name] = narinfo(9).references;
      const { dismissed, items } = sink.sift([
        narinfoItem(1, { references: [name!, name!.toUpperCase()] }),
        narinfoItem(2, { signatures: [signature("A"), signature("A").replace("cache", "Cache")] }),
        narinfoItem(3, { references: [name!, name!], signatures: [signature("A"), signature("B")] }),
        narinfoItem(4, { references: ["\u4e2d", "\u6587"] }),
      ]);
      expect(dismissed.map(({ code, item: { key } }) => [code, key])).toEqual([
        ["sql/duplicate-row", narinfoItem(1).key],
        ["sql/duplicate-row", narinfoItem(2).key],
      ]);
      expect(tags((yield* settleItems(sink, items)).verdicts)).toEqual(["Exact", "Exact"]);
      expect(yield* counts(db)).toMatchObject({ narinfos: 2, narinfo_references: 3, narinfo_signatures: 3 });
    }));

  it.scoped("Invariant 6: values that are too long, or that the server refuses, are the data's fault; nothing is cut off", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      const sink = yield* open;
      const long = narinfoItem(1, { deriver: "\u{1F600}".repeat(256) });
      const fitting = narinfoItem(2, { deriver: "\u{1F600}".repeat(255) });
      const sifted = sink.sift([long, fitting]);
      expect(sifted.dismissed).toMatchObject([{ code: "sql/value-too-long", item: { key: long.key } }]);
      expect(tags((yield* settleItems(sink, sifted.items)).verdicts)).toEqual(["Exact"]);
      expect(yield* Effect.flip(sink.write([narinfoItem(3), narinfoItem(4, { narSize: -1n })]))).toMatchObject({
        reason: "Data",
        code: "4025",
      });
      expect(yield* Effect.flip(sink.write([long]))).toMatchObject({ reason: "Data", code: "ER_DATA_TOO_LONG" });
      expect(yield* counts(db)).toMatchObject({ narinfos: 1 });
    }));

  it.scoped("a batch is one transaction: a constraint nobody foresaw leaves nothing behind, and touches no other row", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare(`${MysqlDatabase.ncpsSchema} CREATE UNIQUE INDEX odd ON narinfos (deriver);`);
      const sink = yield* open;
      yield* db.run(`INSERT INTO narinfos (hash, deriver) VALUES ('other', 'same')`);
      yield* db.run(`INSERT INTO narinfos (hash) VALUES ('${narinfo(2).hash}')`);
      const same = (number: number) => narinfoItem(number, { deriver: "same" });
      for (const items of [[narinfoItem(1), same(3)], [narinfoItem(1), same(2)]]) {
        expect(yield* Effect.flip(sink.write(items))).toMatchObject({ reason: "Constraint", code: "ER_DUP_ENTRY" });
      }
      expect(yield* counts(db)).toMatchObject({ narinfos: 2, nar_files: 0, narinfo_references: 0 });
      expect(yield* db.rows("SELECT store_path FROM narinfos WHERE hash = 'other'")).toEqual([[null]]);
    }));

  it.scoped("Invariant 1: what a rival changes between write and read-back is seen", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      const sink = yield* open;
      const items = [1, 2, 3, 4, 5].map((number) => narinfoItem(number));
      yield* sink.write(items);
      const of = (number: number) => `(SELECT id FROM narinfos WHERE hash = '${narinfo(number).hash}')`;
      yield* db.run(
        `DELETE FROM narinfo_references WHERE narinfo_id = ${
          of(3)
        } LIMIT 1; DELETE FROM narinfo_nar_files WHERE narinfo_id = ${of(4)};`
          + `UPDATE narinfos SET deriver = '' WHERE hash = '${narinfo(2).hash}'; DELETE FROM narinfos WHERE hash = '${
            narinfo(1).hash
          }'`,
      );
      expect(tags(yield* sink.verify(items))).toEqual(["Absent", "Covered", "Differs", "Covered", "Exact"]);
    }));
});

describe("sql-upsert on MariaDB, races", () => {
  it.scoped("Invariant 5: rows that a rival inserts or fills between the look and the write are its own, with its children", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      const sink = yield* open;
      const items = [1, 2, 3, 4].map((number) => narinfoItem(number));
      const hash = (number: number) => narinfo(number).hash;
      yield* db.run(`INSERT INTO narinfos (hash) VALUES ('${hash(3)}'), ('${hash(4)}')`);
      // Under way when our look sees nothing of it, committed while our write waits for it.
      yield* db.run(
        `BEGIN; INSERT INTO narinfos (hash, url, store_path) VALUES ('${hash(2)}', 'rival', 'rival');`
          + `UPDATE narinfos SET url = 'rival', store_path = 'rival' WHERE hash = '${hash(3)}'`,
      );
      const writing = yield* Effect.fork(sink.write(items));
      yield* Effect.sleep("400 millis");
      yield* db.run("COMMIT");
      expect(tags(yield* Fiber.join(writing))).toEqual(["Wrote", "Found", "Found", "Wrote"]);
      expect(yield* db.rows("SELECT count(*) FROM narinfos WHERE url = 'rival'")).toEqual([[2n]]);
      expect(yield* counts(db)).toMatchObject({
        narinfos: 4,
        narinfo_references: 4,
        nar_files: 2,
        narinfo_nar_files: 2,
      });
      expect(tags(yield* sink.verify(items))).toEqual(["Exact", "Differs", "Differs", "Exact"]);
    }).pipe(Effect.withClock(Clock.make())));

  it.scoped("a rival that rolls back leaves the rows to us", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      const sink = yield* open;
      yield* db.run(`BEGIN; INSERT INTO narinfos (hash, url) VALUES ('${narinfo(1).hash}', 'rival')`);
      const writing = yield* Effect.fork(sink.write([narinfoItem(1), narinfoItem(2)]));
      yield* Effect.sleep("300 millis");
      yield* db.run("ROLLBACK");
      expect(tags(yield* Fiber.join(writing))).toEqual(["Wrote", "Wrote"]);
    }).pipe(Effect.withClock(Clock.make())));

  it.scoped("a row that someone keeps locked is waited for as long as told, then Busy; full rows are not waited for", () =>
    Effect.gen(function*() {
      const { db, url } = yield* prepare();
      const sink = yield* openSink(MysqlDatabase.driver(url), {
        settings: { ...settings, statementTimeout: Duration.seconds(1) },
      });
      yield* sink.write([narinfoItem(1)]);
      yield* db.run(`INSERT INTO narinfos (hash) VALUES ('${narinfo(2).hash}')`);
      yield* db.run("BEGIN; SELECT * FROM narinfos FOR UPDATE");
      expect(tags(yield* sink.write([narinfoItem(1)]))).toEqual(["Found"]);
      const [elapsed, error] = yield* Effect.timed(Effect.flip(sink.write([narinfoItem(2), narinfoItem(3)])));
      expect(error).toMatchObject({ reason: "Busy" });
      expect(Duration.toMillis(elapsed)).toBeGreaterThan(800);
      yield* db.run("ROLLBACK");
      expect(tags(yield* sink.write([narinfoItem(2), narinfoItem(3)]))).toEqual(["Wrote", "Wrote"]);
    }).pipe(Effect.withClock(Clock.make())));

  it.scoped("four writers of the same narinfos, in order and in reverse: no error surfaces, each is written once", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare();
      const items = Array.from({ length: 1000 }, (_, number) => narinfoItem(number));
      const answers = yield* Effect.forEach([0, 1, 2, 3], (writer) =>
        Effect.gen(function*() {
          const sink = yield* open;
          const chunks = Array.from({ length: 10 }, (_, chunk) => items.slice(chunk * 100, chunk * 100 + 100));
          return (yield* Effect.forEach(writer % 2 === 0 ? chunks : chunks.toReversed(), sink.write)).flat();
        }), { concurrency: "unbounded" });
      expect(tags(answers.flat()).filter((tag) => tag === "Wrote")).toHaveLength(1000);
      expect(yield* counts(db)).toEqual({
        narinfos: 1000,
        narinfo_references: 2000,
        narinfo_signatures: 1000,
        nar_files: 1000,
        narinfo_nar_files: 1000,
      });
    }).pipe(Effect.withClock(Clock.make())));
});

describe("sql-upsert on MariaDB, other schemas", () => {
  const people = (type: string) =>
    `CREATE TABLE people (id BIGINT AUTO_INCREMENT PRIMARY KEY, name ${type} NOT NULL UNIQUE, mail VARCHAR(50) CHARACTER SET utf8mb4) ENGINE=InnoDB;`
    + "INSERT INTO people (name, mail) VALUES ('ADA', 'a@b'), ('BOB', NULL)";
  const tables = [{
    table: "people",
    key: ["name"],
    columns: { name: "name", mail: "mail" },
    whenExists: { fill: "mail IS NULL" },
  }];
  const person = (name: string, mail = "e@b") => itemOf(name, { name, mail });

  it.scoped("keys that only a collation calls equal: one identity, and another's row is a conflict, never a receipt", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare(
        people("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"),
        generic(tables),
      );
      const sink = yield* open;
      expect(sink.identify(person("\u00c9ve "))).toBe(sink.identify(person("eve")));
      expect(sink.identify(person("eve"))).not.toBe(sink.identify(person("eva")));
      const { verdicts, written } = yield* settleItems(sink, [person("\u00e4da"), person("bob "), person("eve")]);
      expect(tags(written)).toEqual(["Found", "Refused", "Wrote"]);
      expect(verdicts).toMatchObject([{ code: "conflict/different" }, { code: "conflict/different" }, {
        _tag: "Exact",
      }]);
      expect(yield* db.rows("SELECT name, mail FROM people ORDER BY id")).toEqual([["ADA", "a@b"], ["BOB", null], [
        "eve",
        "e@b",
      ]]);
    }));

  it.scoped("two keys in one batch that the server calls equal and nobody foresaw: an error to bisect by, no wrong row", () =>
    Effect.gen(function*() {
      const { db, open } = yield* prepare(
        people("VARCHAR(20) CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci"),
        generic(tables),
      );
      const sink = yield* open;
      expect(yield* Effect.flip(sink.write([person("eve"), person("EVE")]))).toMatchObject({ reason: "Constraint" });
      expect(yield* db.rows("SELECT count(*) FROM people")).toEqual([[2n]]);
    }));

  it.scoped("a character that the column's character set lacks is a reject, not a question mark", () =>
    Effect.gen(function*() {
      const { open } = yield* prepare(people("VARCHAR(20) CHARACTER SET latin1"), generic(tables));
      const sink = yield* open;
      const { dismissed, items } = sink.sift([person("\u2603"), person("\u00e9"), person("x", "\u{1F600}")]);
      expect(dismissed).toMatchObject([{ code: "sql/unknown-character", item: { key: "\u2603" } }]);
      expect(tags((yield* settleItems(sink, items)).verdicts)).toEqual(["Exact", "Exact"]);
    }));

  it.scoped("a table that knows no transactions, and a key under the rules of a language, are refused by name", () =>
    Effect.gen(function*() {
      const myisam = yield* prepare(people("VARCHAR(20)").replace("InnoDB", "MyISAM"), generic(tables));
      expect((yield* myisam.inspect).problems).toMatchObject([{
        code: "sql/unsafe-table",
        path: ["tables", 0, "table"],
      }]);
      const danish = yield* prepare(people("VARCHAR(20) COLLATE utf8mb4_danish_ci"), generic(tables));
      expect((yield* danish.inspect).problems).toMatchObject([{
        code: "sql/unknown-collation",
        path: ["tables", 0, "key"],
      }]);
    }));

  it.scoped("keys and values of every kind arrive unchanged: binary, int64, fractions, decimals, quotes and controls", () =>
    Effect.gen(function*() {
      const { open } = yield* prepare(
        "CREATE TABLE t (id INT UNSIGNED AUTO_INCREMENT PRIMARY KEY, k VARBINARY(40) NOT NULL, n BIGINT NOT NULL, s VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, r DOUBLE, d DECIMAL(20, 6), b BLOB, UNIQUE (k, n, s));"
          + "CREATE TABLE c (t_id INT UNSIGNED NOT NULL, v VARCHAR(80) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin NOT NULL, PRIMARY KEY (t_id, v))",
        generic([
          { table: "t", key: ["k", "n", "s"], columns: { k: "k", n: "n", s: "s", r: "r", d: "d", b: "b" } },
          { table: "c", each: "list", columns: { t_id: { parent: "t" }, v: "$value" } },
        ]),
      );
      const sink = yield* open;
      const odd = "\\ \" ' ` \t\n\r\b\f\u0001\u001f\u007f\u2028 {} [] \u{1F600} ? $1 %";
      const items = [
        {
          k: Uint8Array.of(0, 255, 39),
          n: 2n ** 63n - 1n,
          s: odd,
          r: 0.1,
          d: 1.5,
          b: Uint8Array.of(1, 0),
          list: [odd, ""],
        },
        { k: Uint8Array.of(), n: -(2n ** 63n), s: "", r: -0, d: 12n, b: null, list: [] },
        {
          k: Uint8Array.of(7),
          n: 2n ** 53n + 1n,
          s: "x",
          r: 1e-300,
          d: 0.000001,
          b: Uint8Array.of(),
          list: ["a", "A"],
        },
      ].map((value, at) => itemOf(`${at}`, value));
      expect(sink.sift(items).items).toEqual(items);
      const { verdicts, written } = yield* settleItems(sink, items);
      expect(tags(written)).toEqual(["Wrote", "Wrote", "Wrote"]);
      expect(tags(verdicts)).toEqual(["Exact", "Exact", "Exact"]);
      expect(tags(yield* sink.write(items))).toEqual(["Found", "Found", "Found"]);
    }));

  it.scoped("a literal of a predicate is text, not an escape", () =>
    Effect.gen(function*() {
      const fill = [{ ...tables[0]!, whenExists: { fill: "mail = 'a\\' OR mail IS NULL" } }];
      const { open } = yield* prepare(people("VARCHAR(20) COLLATE utf8mb4_bin"), generic(fill));
      expect(tags(yield* (yield* open).write([person("ADA"), person("BOB")]))).toEqual(["Found", "Wrote"]);
    }));

  it.scoped("no schema of ncps: one problem, with what to do", () =>
    Effect.gen(function*() {
      const { inspect } = yield* prepare("CREATE TABLE unrelated (x INT)");
      expect((yield* inspect).problems).toMatchObject([{
        code: "sql/missing-table",
        suggestion: expect.stringContaining("ncps migrate up"),
      }]);
    }));

  it.scoped("the compiled SQL of the shipped pipeline is as reviewed", () =>
    Effect.gen(function*() {
      const { inspect } = yield* prepare(undefined, { sink: ncpsSink });
      const text = (yield* inspect).statements.map(({ text, title }) => `-- ${title}\n${text};\n`).join("\n");
      yield* Effect.promise(() => expect(text).toMatchFileSnapshot("../../golden/narinfo-to-db.mysql.sql"));
    }));
});
