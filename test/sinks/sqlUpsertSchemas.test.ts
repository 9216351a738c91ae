import { describe, expect, it } from "@effect/vitest";
import { Effect, Exit } from "effect";
import { readFileSync } from "node:fs";
import type { Item } from "../../src/core/Item.ts";
import type { Sql } from "../../src/core/Sql.ts";
import {
  counts,
  inspectSink,
  narinfoItem,
  ncpsSchema,
  ncpsSink,
  openSink,
  rows,
  settings,
  settleItems,
  tags,
  tempDatabase,
} from "./ncpsDatabase.ts";

describe("sql-upsert and databases it cannot use", () => {
  it.scoped("no schema of ncps: one problem, with what to do; nothing is created", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase("CREATE TABLE unrelated (x)");
      const { problems, statements } = yield* inspectSink(path);
      expect(problems).toMatchObject([{
        code: "sql/missing-table",
        path: ["requires", 0],
        suggestion: expect.stringContaining("ncps migrate up"),
      }]);
      expect(statements).toEqual([]);
      expect(rows(db, "SELECT name FROM sqlite_schema")).toEqual([["unrelated"]]);
    }));

  it.scoped("an older schema: optional columns are left out, and what would be lost is rejected", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase(readFileSync(new URL("./ncps-0.8.sql", import.meta.url), "utf8"));
      const sink = yield* openSink(path);
      const items = [narinfoItem(1), narinfoItem(2), narinfoItem(3, { upstreamUrl: "abc?x" })];
      const sifted = sink.sift(items);
      expect(sifted.dismissed).toMatchObject([{
        code: "narinfo/opaque-url",
        outcome: "rejected",
        item: { key: items[2]!.key },
      }]);
      const { verdicts } = yield* settleItems(sink, sifted.items);
      expect(tags(verdicts)).toEqual(["Exact", "Exact"]);
      expect(tags((yield* settleItems(sink, sifted.items)).written)).toEqual(["Found", "Found"]);
      expect(counts(db)).toEqual({
        narinfos: 2,
        narinfo_references: 4,
        narinfo_signatures: 2,
        nar_files: 2,
        narinfo_nar_files: 2,
      });
    }));

  it.scoped("a schema that lacks what the mapping needs: all findings at once, by table and column", () =>
    Effect.gen(function*() {
      const { path } = yield* tempDatabase(
        "CREATE TABLE schema_migrations (version); CREATE TABLE narinfos (id INTEGER PRIMARY KEY, hash TEXT, store_pathh TEXT, extra TEXT NOT NULL);"
          + "CREATE VIEW narinfo_references AS SELECT 1; CREATE TABLE nar_file (x);"
          + "CREATE TABLE narinfo_signatures (narinfo_id INTEGER, signature TEXT);",
      );
      const { problems } = yield* inspectSink(path);
      const texts = problems.map(({ code, message, path: at, suggestion }) =>
        `${at.join(".")} ${code}: ${message} (${suggestion ?? ""})`
      );
      expect(texts).toContain(
        "tables.0.columns.store_path sql/missing-column: table narinfos has no column store_path (did you mean store_pathh?)",
      );
      expect(texts).toContain(
        "tables.0.key sql/no-unique-key: table narinfos has no unique index on exactly (hash): duplicates could arise (it has (id))",
      );
      expect(texts).toContain(
        "tables.0.columns sql/unmapped-column: narinfos.extra must not be null, and nothing is mapped to it (add extra to columns)",
      );
      expect(texts).toContain(
        "tables.1.table sql/no-table: narinfo_references is a view (rows are written to plain tables only)",
      );
      expect(texts).toContain(
        "tables.3.table sql/missing-table: the database has no table nar_files (did you mean nar_file?)",
      );
      expect(texts.some((text) => text.includes("upstream_url"))).toBe(false);
    }));

  it.scoped("a trigger is a warning, a path that no document has an error with a suggestion", () =>
    Effect.gen(function*() {
      const { path } = yield* tempDatabase(
        `${ncpsSchema} CREATE TRIGGER watch AFTER INSERT ON nar_files BEGIN SELECT 1; END;`,
      );
      const { problems } = yield* inspectSink(path, {
        settings: { ...settings, paths: settings.paths!.filter((one) => one !== "storePath").concat("storePaths") },
      });
      expect(problems).toMatchObject([
        {
          code: "sql/unknown-path",
          path: ["tables", 0, "columns", "store_path"],
          suggestion: "did you mean storePaths?",
        },
        { code: "sql/triggers", severity: "warning", path: ["tables", 3, "table"] },
      ]);
    }));

  it.scoped("keys under NOCASE: one identity; a row of other letters is a conflict, never a receipt", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase(
        "CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, mail TEXT);"
          + "INSERT INTO people (name, mail) VALUES ('ADA', 'a@b'), ('BOB', NULL)",
      );
      const sink = yield* openSink(path, {
        sink: {
          connection: "x",
          tables: [{
            table: "people",
            key: ["name"],
            columns: { name: "name", mail: "mail" },
            whenExists: { fill: "mail IS NULL" },
          }],
        },
        settings: { ...settings, paths: undefined },
      });
      const item = (name: string, mail: string): Item => ({ ...narinfoItem(1), key: name, value: { name, mail } });
      expect(sink.identify(item("Ada", ""))).toBe(sink.identify(item("ADA", "")));
      expect(sink.identify(item("É", ""))).not.toBe(sink.identify(item("é", "")));
      const { verdicts, written } = yield* settleItems(sink, [
        item("ada", "a@b"),
        item("bob", "b@b"),
        item("eve", "e@b"),
      ]);
      expect(tags(written)).toEqual(["Found", "Refused", "Wrote"]);
      expect(verdicts).toMatchObject([
        { code: "conflict/different", reason: 'people: name is "ADA", not "ada"' },
        { code: "conflict/different", reason: 'people: name is "BOB", not "bob"' },
        { _tag: "Exact" },
      ]);
      expect(rows(db, "SELECT name, mail FROM people ORDER BY name")).toEqual([["ADA", "a@b"], ["BOB", null], [
        "eve",
        "e@b",
      ]]);
    }));

  it.scoped("shared rows under NOCASE: one row per key, and exact only for the item whose letters it has", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase(
        "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);"
          + "CREATE TABLE teams (id INTEGER PRIMARY KEY, title TEXT NOT NULL UNIQUE COLLATE NOCASE);"
          + "CREATE TABLE members (user_id INTEGER, team_id INTEGER, PRIMARY KEY (user_id, team_id));",
      );
      const sink = yield* openSink(path, {
        sink: {
          connection: "x",
          tables: [
            { table: "users", key: ["name"], columns: { name: "name" } },
            { table: "teams", key: ["title"], columns: { title: "team" } },
            { table: "members", columns: { user_id: { parent: "users" }, team_id: { parent: "teams" } } },
          ],
        },
        settings: { ...settings, paths: undefined },
      });
      const item = (name: string, team: string): Item => ({ ...narinfoItem(1), key: name, value: { name, team } });
      const { verdicts } = yield* settleItems(sink, [item("ada", "RED"), item("bob", "red"), item("eve", "RED")]);
      expect(tags(verdicts)).toEqual(["Exact", "Differs", "Exact"]);
      expect(rows(db, "SELECT title FROM teams")).toEqual([["RED"]]);
    }));

  it.scoped("Invariant 10: opened for reading, nothing can be written", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const sink = yield* openSink(path, { access: "read" });
      expect(tags(yield* sink.verify([narinfoItem(1)]))).toEqual(["Absent"]);
      expect(Exit.isFailure(yield* Effect.exit(sink.write([narinfoItem(1)])))).toBe(true);
      expect(counts(db)).toMatchObject({ narinfos: 0 });
    }));

  it.scoped("the plan's identity changes with the schema of mapped tables, not with others or with rows", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const { identity } = yield* inspectSink(path);
      db.exec("CREATE TABLE mine (x); INSERT INTO narinfos (hash) VALUES ('x')");
      expect((yield* inspectSink(path)).identity).toEqual(identity);
      db.exec("ALTER TABLE nar_files ADD COLUMN extra TEXT");
      expect((yield* inspectSink(path)).identity).not.toEqual(identity);
    }));
});

