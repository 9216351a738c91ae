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
  const every = Array.from({ length: batch.size }, (_, place) => place);
  const key = layout.tables[0]!.key.map((column) => cellsOf(layout, batch, column));
  const { found, ids, there } = byPlace(yield* ask(0, [every, ...key], every), batch.size);
  const exact = exactRows(layout, batch, found);
  const children: Array<Children | undefined> = [];
  for (let table = 0; table < layout.tables.length; table++) {
    if (layout.tables[table]!.role !== "child") {
      children.push(undefined);
      continue;
    }
    const rows = childrenOf(yield* ask(table, [every, ids], there), batch.size);
    children.push(rows);
    compareChildren(layout, batch, table, facets[table]!, rows, exact);
  }
  return seen(found, exact, children);
};

// Plain loops in functions that outlive a batch, from here on: they run for every value.

const cellsOf = (layout: Layout.Layout, batch: Batch, column: number): ReadonlyArray<Value> => {
  const cells = new Array<Value>(batch.size);
  for (let place = 0; place < batch.size; place++) cells[place] = Expected.cell(layout, batch, 0, column, place);
  return cells;
};

/** The root's rows and their ids by place, and the places that have one. */
const byPlace = (rows: ReadonlyArray<Row>, size: number) => {
  const found = new Array<Row | undefined>(size).fill(undefined);
  const ids = new Array<Value>(size).fill(null);
  for (const row of rows) {
    const place = Number(row[0]);
    found[place] = row;
    ids[place] = row[1]!;
  }
  const there: Array<number> = [];
  for (let place = 0; place < size; place++) if (found[place] !== undefined) there.push(place);
  return { found, ids, there };
};

/** 1 where a row is there and holds what the document says, in every column that is compared. */
const exactRows = (layout: Layout.Layout, batch: Batch, found: ReadonlyArray<Row | undefined>): Uint8Array => {
  const root = layout.tables[0]!;
  const columns = root.columns.flatMap((column, at) => Layout.isCompared(root, column) ? [at] : []);
  const exact = new Uint8Array(found.length);
  for (let place = 0; place < found.length; place++) {
    const row = found[place];
    if (row !== undefined && isExactRow(layout, batch, columns, row, place)) exact[place] = 1;
  }
  return exact;
};

const isExactRow = (
  layout: Layout.Layout,
  batch: Batch,
  columns: ReadonlyArray<number>,
  row: Row,
  place: number,
): boolean => {
  for (const column of columns) {
    const expected = Expected.cell(layout, batch, 0, column, place);
    if (expected === null && layout.tables[0]!.columns[column]!.optional) continue;
    if (!Fold.isSame(expected, row[column + 3]!)) return false;
  }
  return true;
};

/** A child table's rows, as answered: the place first, then facets. */
interface Children {
  readonly actual: ReadonlyArray<Row>;
  readonly present: Grouped;
}

const childrenOf = (actual: ReadonlyArray<Row>, size: number): Children => {
  const places = new Int32Array(actual.length);
  for (let at = 0; at < actual.length; at++) places[at] = Number(actual[at]![0]);
  return { actual, present: grouped(places, size) };
};

const facetsOf = ({ actual, present }: Children, place: number): Rows =>
  Array.from(membersOf(present, place), (at) => actual[at]!.slice(1));

/** No longer exact is what has other children than the document says. */
const compareChildren = (
  layout: Layout.Layout,
  batch: Batch,
  table: number,
  compared: ReadonlyArray<Layout.Facet>,
  children: Children,
  exact: Uint8Array,
): void => {
  const wanted = grouped(batch.tables[table]!.owners, batch.size);
  for (let place = 0; place < batch.size; place++) {
    if (exact[place] === 0 || isAsWritten(layout, batch, compared, wanted, children, place)) continue;
    const expected = Array.from(
      membersOf(wanted, place),
      (row) => compared.map((one) => Expected.facet(layout, batch, one, row)),
    );
    if (!isSameSet(expected, facetsOf(children, place))) exact[place] = 0;
  }
};

/** The usual case: what was written, in the order of the index that is read. */
const isAsWritten = (
  layout: Layout.Layout,
  batch: Batch,
  compared: ReadonlyArray<Layout.Facet>,
  wanted: Grouped,
  { actual, present }: Children,
  place: number,
): boolean => {
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

const seen = (
  found: ReadonlyArray<Row | undefined>,
  exact: Uint8Array,
  children: ReadonlyArray<Children | undefined>,
): ReadonlyArray<Sighting> => {
  const sighted = new Array<Sighting>(found.length);
  for (let place = 0; place < found.length; place++) {
    const row = found[place];
    sighted[place] = row === undefined ? "absent" : exact[place] === 1 ? "exact" : {
      fillable: row[2] === 1n,
      columns: row.slice(3),
      children: children.map((rows) => rows === undefined ? [] : facetsOf(rows, place)),
    };
  }
  return sighted;
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
