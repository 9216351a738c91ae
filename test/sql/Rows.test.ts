import { describe, expect, it } from "@effect/vitest";
import { FastCheck, Schema } from "effect";
import type { Value } from "../../src/core/Sql.ts";
import type * as Catalog from "../../src/sql/Catalog.ts";
import * as Fold from "../../src/sql/Fold.ts";
import * as Mapping from "../../src/sql/Mapping.ts";
import * as Resolve from "../../src/sql/Resolve.ts";
import * as Rows from "../../src/sql/Rows.ts";
import { itemOf } from "../sinks/ncpsDatabase.ts";

const table = (name: string, columns: ReadonlyArray<string>, key: ReadonlyArray<string>): Catalog.Table => ({
  name,
  kind: "table",
  columns: ["id", ...columns].map((column) => ({
    name: column,
    type: "",
    kind: "any",
    notNull: false,
    hasDefault: false,
    generated: false,
    maxLength: undefined,
  })),
  uniqueKeys: [{ columns: key, collations: key.map(() => "NOCASE") }],
  id: "id",
  triggers: [],
  unsafe: undefined,
});

const build = (
  tables: ReadonlyArray<object>,
  catalog: ReadonlyArray<Catalog.Table>,
  documents: ReadonlyArray<object>,
) => {
  const { layout, problems } = Resolve.resolve(Schema.decodeUnknownSync(Mapping.Tables)(tables), {
    catalog: { tables: catalog, remembersIds: false },
    paths: undefined,
    comparators: new Set(),
    collations: new Set(Fold.sqliteCollations.keys()),
  });
  expect(problems).toEqual([]);
  return Rows.builder(layout!, Fold.sqliteCollations).sorted(
    documents.map((document, index) => itemOf(String(index), document)),
  );
};

describe("Rows", () => {
  it("elements of nested lists keep the row of the element they lie in, and `when` leaves some out with all below them", () => {
    const { batch } = build(
      [
        { table: "a", key: ["k"], columns: { k: "k" } },
        {
          table: "b",
          each: "bs",
          when: { path: "$value.skip", not: true },
          key: ["a", "n"],
          columns: { a: { parent: "a" }, n: "$value.n" },
        },
        {
          table: "c",
          each: "bs.deep.cs",
          key: ["b", "v", "k"],
          columns: { b: { parent: "b" }, v: "$value", k: "$root.k" },
        },
      ],
      [table("a", ["k"], ["k"]), table("b", ["a", "n"], ["a", "n"]), table("c", ["b", "v", "k"], ["b", "v", "k"])],
      [
        {
          k: "z",
          bs: [{ n: 1, deep: { cs: ["x", "y"] } }, { n: 2, skip: true, deep: { cs: ["lost"] } }, {
            n: 3,
            deep: [{ cs: "one" }, { cs: [] }, {}],
          }],
        },
        { k: "a", bs: [{ n: 4 }] },
        { k: "m" },
      ],
    );
    expect(batch.tables.map(({ columns }) => columns)).toEqual([
      [["a", "m", "z"]],
      [[0, 2, 2], [4n, 1n, 3n]],
      [[1, 1, 2], ["x", "y", "one"], ["z", "z", "z"]],
    ]);
  });

  it("shared rows are one of each item that has them, with its own letters: which are written is not known yet", () => {
    const { batch, order } = build(
      [
        { table: "a", key: ["k"], columns: { k: "k" } },
        { table: "t", each: "ts", key: ["n"], columns: { n: "$value", by: "$root.k" } },
        { table: "l", each: "ts", columns: { a: { parent: "a" }, t: { parent: "t" } } },
      ],
      [table("a", ["k"], ["k"]), table("t", ["n", "by"], ["n"]), table("l", ["a", "t"], ["a", "t"])],
      [{ k: "B", ts: ["one", "two"] }, { k: "a", ts: ["ONE", "one"] }],
    );
    expect(order).toEqual([1, 0]);
    expect(batch.tables[1]).toEqual({
      columns: [["ONE", "one", "one", "two"], ["a", "a", "B", "B"]],
      size: 4,
      owners: Int32Array.of(0, 0, 1, 1),
    });
    expect(batch.tables[2]!.columns).toEqual([[0, 0, 1, 1], [0, 1, 2, 3]]);
  });

  it("tuples that differ anywhere never encode alike", () => {
    const value: FastCheck.Arbitrary<Value> = FastCheck.oneof(
      FastCheck.constantFrom("", "1", "s1", "1:s", "n", "i1", ":", "a:b"),
      FastCheck.string(),
      FastCheck.bigInt(),
      FastCheck.constant(null),
      FastCheck.uint8Array({ maxLength: 3 }),
    );
    const tuple = FastCheck.array(value, { minLength: 2, maxLength: 2 });
    FastCheck.assert(
      FastCheck.property(tuple, tuple, (a, b) => {
        const same = a.every((one, at) =>
          one === b[at]
          || (one instanceof Uint8Array && b[at] instanceof Uint8Array && Buffer.compare(one, b[at]) === 0)
        );
        expect(Fold.encodeAll(a.map(Fold.encode)) === Fold.encodeAll(b.map(Fold.encode))).toBe(same);
      }),
      { numRuns: 2000 },
    );
  });
});
