/** Rows of the root that wait to be filled, page by page in the order of their key. */
import type { Program, Row } from "../core/Sql.ts";
import type { Layout } from "./Layout.ts";
import * as Predicate from "./Predicate.ts";

/** How a dialect writes what these statements need. */
export interface Syntax {
  readonly quote: (name: string) => string;
  /** Of the nth bind, counted from 1. */
  readonly placeholder: (position: number) => string;
}

export interface Definition {
  readonly first: string;
  /** Binds: the key of the last row of the page before. */
  readonly next: string;
}

/** A page is one short read: about a megabyte at most. */
export const rowsPerPage = 1000;

/** Names of the root's key columns: what a row of a page holds. */
export const columnsOf = ({ tables }: Layout): ReadonlyArray<string> =>
  tables[0]!.key.map((column) => tables[0]!.columns[column]!.name);

/** `undefined` where no row is ever a stub. */
export const compile = (layout: Layout, { placeholder, quote }: Syntax): Definition | undefined => {
  if (layout.fill === undefined) return undefined;
  const key = columnsOf(layout).map(quote);
  const list = key.join(", ");
  const page = (more: string): string =>
    `SELECT ${list} FROM ${quote(layout.tables[0]!.name)} WHERE ${Predicate.render(layout.fill!, quote)}${more} `
    + `ORDER BY ${list} LIMIT ${rowsPerPage}`;
  const binds = key.map((_, at) => placeholder(at + 1)).join(", ");
  return {
    first: page(""),
    next: page(key.length === 1 ? ` AND ${list} > ${binds}` : ` AND (${list}) > (${binds})`),
  };
};

/** `after` is the last row of the page before. */
export const program: Program<Definition, Row | undefined, ReadonlyArray<Row>> = {
  name: "stubs",
  script: function*({ first, next }, after) {
    return yield { text: after === undefined ? first : next, binds: [after ?? []], rows: true };
  },
};
