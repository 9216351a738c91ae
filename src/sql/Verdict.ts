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
  const { covers } = layout;
  const everyChild = layout.tables.flatMap(({ role }, table) => role === "child" ? [table] : []);
  return sightings.map((sighting, place): Verdict => {
    if (sighting === "absent") return { _tag: "Absent" };
    if (sighting === "exact") return { _tag: "Exact" };

    const setDifference = (table: number): readonly [missing: Rows, surplus: Rows] =>
      difference(expected[table]![place]!, sighting.children[table]!);
    const extrasOf = (tables: ReadonlyArray<number>): ReadonlyArray<string> =>
      tables.flatMap((table) => {
        const [, surplus] = setDifference(table);
        return surplus.length === 0 ? [] : [`${layout.tables[table]!.name} has ${some(surplus)} more`];
      });
    const compared = (columns: ReadonlyArray<ComparedColumn>): ReadonlyArray<string> =>
      columnDifferences(layout, comparators, batch, place, columns, sighting.columns);
    const differs = (code: "conflict/different" | "conflict/incomplete", what: ReadonlyArray<string>): Verdict => ({
      _tag: "Differs",
      code,
      reason: `${layout.tables[0]!.name}: ${what.join("; ")}`,
    });

    // A stub with a key or children of its own is refused when written: nobody waits for it to be filled.
    if (sighting.fillable) {
      const different = [...compared(keyColumns(layout)), ...extrasOf(Layout.equalChildren(layout))];
      return different.length === 0 ? { _tag: "Absent" } : differs("conflict/different", different);
    }
    const different = [...compared(coveredColumns(layout)), ...extrasOf(Layout.equalChildren(layout))];
    const lacking = (covers === undefined ? everyChild : [...covers.equal, ...covers.subset]).flatMap((table) => {
      const [missing] = setDifference(table);
      return missing.length === 0 ? [] : [`${layout.tables[table]!.name} lacks ${some(missing)}`];
    });
    return different.length > 0
      ? differs("conflict/different", [...different, ...lacking])
      : lacking.length > 0
      ? differs("conflict/incomplete", lacking)
      : { _tag: "Covered" };
  });
};

type ComparedColumn = Layout.Covers["columns"][number];

/** A key that is equal only under its collation is another item's row. */
const keyColumns = ({ tables }: Layout.Layout): ReadonlyArray<ComparedColumn> =>
  tables[0]!.key.map((column) => ({ column, comparator: undefined }));

const coveredColumns = (layout: Layout.Layout): ReadonlyArray<ComparedColumn> => {
  const root = layout.tables[0]!;
  const named = layout.covers?.columns
    ?? root.columns.flatMap((column, at) =>
      Layout.isCompared(root, column) ? [{ column: at, comparator: undefined }] : []
    );
  return [...keyColumns(layout).filter(({ column }) => !named.some((one) => one.column === column)), ...named];
};

const columnDifferences = (
  layout: Layout.Layout,
  comparators: ReadonlyMap<string, Comparator>,
  batch: Batch,
  place: number,
  columns: ReadonlyArray<ComparedColumn>,
  actual: ReadonlyArray<Value>,
): ReadonlyArray<string> =>
  columns.flatMap(({ column, comparator }) => {
    const wanted = Expected.cell(layout, batch, 0, column, place);
    const there = actual[column]!;
    const { name, optional } = layout.tables[0]!.columns[column]!;
    if ((wanted === null && optional) || Fold.isSame(wanted, there)) return [];
    const same = comparator === undefined ? undefined : comparators.get(comparator);
    if (same !== undefined && typeof wanted === "string" && typeof there === "string" && same(wanted, there)) return [];
    return [`${name} is ${show(there)}, not ${show(wanted)}`];
  });

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
