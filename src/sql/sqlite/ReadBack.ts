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
    const there = every.filter((place) => found[place] !== undefined);
    const compared = root.columns.flatMap((column, at) => Layout.isCompared(root, column) ? [at] : []);
    const exact = found.map((row, place) => row !== undefined && compared.every((column) => {
      const expected = cell(column, place);
      return (expected === null && root.columns[column]!.optional) || Fold.isSame(expected, row[column + 3]!);
    }));

    /** Per table, per place: the facets of the rows that are there. */
    const children: Array<ReadonlyArray<ReadonlyArray<ReadonlyArray<Value>>>> = [];
    for (let table = 0; table < layout.tables.length; table++) {
      if (layout.tables[table]!.role !== "child") {
        children.push([]);
        continue;
      }
      const expected = Expected.childFacets(layout, batch, facets[table]!, table, (place) => found[place] !== undefined);
      const actual: Array<Array<ReadonlyArray<Value>>> = every.map(() => []);
      for (const [n, ...values] of yield* PerRows.select(tables[table]!.actual!, [every, ids], there)) actual[Number(n)]!.push(values);
      for (const place of there) if (exact[place] === true) exact[place] = isSameSet(expected[place]!, actual[place]!);
      children.push(actual);
    }

    return every.map((place): Sighting => {
      const row = found[place];
      if (row === undefined) return "absent";
      return exact[place] === true
        ? "exact"
        : { fillable: row[2] === 1n, columns: row.slice(3), children: children.map((table) => table[place] ?? []) };
    });
  },
};

type Rows = ReadonlyArray<ReadonlyArray<Value>>;

const isSameSet = (expected: Rows, actual: Rows): boolean => {
  if (expected.length === actual.length && expected.every((row, at) => row.every((value, facet) => value === actual[at]![facet]))) {
    return true;
  }
  const wanted = new Set(expected.map(Expected.encodeFacets));
  const there = new Set(actual.map(Expected.encodeFacets));
  return wanted.size === there.size && [...wanted].every((row) => there.has(row));
};
