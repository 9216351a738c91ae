/** Documents of one's own: what a mapping would lose, or take from a stub that is somebody's. */
import { describe, expect, it } from "@effect/vitest";
import { Effect, Schema } from "effect";
import { sqlUpsert } from "../../src/sinks/sqlUpsert.ts";
import { itemOf, openSink, rows, settings, settleItems, tags, tempDatabase } from "./ncpsDatabase.ts";

const schema = "CREATE TABLE orders (number TEXT PRIMARY KEY, customer TEXT);"
  + "CREATE TABLE items (number TEXT NOT NULL REFERENCES orders (number), sku TEXT NOT NULL, quantity INTEGER, UNIQUE (number, sku));"
  + "CREATE TABLE shops (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, stub INTEGER);"
  + "CREATE TABLE shelves (shop_id INTEGER NOT NULL REFERENCES shops (id), label TEXT COLLATE NOCASE NOT NULL, size INTEGER, UNIQUE (shop_id, label));";

const shelves = {
  table: "shelves",
  each: "shelves",
  key: ["shop_id", "label"],
  columns: { shop_id: { parent: "shops" }, label: "label", size: "size" },
};
const shops = (whenExists: unknown) => ({
  connection: "cache",
  tables: [
    { table: "shops", key: ["name"], columns: { name: "name", stub: { value: 0 } }, whenExists },
    { ...shelves, columns: { ...shelves.columns, label: "$value.label", size: "$value.size" } },
  ],
});
const open = (path: string, whenExists: unknown) =>
  openSink(path, { sink: shops(whenExists), settings: { ...settings, paths: undefined } });

describe("sql-upsert and documents of one's own", () => {
  it.scoped("two rows of one document with one key that differ are rejected before anything is written", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase(schema);
      const sink = yield* open(path, "keep");
      const shop = (name: string, ...labels: ReadonlyArray<readonly [string, number]>) =>
        itemOf(name, { name, shelves: labels.map(([label, size]) => ({ label, size })) });
      const { dismissed, items } = sink.sift([
        shop("a", ["x", 1], ["y", 2]),
        shop("b", ["x", 1], ["x", 2]),
        shop("c", ["x", 1], ["X", 2]),
        shop("d", ["x", 1], ["x", 1]),
      ]);
      expect(dismissed.map(({ code, item }) => `${item.key} ${code}`)).toEqual([
        "b sql/duplicate-row",
        "c sql/duplicate-row",
      ]);
      const { verdicts } = yield* settleItems(sink, items);
      expect(tags(verdicts)).toEqual(["Exact", "Exact"]);
      expect(rows(db, "SELECT count(*) FROM shelves")).toEqual([[3]]);
    }));

  it.scoped("Invariant 5: without covers, a stub with children of its own is a conflict and stays as it is", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase(schema);
      db.exec("INSERT INTO shops VALUES (1, 'a', NULL); INSERT INTO shelves VALUES (1, 'theirs', 7)");
      const sink = yield* open(path, { fill: "stub IS NULL" });
      const { verdicts, written } = yield* settleItems(sink, [
        itemOf("a", { name: "a", shelves: [{ label: "ours", size: 1 }] }),
      ]);
      expect(written).toMatchObject([{ _tag: "Refused", outcome: "conflict" }]);
      expect(tags(verdicts)).toEqual(["Differs"]);
      expect(rows(db, "SELECT stub FROM shops")).toEqual([[null]]);
      expect(rows(db, "SELECT label FROM shelves")).toEqual([["theirs"]]);
    }));

  it("what a shared row has besides its key, and nobody compares, is warned of", () => {
    const decode = Schema.decodeUnknownSync(sqlUpsert.options);
    const tables = (whenExists: unknown) =>
      decode({
        connection: "cache",
        tables: [
          { table: "orders", key: ["number"], columns: { number: "number" } },
          { table: "shops", key: ["name"], columns: { name: "shop", stub: "stub" }, whenExists },
          { table: "links", columns: { order: { parent: "orders" }, shop: { parent: "shops" } } },
        ],
      });
    const codes = (whenExists: unknown) => sqlUpsert.check?.(tables(whenExists)).map(({ code }) => code);
    expect(codes("keep")).toEqual(["sql/first-wins"]);
    expect(codes({ touch: { seen_at: { now: true } } })).toEqual([]);
  });
});
