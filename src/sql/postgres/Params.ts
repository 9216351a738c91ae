/** The arrays of a statement, from a batch. */
import { comparePositions } from "../../core/Item.ts";
import type { Bind, Value } from "../../core/Sql.ts";
import type { Kind } from "../Catalog.ts";
import * as Expected from "../Expected.ts";
import type * as Layout from "../Layout.ts";
import type { Batch } from "../Rows.ts";
import type { Statement } from "./Arrays.ts";
import * as Canonical from "./Canonical.ts";
import type { Statements } from "./Statements.ts";

export const of = (statements: Statements, { params }: Statement, batch: Batch): ReadonlyArray<Bind> =>
  params.map((param) => {
    switch (param._tag) {
      case "Column": {
        const { kind, source } = statements.layout.tables[param.table]!.columns[param.column]!;
        const values = batch.tables[param.table]!.columns[param.column]!;
        return kind === "decimal" && source._tag === "Path" ? canonical(kind, values) : values;
      }
      case "Text": {
        const { kind } = statements.layout.tables[0]!.columns[param.column]!;
        const values = batch.tables[0]!.columns[param.column]!;
        return kind === "text" ? values : canonical(kind, values);
      }
      case "Owners":
        return Array.from(batch.tables[param.table]!.owners);
      case "Facets":
        return facetsOf(statements, batch)[param.table]!;
    }
  });

/** Plain loops in functions that outlive a batch, here and below: they run for every value. */
const canonical = (kind: Kind, values: ReadonlyArray<Value>): ReadonlyArray<Value> => {
  const texts = new Array<Value>(values.length);
  for (let row = 0; row < values.length; row++) texts[row] = Canonical.encode(kind, values[row]!);
  return texts;
};

/** A batch is written and read back: what its children should be is spelt once. */
const known = new WeakMap<Batch, ReadonlyArray<ReadonlyArray<Value>>>();

const facetsOf = (statements: Statements, batch: Batch): ReadonlyArray<ReadonlyArray<Value>> => {
  const before = known.get(batch);
  if (before !== undefined) return before;
  const made = statements.facets.map((_, table) => lists(statements, batch, table));
  known.set(batch, made);
  return made;
};

/**
 * Per item its facets in one table, unless it is one as `json_build_array` spells them: sorted by bytes, each once, as PostgreSQL writes an array;
 * null where there are none.
 */
const lists = ({ children, facets, layout }: Statements, batch: Batch, table: number): ReadonlyArray<Value> => {
  if (!children.includes(table)) return [];
  const compared = facets[table]!;
  const { owners } = batch.tables[table]!;
  const texts = compared.map((facet) => textsOf(layout, batch, facet, owners.length));
  const rows = texts.length === 1 ? texts[0]! : jsonLists(texts, owners.length);
  const spell = texts.length > 1 ? jsonElement : element;
  const spelt = new Array<string | null>(batch.size).fill(null);
  for (let from = 0, to = 0; from < owners.length; from = to) {
    const owner = owners[from]!;
    while (owners[to] === owner) to++;
    // One text, not a tree of all its parts: it lives as long as the batch.
    spelt[owner] = `{${sortUnique(rows.slice(from, to)).map(spell).join(",")}}`;
  }
  return spelt;
};

const textsOf = (layout: Layout.Layout, batch: Batch, facet: Layout.Facet, size: number) => {
  const { kind } = layout.tables[facet.table]!.columns[facet.column]!;
  const texts = new Array<string | null>(size);
  for (let row = 0; row < size; row++) texts[row] = Canonical.encode(kind, Expected.facet(layout, batch, facet, row));
  return texts;
};

const jsonLists = (columns: ReadonlyArray<ReadonlyArray<string | null>>, size: number): ReadonlyArray<string> => {
  const lists = new Array<string>(size);
  for (let row = 0; row < size; row++) {
    let list = "[";
    for (const column of columns) list += `${list === "[" ? "" : ", "}${JSON.stringify(column[row])}`;
    lists[row] = `${list}]`;
  }
  return lists;
};

/** Documents mostly list things in order. */
const sortUnique = (texts: ReadonlyArray<string | null>): ReadonlyArray<string | null> => {
  for (let at = 1; at < texts.length; at++) {
    if (byBytes(texts[at - 1]!, texts[at]!) >= 0) return [...new Set(texts)].sort(byBytes);
  }
  return texts;
};

/** Quotes exactly where PostgreSQL does: https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c (array_out). */
const quoted = /^$|^null$|[{}",\\ \t\n\v\f\r]/i;

const element = (text: string | null): string =>
  text === null ? "NULL" : quoted.test(text) ? `"${text.replace(/["\\]/g, "\\$&")}"` : text;

/** Of a JSON list of two or more: its spaces call for quotes; only its quotes and backslashes are left to escape, and JSON escapes them alike. */
const jsonElement = (json: string | null): string => JSON.stringify(json);

/** The order of UTF-8; NULL is last. */
const byBytes = (a: string | null, b: string | null): number =>
  a === b ? 0 : a === null ? 1 : b === null ? -1 : comparePositions(a, b);