describe("sql-upsert and durability", () => {
  it.scoped("Invariant 1: whoever committed a row, it is settled before reading back answers; nothing there, nothing settled", () =>
    Effect.gen(function*() {
      const { path } = yield* tempDatabase();
      let settled = 0;
      const wrap = (sql: Sql): Sql => ({
        ...sql,
        settle: Effect.zipLeft(sql.settle, Effect.sync(() => settled++)),
      });
      const sink = yield* openSink(path, { wrap });
      expect(tags(yield* sink.verify([narinfoItem(1)]))).toEqual(["Absent"]);
      expect(settled).toBe(0);
      yield* sink.write([narinfoItem(1)]);
      expect(tags(yield* sink.verify([narinfoItem(1), narinfoItem(2)]))).toEqual(["Exact", "Absent"]);
      expect(settled).toBe(1);
      // Its own commits too: one that filled a stub with what it had has synced nothing.
      expect(tags((yield* settleItems(sink, [narinfoItem(3)])).verdicts)).toEqual(["Exact"]);
      expect(settled).toBe(2);
    }));

  it.scoped("Invariant 1: a database whose commits a power loss can undo is refused, unless the spec says relaxed", () =>
    Effect.gen(function*() {
      const { path } = yield* tempDatabase();
      const wrap = (sql: Sql): Sql => ({ ...sql, facts: { ...sql.facts, durable: false, durability: "fsync=off" } });
      expect((yield* inspectSink(path, { wrap })).problems).toMatchObject([{
        code: "sql/not-durable",
        severity: "error",
      }]);
      const relaxed = { ...ncpsSink, durability: "relaxed" };
      expect((yield* inspectSink(path, { wrap, sink: relaxed })).problems).toEqual([]);
    }));
});

describe("sql-upsert, statements", () => {
  it.scoped("the compiled SQL of the shipped pipeline is as reviewed", () =>
    Effect.gen(function*() {
      const { path } = yield* tempDatabase();
      const { statements } = yield* inspectSink(path, { sink: ncpsSink });
      const text = statements.map(({ text, title }) => `-- ${title}\n${text};\n`).join("\n");
      yield* Effect.promise(() => expect(text).toMatchFileSnapshot("../golden/narinfo-to-db.sqlite.sql"));
    }));
});
