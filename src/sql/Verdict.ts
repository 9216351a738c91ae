/** Whether a row that is there covers the document: the one predicate that grants receipts (Invariant 1). */
import type { Comparator, Verdict } from "../core/Component.ts";
import type { Value } from "../core/Sql.ts";
import * as Expected from "./Expected.ts";
import * as Fold from "./Fold.ts";
import * as Layout from "./Layout.ts";
import type { Batch } from "./Rows.ts";
import type { Sighting } from "./Upsert.ts";

/** Per item, in batch order. */
export const verdicts = (
  layout: Layout.Layout,
  comparators: ReadonlyMap<string, Comparator>,
  batch: Batch,
  sightings: ReadonlyArray<Sighting>,
): ReadonlyArray<Verdict> => {
  const judged = (place: number): boolean => typeof sightings[place] === "object";
  const expected = layout.tables.map((table, index) =>
    table.role === "child" && sightings.some((sighting) => typeof sighting === "object")
      ? Expected.childFacets(layout, batch, Layout.facets(layout, index), index, judged)
      : []
  );
  return sightings.map((sighting, place): Verdict => {
    if (sighting === "absent") return { _tag: "Absent" };
    if (sighting === "exact") return { _tag: "Exact" };
    if (sighting.fillable) return { _tag: "Absent" };

    const columns = columnDifferences(layout, comparators, batch, place, sighting.columns);
    const lacking: Array<string> = [];
    const extra: Array<string> = [];
    const compare = (table: number, equal: boolean): void => {
      const { name } = layout.tables[table]!;
      const [missing, surplus] = difference(expected[table]![place]!, sighting.children[table]!);
      if (missing.length > 0) lacking.push(`${name} lacks ${some(missing)}`);
      if (equal && surplus.length > 0) extra.push(`${name} has ${some(surplus)} more`);
    };
    if (layout.covers === undefined) {
      for (let table = 0; table < layout.tables.length; table++) {
        if (layout.tables[table]!.role === "child") compare(table, true);
      }
    } else {
      for (const table of layout.covers.equal) compare(table, true);
      for (const table of layout.covers.subset) compare(table, false);
    }
    const differs = [...columns, ...extra];
    if (differs.length + lacking.length === 0) return { _tag: "Covered" };
    return {
      _tag: "Differs",
      code: differs.length > 0 ? "conflict/different" : "conflict/incomplete",
      reason: `${layout.tables[0]!.name}: ${[...differs, ...lacking].join("; ")}`,
    };
  });
};

const columnDifferences = (
  layout: Layout.Layout,
  comparators: ReadonlyMap<string, Comparator>,
  batch: Batch,
  place: number,
  actual: ReadonlyArray<Value>,
): ReadonlyArray<string> => {
  const root = layout.tables[0]!;
  const named = layout.covers?.columns
    ?? root.columns.flatMap((column, at) =>
      Layout.isCompared(root, column) ? [{ column: at, comparator: undefined }] : []
    );
  // A key that is equal only under its collation is another item's row.
  const keys = root.key.filter((at) => !named.some(({ column }) => column === at)).map((column) => ({
    column,
    comparator: undefined,
  }));
  return [...keys, ...named].flatMap(({ column, comparator }) => {
    const wanted = Expected.cell(layout, batch, 0, column, place);
    const there = actual[column]!;
    const { name, optional } = root.columns[column]!;
    if ((wanted === null && optional) || Fold.isSame(wanted, there)) return [];
    const same = comparator === undefined ? undefined : comparators.get(comparator);
    if (same !== undefined && typeof wanted === "string" && typeof there === "string" && same(wanted, there)) return [];
    return [`${name} is ${show(there)}, not ${show(wanted)}`];
  });
};

type Rows = ReadonlyArray<ReadonlyArray<Value>>;

const difference = (expected: Rows, actual: Rows): readonly [missing: Rows, surplus: Rows] => {
  const without = (rows: Rows, others: Rows): Rows => {
    const known = new Set(others.map(Expected.encodeFacets));
    return rows.filter((row) => !known.has(Expected.encodeFacets(row)));
  };
  return [without(expected, actual), without(actual, expected)];
};

/** Enough to recognise a value by; the row itself can be looked at. */
const shownCharacters = 60;

const show = (value: Value): string => {
  if (value === null) return "NULL";
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length <= shownCharacters ? text : `${text.slice(0, shownCharacters - 1)}…`;
};

const some = (rows: Rows): string => {
  const first = rows[0]!.map(show).join(" ");
  return rows.length === 1 ? first : `${first} and ${rows.length - 1} more`;
};
