import { describe, expect, it } from "@effect/vitest";
import Database from "better-sqlite3";
import { Either } from "effect";
import type { Row } from "../../src/core/Sql.ts";
import { syntaxes } from "../../src/sql/Dialects.ts";
import type { Column, Layout } from "../../src/sql/Layout.ts";
import * as PredicateParser from "../../src/sql/PredicateParser.ts";
import * as Stubs from "../../src/sql/Stubs.ts";

const column = (name: string): Column => ({
  name,
  type: "text",
  source: { _tag: "Path", from: "document", fields: [name] },
  optional: false,
  kind: "text",
  notNull: false,
  maxLength: undefined,
});

/** Only what stubs depend on. */
const layout = (key: ReadonlyArray<string>, fill: string | undefined): Layout => ({
  scopes: [{ up: 0, fields: [] }],
  tables: [{
    name: "t",
    role: "root",
    scope: 0,
    when: undefined,
    columns: ["a", "b", "url"].map(column),
    key: key.map((name) => ["a", "b", "url"].indexOf(name)),
    collations: key.map(() => "BINARY"),
    id: undefined,
    touch: [],
    anchor: undefined,
  }],
  dropped: [],
  fill: fill === undefined ? undefined : Either.getOrThrow(PredicateParser.parse(fill)),
  covers: undefined,
  remembersIds: false,
});

/** All pages, in one database. */
const pages = (database: Database.Database, definition: Stubs.Definition): ReadonlyArray<ReadonlyArray<Row>> => {
  const all: Array<ReadonlyArray<Row>> = [];
  for (let after: Row | undefined;;) {
    const script = Stubs.program.script(definition, after);
    const { value: call } = script.next();
    if (call === undefined || !("text" in call)) throw new Error("no call");
    const rows = database.prepare(call.text).raw(true).all(...call.binds[0]!) as ReadonlyArray<Row>;
    expect(script.next(rows)).toEqual({ done: true, value: rows });
    if (rows.length === 0) return all;
    all.push(rows);
    after = rows.at(-1);
  }
};

describe("Stubs", () => {
  it("has one text per page in every dialect, names quoted, values bound", () => {
    const of = (dialect: keyof typeof syntaxes, key: ReadonlyArray<string>) =>
      Stubs.compile(layout(key, "url IS NULL OR url = ''"), syntaxes[dialect]);
    expect(of("sqlite", ["a"])).toEqual({
      first: `SELECT "a" FROM "t" WHERE ("url" IS NULL OR "url" = '') ORDER BY "a" LIMIT 1000`,
      next: `SELECT "a" FROM "t" WHERE ("url" IS NULL OR "url" = '') AND "a" > ? ORDER BY "a" LIMIT 1000`,
    });
    expect(of("postgres", ["a", "b"])?.next).toBe(
      `SELECT "a", "b" FROM "t" WHERE ("url" IS NULL OR "url" = '') AND ("a", "b") > ($1, $2) ORDER BY "a", "b" LIMIT 1000`,
    );
    expect(of("mysql", ["a", "b"])?.next).toBe(
      "SELECT `a`, `b` FROM `t` WHERE (`url` IS NULL OR `url` = '') AND (`a`, `b`) > (?, ?) ORDER BY `a`, `b` LIMIT 1000",
    );
  });

  it("there are none where nothing is ever filled", () => {
    expect(Stubs.compile(layout(["a"], undefined), syntaxes.sqlite)).toBeUndefined();
  });

  it.each([[["a"]], [["a", "b"]]])("every row comes once, over pages, by key %j", (key) => {
    const database = new Database(":memory:");
    database.exec("CREATE TABLE t (a TEXT, b TEXT, url TEXT)");
    const insert = database.prepare("INSERT INTO t VALUES (?, ?, ?)");
    for (let at = 0; at < 3_000; at++) {
      const a = key.length === 1 ? `k${at}` : `k${at % 7}`;
      insert.run(a, `b${at}`, at % 5 === 0 ? "there" : at % 5 === 1 ? "" : null);
    }
    const found = pages(database, Stubs.compile(layout(key, "url IS NULL OR url = ''"), syntaxes.sqlite)!);
    database.close();
    expect(found.map((rows) => rows.length)).toEqual([1_000, 1_000, 400]);
    expect(new Set(found.flat().map((row) => row.join())).size).toBe(2_400);
  });

  it("a predicate of alternatives stays one condition beside the key", () => {
    const { next } = Stubs.compile(layout(["a"], "url IS NULL"), syntaxes.sqlite)!;
    expect(next).toContain(`WHERE "url" IS NULL AND "a" > ?`);
  });
});
