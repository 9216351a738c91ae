import { describe, expect, it } from "@effect/vitest";
import { Clock, Duration, Effect, Fiber, Schedule } from "effect";
import { readFileSync } from "node:fs";
import { inspectSink, narinfo, narinfoItem, ncpsSink, openSink, settings, settleItems, tags } from "../ncpsDatabase.ts";
import * as PostgresDatabase from "./postgresDatabase.ts";

const server = PostgresDatabase.server();
const patient = { settings: { ...settings, statementTimeout: Duration.seconds(10) } };
const live = Effect.withClock(Clock.make());

const setUp = (ddl = PostgresDatabase.ncpsSchema) =>
  Effect.gen(function*() {
    const url = yield* server().database(ddl);
    const { rows, run } = yield* PostgresDatabase.rival(url);
    const driver = PostgresDatabase.driver(url);
    return { driver, rows, run, open: openSink(driver, patient) };
  });

type SetUp = Effect.Effect.Success<ReturnType<typeof setUp>>;

const childTables = ["narinfo_references", "narinfo_signatures", "nar_files", "narinfo_nar_files"];

const counts = ({ rows }: Pick<SetUp, "rows">) =>
  Effect.map(
    rows(`SELECT ${["narinfos", ...childTables].map((table) => `(SELECT count(*) FROM ${table})`).join(", ")}`),
    ([row]) => row!.map(Number),
  );

const signature = (letter: string) => `cache.example.org-1:${letter.repeat(86)}==`;

