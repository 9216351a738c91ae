/** A batch's rows and children as they stand, compared by bytes, never by a collation's idea of equal. */
import type { Row, Script, Value } from "../core/Sql.ts";
import * as Expected from "./Expected.ts";
import * as Fold from "./Fold.ts";
import * as Layout from "./Layout.ts";
import type { Batch } from "./Rows.ts";
import type { Sighting } from "./Upsert.ts";

/** How a dialect asks for what a table holds. */
export interface Asking {
  readonly layout: Layout.Layout;
  /** Per table: the facets that it answers; empty but for children. */
  readonly facets: ReadonlyArray<ReadonlyArray<Layout.Facet>>;
  /**
   * Cells of the root: number and key; it answers number, id, whether a stub, then its columns. Cells of a child: number and the root's
   * id; it answers number, then its facets, in any order.
   */
  readonly actual: (
    table: number,
    cells: ReadonlyArray<ReadonlyArray<Value>>,
    rows: ReadonlyArray<number>,
  ) => Script<ReadonlyArray<Row>>;
}

export const sightings = function*(
  { actual: ask, facets, layout }: Asking,
  batch: Batch,
): Script<ReadonlyArray<Sighting>> {
  const root = layout.tables[0]!;
  const every = Array.from({ length: batch.size }, (_, row) => row);
  const cell = (column: number, row: number): Value => Expected.cell(layout, batch, 0, column, row);
  const key = root.key.map((column) => every.map((row) => cell(column, row)));

  const found = new Array<ReadonlyArray<Value> | undefined>(batch.size);
  const ids = new Array<Value>(batch.size).fill(null);
  for (const row of yield* ask(0, [every, ...key], every)) {
    found[Number(row[0])] = row;
    ids[Number(row[0])] = row[1]!;
  }
  const columns = root.columns.flatMap((column, at) => Layout.isCompared(root, column) ? [at] : []);
  const isExactRow = (row: Row, place: number): boolean => {
    for (const column of columns) {
      const expected = cell(column, place);
      if (expected === null && root.columns[column]!.optional) continue;
      if (!Fold.isSame(expected, row[column + 3]!)) return false;
    }
    return true;
  };
  const exact = found.map((row, place) => row !== undefined && isExactRow(row, place));

  const there = every.filter((place) => found[place] !== undefined);
  const children: Array<(place: number) => Rows> = [];
  for (let table = 0; table < layout.tables.length; table++) {
    if (layout.tables[table]!.role !== "child") {
      children.push(() => []);
      continue;
    }
    const actual = yield* ask(table, [every, ids], there);
    const wanted = grouped(batch.tables[table]!.owners, batch.size);
    const places = new Int32Array(actual.length);
    for (let at = 0; at < actual.length; at++) places[at] = Number(actual[at]![0]);
    const present = grouped(places, batch.size);
    const compared = facets[table]!;
    const facet = (row: number): ReadonlyArray<Value> => compared.map((one) => Expected.facet(layout, batch, one, row));
    const rowOf = (at: number): ReadonlyArray<Value> => actual[at]!.slice(1);
    /** The usual case: what was written, in the order of the index that is read. An answer's first value is the place. */
    const isAsWritten = (place: number): boolean => {
      const from = wanted.starts[place]!;
      const answersFrom = present.starts[place]!;
      const count = wanted.starts[place + 1]! - from;
      if (present.starts[place + 1]! - answersFrom !== count) return false;
      for (let at = 0; at < count; at++) {
        const row = wanted.members[from + at]!;
        const answer = actual[present.members[answersFrom + at]!]!;
        for (let value = 0; value < compared.length; value++) {
          if (Expected.facet(layout, batch, compared[value]!, row) !== answer[value + 1]) return false;
        }
      }
      return true;
    };
    for (const place of there) {
      if (exact[place] !== true) continue;
      exact[place] = isAsWritten(place)
        || isSameSet(Array.from(membersOf(wanted, place), facet), Array.from(membersOf(present, place), rowOf));
    }
    children.push((place) => Array.from(membersOf(present, place), rowOf));
  }

  return every.map((place): Sighting => {
    const row = found[place];
    if (row === undefined) return "absent";
    return exact[place] === true
      ? "exact"
      : { fillable: row[2] === 1n, columns: row.slice(3), children: children.map((of) => of(place)) };
  });
};

/** Numbers 0…n, those of one group side by side and in order; group `g` begins at `starts[g]`. */
interface Grouped {
  readonly members: Int32Array;
  readonly starts: Int32Array;
}

const grouped = (groupOf: Int32Array, groups: number): Grouped => {
  const starts = new Int32Array(groups + 1);
  for (let number = 0; number < groupOf.length; number++) starts[groupOf[number]! + 1]!++;
  for (let group = 0; group < groups; group++) starts[group + 1]! += starts[group]!;
  const next = starts.slice();
  const members = new Int32Array(groupOf.length);
  for (let number = 0; number < groupOf.length; number++) members[next[groupOf[number]!]!++] = number;
  return { members, starts };
};

const membersOf = ({ members, starts }: Grouped, group: number): Int32Array =>
  members.subarray(starts[group], starts[group + 1]);

type Rows = ReadonlyArray<ReadonlyArray<Value>>;

const isSameSet = (expected: Rows, actual: Rows): boolean => {
  const wanted = new Set(expected.map(Expected.encodeFacets));
  const there = new Set(actual.map(Expected.encodeFacets));
  return wanted.size === there.size && [...wanted].every((row) => there.has(row));
};
