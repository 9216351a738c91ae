/** The arrays that statements take: one per column, however many rows there are. */
import type * as Layout from "../Layout.ts";
import { list } from "./Parts.ts";

/** An array that a statement takes. */
export type Param =
  /** The values of a column; of parents the numbers of their rows. */
  | { readonly _tag: "Column"; readonly table: number; readonly column: number }
  /** The same as canonical texts. */
  | { readonly _tag: "Text"; readonly column: number }
  /** The place of each row's item. */
  | { readonly _tag: "Owners"; readonly table: number }
  /** Per item, what a child table should hold for it: a list of facets, itself an array in PostgreSQL's writing. */
  | { readonly _tag: "Facets"; readonly table: number };

export interface Statement {
  readonly text: string;
  readonly params: ReadonlyArray<Param>;
}

/** What an array's values are; text where nothing stands here. */
export const arrayTypes: Partial<Record<Layout.Column["kind"], string>> = {
  integer: "bigint",
  boolean: "bigint",
  real: "double precision",
  decimal: "numeric",
  blob: "bytea",
};

/** Collects the arrays of a statement and numbers them. */
export const parameters = () => {
  const params: Array<Param> = [];
  return {
    params,
    /** `unnest` of some arrays, columns by name, rows numbered from 0 as `n`. */
    rows: (arrays: ReadonlyArray<readonly [name: string, type: string, param: Param]>): string => {
      const values = arrays.map(([, type, param]) => `$${params.push(param)}::${type}[]`);
      const names = arrays.map(([name]) => name);
      return `(SELECT ${list([...names, "o - 1 AS n"])} FROM unnest(${list(values)}) WITH ORDINALITY AS u(${
        list([...names, "o"])
      }))`;
    },
  };
};

/** The arrays that a table's rows come in; `c0`, `c1` … by position. */
export const arraysOf = (layout: Layout.Layout, table: number) =>
  layout.tables[table]!.columns.flatMap(({ kind, source }, column) =>
    source._tag === "Path" || source._tag === "Parent"
      ? [
        [
          `c${column}`,
          source._tag === "Parent" ? "bigint" : arrayTypes[kind] ?? "text",
          { _tag: "Column", table, column },
        ] as const,
      ]
      : []
  );

export type Rows = ReturnType<typeof parameters>["rows"];