describe("sql-upsert on the PostgreSQL schema of ncps", () => {
  it.scoped("every column arrives as ncps would write it, nulls and times included, and reads back exact", () =>
    Effect.gen(function*() {
      const { open, rows } = yield* setUp();
      const document = narinfo(5);
      const { verdicts, written } = yield* settleItems(yield* open, [narinfoItem(5)]);
      expect([...tags(written), ...tags(verdicts)]).toEqual(["Wrote", "Exact"]);
      const [row] = yield* rows(
        "SELECT hash, store_path, url, upstream_url, compression, file_hash, file_size, nar_hash, nar_size, deriver, system, ca, updated_at,"
          + " created_at > now() - interval '1 minute', last_accessed_at = created_at FROM narinfos",
      );
      expect(row).toEqual([
        document.hash,
        document.storePath,
        document.url,
        null,
        "xz",
        document.fileHash,
        1005n,
        document.narHash,
        2005n,
        document.deriver,
        null,
        null,
        null,
        1n,
        1n,
      ]);
      expect(
        yield* rows("SELECT hash, compression, query, file_size, total_chunks, updated_at, verified_at FROM nar_files"),
      ).toEqual([[document.nar.hash, "xz", "", 1005n, 0n, null, null]]);
    }).pipe(live));

  it.scoped("Invariant 3: a second run finds what the first one wrote: no row is touched, locked or numbered in vain", () =>
    Effect.gen(function*() {
      const { open, rows } = yield* setUp();
      const items = Array.from({ length: 60 }, (_, index) => narinfoItem(index));
      yield* (yield* open).write(items);
      const state = Effect.all([
        rows("SELECT id, xmin, xmax FROM narinfos UNION ALL SELECT -id, xmin, xmax FROM nar_files ORDER BY 1"),
        rows("SELECT last_value FROM narinfos_id_seq UNION ALL SELECT last_value FROM nar_files_id_seq"),
      ]);
      const before = yield* state;
      const { verdicts, written } = yield* settleItems(yield* open, items);
      expect(new Set(tags(written))).toEqual(new Set(["Found"]));
      expect(new Set(tags(verdicts))).toEqual(new Set(["Exact"]));
      expect(yield* state).toEqual(before);
    }).pipe(live));

  it.scoped("stubs, NULL and '', are filled; their times and what the document does not have stay", () =>
    Effect.gen(function*() {
      const { open, rows, run } = yield* setUp();
      yield* run(
        `INSERT INTO narinfos (hash, upstream_url, system, created_at, last_accessed_at) VALUES ('${
          narinfo(1).hash
        }', 'kept', 'gone', '2020-01-01Z', '2020-01-02Z')`,
      );
      yield* run(`INSERT INTO narinfos (hash, url) VALUES ('${narinfo(2).hash}', '')`);
      const sink = yield* open;
      const items = [narinfoItem(2), narinfoItem(1)];
      expect(tags(yield* sink.verify(items))).toEqual(["Absent", "Absent"]);
      const { verdicts, written } = yield* settleItems(sink, items);
      expect([...tags(written), ...tags(verdicts)]).toEqual(["Wrote", "Wrote", "Exact", "Exact"]);
      expect(
        yield* rows(
          "SELECT id, url, upstream_url, system, created_at = '2020-01-01Z', last_accessed_at = '2020-01-02Z', updated_at FROM narinfos WHERE id = 1",
        ),
      ).toEqual([[1n, narinfo(1).url, "kept", null, 1n, 1n, null]]);
      expect(yield* counts({ rows })).toEqual([2, 4, 2, 2, 2]);
    }).pipe(live));

  it.scoped("Invariant 5: a full row is never overwritten: covered, different or incomplete", () =>
    Effect.gen(function*() {
      const { open, rows, run } = yield* setUp();
      const sink = yield* open;
      const items = Array.from({ length: 8 }, (_, index) => narinfoItem(index));
      yield* sink.write(items);
      const id = (number: number) => `(SELECT id FROM narinfos WHERE hash = '${narinfo(number).hash}')`;
      yield* run(
        `UPDATE narinfos SET url = 'nar/other.nar', compression = 'none', file_hash = NULL, file_size = NULL WHERE id = ${
          id(0)
        }`,
      );
      yield* run(`INSERT INTO narinfo_signatures (narinfo_id, signature) VALUES (${id(1)}, '${signature("B")}')`);
      yield* run(`UPDATE narinfos SET nar_hash = upper(nar_hash) WHERE id = ${id(2)}`);
      yield* run(`DELETE FROM narinfo_nar_files WHERE narinfo_id = ${id(3)}`);
      yield* run(`UPDATE narinfos SET store_path = '/nix/store/other' WHERE id = ${id(4)}`);
      yield* run(`INSERT INTO narinfo_references (narinfo_id, reference) VALUES (${id(5)}, 'extra')`);
      yield* run(`DELETE FROM narinfo_references WHERE narinfo_id = ${id(6)}`);
      yield* run(`DELETE FROM narinfo_signatures WHERE narinfo_id = ${id(7)}`);
      const before = yield* counts({ rows });
      const { verdicts, written } = yield* settleItems(sink, items);
      expect(new Set(tags(written))).toEqual(new Set(["Found"]));
      expect(verdicts.map((verdict) => verdict._tag === "Differs" ? verdict.code : verdict._tag)).toEqual([
        ...new Array<string>(4).fill("Covered"),
        "conflict/different",
        "conflict/different",
        "conflict/incomplete",
        "conflict/incomplete",
      ]);
      expect(verdicts[4]).toMatchObject({
        reason: `narinfos: store_path is "/nix/store/other", not ${JSON.stringify(narinfo(4).storePath)}`,
      });
      expect(verdicts[5]).toMatchObject({ reason: 'narinfos: narinfo_references has "extra" more' });
      expect(yield* counts({ rows })).toEqual(before);
    }).pipe(live));

  it.scoped("a stub with references that the document lacks is a conflict, and stays a stub; its signatures may be more", () =>
    Effect.gen(function*() {
      const { open, rows, run } = yield* setUp();
      for (const number of [1, 2, 3]) yield* run(`INSERT INTO narinfos (hash) VALUES ('${narinfo(number).hash}')`);
      yield* run("INSERT INTO narinfo_references (narinfo_id, reference) VALUES (1, 'extra')");
      yield* run(
        `INSERT INTO narinfo_references (narinfo_id, reference) VALUES (2, '${narinfo(2).references[0]}')`,
      );
      yield* run(`INSERT INTO narinfo_signatures (narinfo_id, signature) VALUES (3, '${signature("B")}')`);
      const { verdicts, written } = yield* settleItems(yield* open, [narinfoItem(1), narinfoItem(2), narinfoItem(3)]);
      expect(written[0]).toMatchObject({
        _tag: "Refused",
        reason: "the stub has rows in narinfo_references that the document does not have",
      });
      expect(tags(written)).toEqual(["Refused", "Wrote", "Wrote"]);
      expect(tags(verdicts)).toEqual(["Differs", "Exact", "Covered"]);
      expect(yield* rows("SELECT url FROM narinfos WHERE id = 1")).toEqual([[null]]);
    }).pipe(live));

  it.scoped("a NAR that narinfos share is one row, touched only by items that are written", () =>
    Effect.gen(function*() {
      const { open, rows, run } = yield* setUp();
      const sink = yield* open;
      const { nar } = narinfo(100);
      yield* run(
        `INSERT INTO nar_files (hash, compression, file_size, last_accessed_at) VALUES ('${nar.hash}', 'xz', 7, '2020-01-01Z')`,
      );
      const items = [narinfoItem(1, { nar }), narinfoItem(2, { nar })];
      const { verdicts } = yield* settleItems(sink, items);
      expect(tags(verdicts)).toEqual(["Exact", "Exact"]);
      const state = rows("SELECT id, file_size, last_accessed_at > '2021-01-01Z', xmin FROM nar_files");
      const before = yield* state;
      expect(before[0]!.slice(0, 3)).toEqual([1n, 7n, 1n]);
      yield* sink.write(items);
      expect(yield* state).toEqual(before);
    }).pipe(live));

  it.scoped("Invariant 1: what a rival changes between write and read-back is seen", () =>
    Effect.gen(function*() {
      const { open, run } = yield* setUp();
      const sink = yield* open;
      const items = [1, 2, 3, 4, 5].map((number) => narinfoItem(number));
      yield* sink.write(items);
      yield* run(`DELETE FROM narinfos WHERE hash = '${narinfo(1).hash}'`);
      yield* run(`UPDATE narinfos SET deriver = '' WHERE hash = '${narinfo(2).hash}'`);
      yield* run(`DELETE FROM narinfo_references WHERE reference = '${narinfo(3).references[0]}'`);
      yield* run(`UPDATE narinfos SET url = NULL WHERE hash = '${narinfo(5).hash}'`);
      expect(tags(yield* sink.verify(items))).toEqual(["Absent", "Covered", "Differs", "Exact", "Absent"]);
    }).pipe(live));

  it.scoped("a stub with children of its own that appears in mid-statement: refused whole, filled by the next attempt", () =>
    Effect.gen(function*() {
      const { open, rows, run } = yield* setUp();
      const sink = yield* open;
      const items = [narinfoItem(1), narinfoItem(2)];
      const { hash, references } = narinfo(1);
      yield* run("BEGIN");
      yield* run(`INSERT INTO narinfos (hash) VALUES ('${hash}')`);
      yield* run(`INSERT INTO narinfo_references (narinfo_id, reference) SELECT id, '${references[0]}' FROM narinfos`);
      const writing = yield* Effect.fork(Effect.flip(sink.write(items)));
      yield* rows("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'").pipe(
        Effect.repeat({ until: (waiting) => waiting.length > 0, schedule: Schedule.spaced("10 millis") }),
      );
      yield* run("COMMIT");
      expect(yield* Fiber.join(writing)).toMatchObject({ reason: "Constraint", code: "23505" });
      expect(yield* counts({ rows })).toEqual([1, 1, 0, 0, 0]);
      const { verdicts, written } = yield* settleItems(sink, items);
      expect(tags(written)).toEqual(["Wrote", "Wrote"]);
      expect(tags(verdicts)).toEqual(["Exact", "Exact"]);
      expect(yield* counts({ rows })).toEqual([2, 4, 2, 2, 2]);
    }).pipe(live));

  it.scoped(
    "2000 edge files by two processes at once: stubs filled, full rows untouched and childless, exact counts",
    () =>
      Effect.gen(function*() {
        const { open, rows, run } = yield* setUp();
        const at = (number: number) => number % 5;
        const items = Array.from({ length: 2000 }, (_, number) => {
          const [reference] = narinfo(number).references;
          return narinfoItem(number, {
            references: [reference!, reference!],
            signatures: [signature("B"), signature("A"), signature("B")],
            nar: narinfo(number - number % 10).nar,
          });
        });
        const full = "hash, store_path, url, nar_hash, nar_size";
        for (let number = 0; number < 2000; number++) {
          const { hash, narHash, narSize, storePath, url } = narinfo(number);
          if (at(number) === 1) yield* run(`INSERT INTO narinfos (hash) VALUES ('${hash}')`);
          if (at(number) === 2) yield* run(`INSERT INTO narinfos (hash, url) VALUES ('${hash}', '')`);
          if (at(number) === 3) {
            yield* run(
              `INSERT INTO narinfos (${full}) VALUES ('${hash}', '${storePath}', '${url}', '${narHash}', ${narSize})`,
            );
          }
          if (at(number) === 4) {
            yield* run(`INSERT INTO narinfos (${full}) VALUES ('${hash}', 'other', 'nar/other.nar', 'other', 1)`);
          }
        }
        const fullRows = rows("SELECT hash, xmin FROM narinfos WHERE url <> '' AND deriver IS NULL ORDER BY 1");
        const before = yield* fullRows;
        expect(before).toHaveLength(800);
        const chunks = Array.from({ length: 10 }, (_, chunk) => items.slice(chunk * 200, chunk * 200 + 200));
        const answers = yield* Effect.forEach([chunks, chunks.toReversed()], (mine) =>
          Effect.gen(function*() {
            const sink = yield* open;
            return yield* Effect.forEach(mine, (chunk) => sink.write(chunk));
          }), { concurrency: 2 });
        expect(answers.flat(2).filter(({ _tag }) => _tag === "Wrote")).toHaveLength(1200);
        expect(yield* fullRows).toEqual(before);
        // Tens whose 0, 1 or 2 is written share a NAR.
        expect(yield* counts({ rows })).toEqual([2000, 1200, 2400, 200, 1200]);
      }).pipe(live),
    60_000,
  );

  it.scoped("an older schema: optional columns are left out, and what would be lost is rejected", () =>
    Effect.gen(function*() {
      const { open, rows } = yield* setUp(readFileSync(new URL("./ncps-0.8.sql", import.meta.url), "utf8"));
      const sink = yield* open;
      const items = [narinfoItem(1), narinfoItem(2), narinfoItem(3, { upstreamUrl: "abc?x" })];
      const sifted = sink.sift(items);
      expect(sifted.dismissed).toMatchObject([{ code: "narinfo/opaque-url", item: { key: items[2]!.key } }]);
      expect(tags((yield* settleItems(sink, sifted.items)).verdicts)).toEqual(["Exact", "Exact"]);
      expect(tags((yield* settleItems(sink, sifted.items)).written)).toEqual(["Found", "Found"]);
      expect(yield* counts({ rows })).toEqual([2, 4, 2, 2, 2]);
    }).pipe(live));

  it.scoped("the compiled SQL of the shipped pipeline is as reviewed", () =>
    Effect.gen(function*() {
      const { driver } = yield* setUp();
      const { problems, statements } = yield* inspectSink(driver, { sink: ncpsSink });
      expect(problems).toEqual([]);
      const text = statements.map(({ text, title }) => `-- ${title}\n${text};\n`).join("\n");
      yield* Effect.promise(() => expect(text).toMatchFileSnapshot("../../golden/narinfo-to-db.postgres.sql"));
    }).pipe(live));
});
