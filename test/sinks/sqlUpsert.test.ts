import { describe, expect, it } from "@effect/vitest";
import { Clock, Duration, Effect, Fiber } from "effect";
import {
  counts,
  itemOf,
  narinfo,
  narinfoItem,
  ncpsSchema,
  openSink,
  rows,
  settings,
  settleItems,
  tags,
  tempDatabase,
} from "./ncpsDatabase.ts";

const now = /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}000\+00:00$/;
const signature = (letter: string) => `cache.example.org-1:${letter.repeat(86)}==`;

/** Busy waits happen in SQLite, not on the test's clock. */
const realClock = Clock.make();

describe("sql-upsert on the schema of ncps", () => {
  it.scoped("an empty database: every row and child arrives, and reads back exact", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      const items = Array.from({ length: 120 }, (_, index) => narinfoItem(index));
      const { verdicts, written } = yield* settleItems(sink, items);
      expect(new Set(tags(written))).toEqual(new Set(["Wrote"]));
      expect(new Set(tags(verdicts))).toEqual(new Set(["Exact"]));
      expect(counts(db)).toEqual({
        narinfos: 120,
        narinfo_references: 240,
        narinfo_signatures: 120,
        nar_files: 120,
        narinfo_nar_files: 120,
      });
      const linked = "SELECT count(*) FROM narinfo_nar_files l JOIN narinfos n ON n.id = l.narinfo_id "
        + "JOIN nar_files f ON f.id = l.nar_file_id WHERE n.url = 'nar/' || f.hash || '.nar.xz'";
      expect(rows(db, linked)).toEqual([[120]]);
    }));

  it.scoped("every column arrives as ncps would write it, nulls and times included", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      const document = narinfo(5);
      yield* sink.write([narinfoItem(5)]);
      const [row] = rows(
        db,
        "SELECT hash, store_path, url, upstream_url, compression, file_hash, file_size, nar_hash, nar_size, deriver, system, ca, updated_at FROM narinfos",
      );
      expect(row).toEqual([
        document.hash,
        document.storePath,
        document.url,
        null,
        "xz",
        document.fileHash,
        1005,
        document.narHash,
        2005,
        document.deriver,
        null,
        null,
        null,
      ]);
      const [file] = rows(
        db,
        "SELECT hash, compression, query, file_size, total_chunks, updated_at, verified_at FROM nar_files",
      );
      expect(file).toEqual([document.nar.hash, "xz", "", 1005, 0, null, null]);
      for (
        const [created, accessed] of rows(
          db,
          "SELECT created_at, last_accessed_at FROM narinfos UNION ALL SELECT created_at, last_accessed_at FROM nar_files",
        )
      ) {
        expect(created).toMatch(now);
        expect(accessed).toMatch(now);
      }
    }));

  it.scoped("Invariant 3: a second run finds what the first one wrote and changes nothing", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const items = Array.from({ length: 60 }, (_, index) => narinfoItem(index));
      yield* (yield* openSink(path)).write(items);
      const dump = () =>
        rows(
          db,
          "SELECT * FROM narinfos UNION ALL SELECT id, created_at, updated_at, hash, compression, query, file_size, total_chunks, 0, 0, 0, 0, 0, 0, 0, last_accessed_at FROM nar_files",
        );
      const before = dump();
      const { verdicts, written } = yield* settleItems(yield* openSink(path), items);
      expect(new Set(tags(written))).toEqual(new Set(["Found"]));
      expect(new Set(tags(verdicts))).toEqual(new Set(["Exact"]));
      expect(dump()).toEqual(before);
    }));

  it.scoped("stubs, NULL and '', are filled; their times and what the document does not have stay", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const [first, second] = [narinfoItem(1), narinfoItem(2)];
      db.prepare(
        "INSERT INTO narinfos (hash, upstream_url, system, created_at, last_accessed_at) VALUES (?, 'kept', 'gone', '2020-01-01', '2020-01-02')",
      )
        .run(narinfo(1).hash);
      db.prepare("INSERT INTO narinfos (hash, url, created_at) VALUES (?, '', '2020-01-01')").run(narinfo(2).hash);
      const sink = yield* openSink(path);
      expect(tags(yield* sink.verify([first, second]))).toEqual(["Absent", "Absent"]);
      const { verdicts, written } = yield* settleItems(sink, [second, first]);
      expect(tags(written)).toEqual(["Wrote", "Wrote"]);
      expect(tags(verdicts)).toEqual(["Exact", "Exact"]);
      expect(
        rows(
          db,
          "SELECT id, url, upstream_url, system, created_at, last_accessed_at, updated_at FROM narinfos WHERE hash = ?",
          narinfo(1).hash,
        ),
      )
        .toEqual([[1, narinfo(1).url, "kept", null, "2020-01-01", "2020-01-02", null]]);
      expect(counts(db)).toEqual({
        narinfos: 2,
        narinfo_references: 4,
        narinfo_signatures: 2,
        nar_files: 2,
        narinfo_nar_files: 2,
      });
    }));

  it.scoped("Invariant 5: a full row is never overwritten: covered, different or incomplete", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      const items = Array.from({ length: 8 }, (_, index) => narinfoItem(index));
      yield* sink.write(items);
      const id = (number: number) => `(SELECT id FROM narinfos WHERE hash = '${narinfo(number).hash}')`;
      // What ncps itself changes later: covered.
      db.exec(
        `UPDATE narinfos SET url = 'nar/other.nar', compression = 'none', file_hash = NULL, file_size = NULL WHERE id = ${
          id(0)
        }`,
      );
      db.exec(`INSERT INTO narinfo_signatures (narinfo_id, signature) VALUES (${id(1)}, '${signature("B")}')`);
      db.exec(`UPDATE narinfos SET nar_hash = upper(nar_hash) WHERE id = ${id(2)}`);
      db.exec(`DELETE FROM narinfo_nar_files WHERE narinfo_id = ${id(3)}`);
      // What makes it another row, or less of one.
      db.exec(`UPDATE narinfos SET store_path = '/nix/store/other' WHERE id = ${id(4)}`);
      db.exec(`INSERT INTO narinfo_references (narinfo_id, reference) VALUES (${id(5)}, 'extra')`);
      db.exec(`DELETE FROM narinfo_references WHERE narinfo_id = ${id(6)}`);
      db.exec(`DELETE FROM narinfo_signatures WHERE narinfo_id = ${id(7)}`);
      const before = counts(db);
      const { verdicts, written } = yield* settleItems(sink, items);
      expect(new Set(tags(written))).toEqual(new Set(["Found"]));
      expect(verdicts.map((verdict) => verdict._tag === "Differs" ? verdict.code : verdict._tag)).toEqual([
        "Covered",
        "Covered",
        "Covered",
        "Covered",
        "conflict/different",
        "conflict/different",
        "conflict/incomplete",
        "conflict/incomplete",
      ]);
      const reasons = verdicts.map((verdict) => verdict._tag === "Differs" ? verdict.reason : "");
      expect(reasons[4]).toBe(
        `narinfos: store_path is "/nix/store/other", not ${JSON.stringify(narinfo(4).storePath)}`,
      );
      expect(reasons[5]).toBe('narinfos: narinfo_references has "extra" more');
      expect(reasons[6]).toMatch(/^narinfos: narinfo_references lacks ".*" and 1 more$/);
      expect(reasons[7]).toMatch(/^narinfos: narinfo_signatures lacks "cache/);
      expect(counts(db)).toEqual(before);
    }));

  it.scoped("a stub with children of its own that the document lacks is a conflict, and stays a stub", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      for (const number of [1, 2, 3]) db.prepare("INSERT INTO narinfos (hash) VALUES (?)").run(narinfo(number).hash);
      db.exec("INSERT INTO narinfo_references (narinfo_id, reference) VALUES (1, 'extra')");
      db.prepare("INSERT INTO narinfo_references (narinfo_id, reference) VALUES (2, ?)").run(narinfo(2).references[0]);
      db.prepare("INSERT INTO narinfo_signatures (narinfo_id, signature) VALUES (3, ?)").run(signature("B"));
      const items = [narinfoItem(1), narinfoItem(2), narinfoItem(3)];
      const { verdicts, written } = yield* settleItems(sink, items);
      expect(written[0]).toMatchObject({ _tag: "Refused", outcome: "conflict", code: "conflict/different" });
      expect(tags(written)).toEqual(["Refused", "Wrote", "Wrote"]);
      // The signature more is no exact match, but covered: it is somebody's, and may stay.
      expect(tags(verdicts)).toEqual(["Differs", "Exact", "Covered"]);
      expect(verdicts[0]).toMatchObject({ reason: 'narinfos: narinfo_references has "extra" more' });
      expect(rows(db, "SELECT url FROM narinfos WHERE id = 1")).toEqual([[null]]);
      expect(counts(db)).toMatchObject({ narinfo_references: 5, nar_files: 2, narinfo_nar_files: 2 });
    }));

  it.scoped("a NAR that many narinfos share is one row, touched where it was there before", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      const { nar } = narinfo(100);
      db.prepare(
        "INSERT INTO nar_files (hash, compression, query, file_size, last_accessed_at, created_at) VALUES (?, 'xz', '', 7, '2020-01-01', '2020-01-01')",
      ).run(nar.hash);
      const shared = narinfo(101).nar;
      const items = [
        narinfoItem(1, { nar }),
        narinfoItem(2, { nar }),
        narinfoItem(3, { nar: shared }),
        narinfoItem(4, { nar: shared }),
      ];
      const { verdicts } = yield* settleItems(sink, items);
      expect(new Set(tags(verdicts))).toEqual(new Set(["Exact"]));
      const files = rows(db, "SELECT id, file_size, created_at, last_accessed_at FROM nar_files ORDER BY id");
      expect(files.map(([id, size]) => [id, size])).toEqual([[1, 7], [2, Number(shared.fileSize)]]);
      expect(files[0]![2]).toBe("2020-01-01");
      expect(files[0]![3]).toMatch(now);
      expect(rows(db, "SELECT nar_file_id, count(*) FROM narinfo_nar_files GROUP BY 1 ORDER BY 1")).toEqual([[1, 2], [
        2,
        2,
      ]]);
    }));

  it.scoped("a full row's NAR is not touched: only items that are written touch anything", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      yield* sink.write([narinfoItem(1)]);
      db.exec("UPDATE nar_files SET last_accessed_at = '2020-01-01'");
      yield* sink.write([narinfoItem(1)]);
      expect(rows(db, "SELECT last_accessed_at FROM nar_files")).toEqual([["2020-01-01"]]);
    }));

  it.scoped("Invariant 5: a conflicting item says nothing of the NAR that it shares with one that is written", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      yield* sink.write([narinfoItem(1)]);
      const { nar } = narinfo(100);
      const { verdicts } = yield* settleItems(sink, [
        narinfoItem(1, { narSize: 1n, nar: { ...nar, fileSize: 1n } }),
        narinfoItem(2, { nar }),
      ]);
      expect(tags(verdicts)).toEqual(["Differs", "Exact"]);
      expect(rows(db, "SELECT file_size FROM nar_files WHERE hash = ?", nar.hash)).toEqual([[Number(nar.fileSize)]]);
    }));

  it.scoped("references and signatures given twice are one row each, and read back exact", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      const [reference] = narinfo(1).references;
      const items = [
        narinfoItem(1, {
          references: [reference!, reference!],
          signatures: [signature("B"), signature("A"), signature("B")],
        }),
      ];
      expect(tags((yield* settleItems(sink, items)).verdicts)).toEqual(["Exact"]);
      expect(counts(db)).toMatchObject({ narinfo_references: 1, narinfo_signatures: 2 });
    }));

  it.scoped("ids of deleted rows are never given again", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      yield* sink.write([narinfoItem(1), narinfoItem(2)]);
      db.pragma("foreign_keys = ON");
      db.exec("DELETE FROM narinfos; DELETE FROM nar_files");
      yield* sink.write([narinfoItem(3)]);
      expect(rows(db, "SELECT id FROM narinfos UNION ALL SELECT id FROM nar_files")).toEqual([[3], [3]]);
      db.exec("INSERT INTO narinfos (hash) VALUES ('by ncps')");
      expect(rows(db, "SELECT max(id) FROM narinfos")).toEqual([[4]]);
    }));

  it.scoped("int64 extremes arrive unrounded, beyond them is a reject", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      const largest = 2n ** 63n - 1n;
      const items = [
        narinfoItem(1, { narSize: largest, fileSize: 2n ** 53n + 1n }),
        narinfoItem(2, { narSize: largest + 1n }),
      ];
      const sifted = sink.sift(items);
      expect(sifted.dismissed).toMatchObject([{
        outcome: "rejected",
        code: "sql/out-of-range",
        item: { key: items[1]!.key },
      }]);
      expect(tags((yield* settleItems(sink, sifted.items)).verdicts)).toEqual(["Exact"]);
      expect(db.prepare("SELECT nar_size, file_size FROM narinfos").raw().get()).toEqual([largest, 2n ** 53n + 1n]);
    }));

  it.scoped("numbers in columns that round or convert: what is stored as another value is a reject, all else reads back exact", () =>
    Effect.gen(function*() {
      const { path } = yield* tempDatabase(
        "CREATE TABLE t (id INTEGER PRIMARY KEY, k TEXT NOT NULL UNIQUE, r REAL, n NUMERIC)",
      );
      const tables = [{ table: "t", key: ["k"], columns: { k: "k", r: "r", n: "n" } }];
      const sink = yield* openSink(path, {
        sink: { connection: "x", tables },
        settings: { ...settings, paths: undefined },
      });
      const of = (values: ReadonlyArray<object>) =>
        values.map((value, at) => itemOf(`${at}`, { k: `${at}`, ...value }));
      const odd = of([{ r: 2n ** 53n + 1n }, { n: "1e999" }, { n: " 12 " }, { r: Number.NaN }]);
      expect(sink.sift(odd).dismissed.map(({ code }) => code)).toEqual(new Array(4).fill("sql/wrong-type"));
      const [flag] = sink.sift(of([{ k: true }])).dismissed;
      expect(flag?.reason).toBe("t.k: the column (text) cannot hold a number or a boolean");
      const kept = of([{ r: 2n ** 62n }, { r: -0 }, { r: 0.1 }, { n: 2 ** 60 }, { n: 1e30 }, { n: 1.5 }, { n: "1_0" }]);
      expect(sink.sift(kept).items).toEqual(kept);
      expect(tags((yield* settleItems(sink, kept)).verdicts)).toEqual(new Array(7).fill("Exact"));
    }));

  it.scoped("Invariant 6: what no column can hold is rejected item by item, before any batch", () =>
    Effect.gen(function*() {
      const { path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      const odd = (changes: object) => narinfoItem(9, changes);
      const items = [
        odd({ url: "nar/\0" }),
        odd({ url: "nar/\ud800" }),
        odd({ url: ["a"] }),
        odd({ narSize: "12" }),
        odd({ narSize: 1.5 }),
        odd({ hash: null }),
        odd({ references: ["a", null] }),
        odd({ nar: { ...narinfo(9).nar, fileSize: null } }),
        odd({ url: "nar/\u{1F600}" }),
      ];
      const { dismissed, items: passed } = sink.sift(items);
      expect(dismissed.map(({ code }) => code)).toEqual(expect.arrayContaining([
        "sql/nul",
        "sql/invalid-unicode",
        "sql/wrong-type",
        "sql/wrong-type",
        "sql/wrong-type",
        "sql/null-value",
        "sql/null-value",
        "sql/null-value",
      ]));
      expect(dismissed).toHaveLength(8);
      expect(dismissed.find(({ code }) => code === "sql/nul")?.reason).toBe("narinfos.url: the text holds a NUL");
      expect(passed).toEqual([items[8]]);
      expect(tags((yield* settleItems(sink, passed)).verdicts)).toEqual(["Exact"]);
    }));

  it.scoped("Invariant 1: what a rival changes between write and read-back is seen", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      const items = [1, 2, 3, 4].map((number) => narinfoItem(number));
      yield* sink.write(items);
      db.pragma("foreign_keys = ON");
      db.prepare("DELETE FROM narinfos WHERE hash = ?").run(narinfo(1).hash);
      db.prepare("UPDATE narinfos SET deriver = '' WHERE hash = ?").run(narinfo(2).hash);
      db.prepare("DELETE FROM narinfo_references WHERE reference = ?").run(narinfo(3).references[0]);
      expect(tags(yield* sink.verify(items))).toEqual(["Absent", "Covered", "Differs", "Exact"]);
    }));

  it.scoped("Invariant 1: a grandchild that also names its root is not taken for the document's when it names another", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase(`
        CREATE TABLE customers (id INTEGER PRIMARY KEY, number INTEGER NOT NULL UNIQUE);
        CREATE TABLE orders (id INTEGER PRIMARY KEY, customer_id INTEGER NOT NULL, reference TEXT NOT NULL, UNIQUE (customer_id, reference));
        CREATE TABLE items (order_id INTEGER NOT NULL, customer_id INTEGER NOT NULL, position INTEGER NOT NULL, UNIQUE (order_id, position));
      `);
      const items = [1n, 2n].map((number) =>
        itemOf(String(number), { number, orders: [{ reference: "a", items: [{ position: 1n }] }] })
      );
      const parents = [["order_id", { parent: "orders" }], ["customer_id", { parent: "customers" }]] as const;
      // By the one named first the rows are found; the other must lead to the same place.
      for (const columns of [parents, parents.toReversed()]) {
        db.exec("DELETE FROM items; DELETE FROM orders; DELETE FROM customers");
        const sink = yield* openSink(path, {
          settings: { ...settings, paths: undefined },
          sink: {
            connection: "cache",
            tables: [
              { table: "customers", key: ["number"], columns: { number: "number" } },
              {
                table: "orders",
                each: "orders",
                key: ["customer_id", "reference"],
                columns: { customer_id: { parent: "customers" }, reference: "$value.reference" },
              },
              {
                table: "items",
                each: "orders.items",
                key: ["order_id", "position"],
                columns: { ...Object.fromEntries(columns), position: "$value.position" },
              },
            ],
          },
        });
        expect(tags((yield* settleItems(sink, items)).verdicts)).toEqual(["Exact", "Exact"]);
        db.exec(`UPDATE items SET customer_id = (SELECT max(id) + min(id) FROM customers) - customer_id`);
        expect(yield* sink.verify(items)).toMatchObject([
          { _tag: "Differs", code: "conflict/different" },
          { _tag: "Differs", code: "conflict/different" },
        ]);
      }
    }));

  it.scoped("a batch is one transaction: a constraint nobody foresaw leaves nothing behind", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase(`${ncpsSchema} CREATE UNIQUE INDEX odd ON narinfos (deriver);`);
      const sink = yield* openSink(path);
      const items = Array.from(
        { length: 100 },
        (_, number) => narinfoItem(number, number >= 98 ? { deriver: "same" } : {}),
      );
      const error = yield* Effect.flip(sink.write(items));
      expect(error).toMatchObject({ reason: "Constraint", code: "SQLITE_CONSTRAINT_UNIQUE" });
      expect(counts(db)).toMatchObject({ narinfos: 0, nar_files: 0 });
      expect(tags(yield* sink.write(items.slice(0, 99)))).toHaveLength(99);
    }));

  it.scoped("a CHECK that fails is the data's fault", () =>
    Effect.gen(function*() {
      const { path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      expect(yield* Effect.flip(sink.write([narinfoItem(1, { narSize: -1n })]))).toMatchObject({
        reason: "Data",
        code: "SQLITE_CONSTRAINT_CHECK",
      });
    }));

  it.scoped("the write lock of another process is waited for as long as told, then Busy", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path);
      db.exec("BEGIN IMMEDIATE");
      const [elapsed, error] = yield* Effect.timed(Effect.flip(sink.write([narinfoItem(1)])));
      expect(error).toMatchObject({ reason: "Busy", code: "SQLITE_BUSY" });
      expect(Duration.toMillis(elapsed)).toBeGreaterThan(250);
      expect(tags(yield* sink.verify([narinfoItem(1)]))).toEqual(["Absent"]);
      db.exec("ROLLBACK");
      expect(tags(yield* sink.write([narinfoItem(1)]))).toEqual(["Wrote"]);
    }).pipe(Effect.withClock(realClock)));

  it.scoped("two writers at once: every narinfo once, nobody loses", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const patient = { settings: { ...settings, statementTimeout: Duration.seconds(10) } };
      const sinks = [yield* openSink(path, patient), yield* openSink(path, patient)];
      const items = Array.from({ length: 600 }, (_, number) => narinfoItem(number));
      const chunks = Array.from({ length: 12 }, (_, chunk) => items.slice(chunk * 50, chunk * 50 + 50));
      const fibers = yield* Effect.forEach(sinks, (sink, index) =>
        Effect.fork(Effect.forEach(index === 0 ? chunks : chunks.toReversed(), (chunk) =>
          sink.write(chunk))));
      const answers = (yield* Fiber.join(Fiber.all(fibers))).flat(2);
      expect(answers.filter(({ _tag }) =>
        _tag === "Wrote"
      )).toHaveLength(600);
      expect(answers.filter(({ _tag }) => _tag === "Found")).toHaveLength(600);
      expect(counts(db)).toEqual({
        narinfos: 600,
        narinfo_references: 1200,
        narinfo_signatures: 600,
        nar_files: 600,
        narinfo_nar_files: 600,
      });
    }).pipe(Effect.withClock(realClock)));
});
