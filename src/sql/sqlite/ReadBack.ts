/** Reads a batch's rows and children as they stand and compares them, by bytes, never by a collation's idea of equal. */
import type { Program, Value } from "../../core/Sql.ts";
import * as Expected from "../Expected.ts";
import * as Fold from "../Fold.ts";
import * as Layout from "../Layout.ts";
import type { Batch } from "../Rows.ts";
import type { Sighting } from "../Upsert.ts";
import * as PerRows from "./PerRows.ts";
import type { Statements } from "./Statements.ts";

export const program: Program<Statements, Batch, ReadonlyArray<Sighting>> = {
  name: "sqlite/read-back",
  script: function*({ facets, layout, tables }, batch) {
    const root = layout.tables[0]!;
    const every = Array.from({ length: batch.size }, (_, row) => row);
    const cell = (column: number, row: number): Value => Expected.cell(layout, batch, 0, column, row);
    const key = root.key.map((column) => every.map((row) => cell(column, row)));

    const found = new Array<ReadonlyArray<Value> | undefined>(batch.size);
    const ids = new Array<Value>(batch.size).fill(null);
    for (const row of yield* PerRows.select(tables[0]!.actual!, [every, ...key], every)) {
      found[Number(row[0])] = row;
      ids[Number(row[0])] = row[1]!;
    }
    const compared = root.columns.flatMap((column, at) => Layout.isCompared(root, column) ? [at] : []);
    const exact = found.map((row, place) =>
      row !== undefined && compared.every((column) => {
        const expected = cell(column, place);
        return (expected === null && root.columns[column]!.optional) || Fold.isSame(expected, row[column + 3]!);
      })
    );

    const there = every.filter((place) => found[place] !== undefined);
    const children: Array<(place: number) => Rows> = [];
    for (let table = 0; table < layout.tables.length; table++) {
      if (layout.tables[table]!.role !== "child") {
        children.push(() => []);
        continue;
      }
      const actual = yield* PerRows.select(tables[table]!.actual!, [every, ids], there);
      const expectedAt = groups(batch.tables[table]!.owners, batch.size);
      const actualAt = groups(actual.map(([n]) => Number(n)), batch.size);
      const facet = (row: number): ReadonlyArray<Value> =>
        facets[table]!.map((one) => Expected.facet(layout, batch, one, row));
      const rowOf = (at: number): ReadonlyArray<Value> => actual[at]!.slice(1);
      for (const place of there) {
        if (exact[place] !== true) continue;
        const expected = expectedAt(place);
        const at = actualAt(place);
        exact[place] = (expected.length === at.length && expected.every((row, index) =>
          isRow(facet(row), actual[at[index]!]!)
        ))
          || isSameSet(expected.map(facet), at.map(rowOf));
      }
      children.push((place) => actualAt(place).map(rowOf));
    }

    return every.map((place): Sighting => {
      const row = found[place];
      if (row === undefined) return "absent";
      return exact[place] === true
        ? "exact"
        : { fillable: row[2] === 1n, columns: row.slice(3), children: children.map((of) => of(place)) };
    });
  },
};

/** Numbers 0…n by the group each is in. */
const groups = (of: ReadonlyArray<number>, size: number): (group: number) => ReadonlyArray<number> => {
  const members: Array<Array<number> | undefined> = new Array(size);
  for (let at = 0; at < of.length; at++) (members[of[at]!] ??= []).push(at);
  return (group) => members[group] ?? [];
};

type Rows = ReadonlyArray<ReadonlyArray<Value>>;

/** The usual case: what was written, in the order of the index that is read. The answer's first value is the place. */
const isRow = (expected: ReadonlyArray<Value>, answer: ReadonlyArray<Value>): boolean =>
  expected.every((value, at) => value === answer[at + 1]);

const isSameSet = (expected: Rows, actual: Rows): boolean => {
  const wanted = new Set(expected.map(Expected.encodeFacets));
  const there = new Set(actual.map(Expected.encodeFacets));
  return wanted.size === there.size && [...wanted].every((row) => there.has(row));
};
