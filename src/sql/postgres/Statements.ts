/** The two statements of a layout for PostgreSQL: constant texts over arrays. */
import * as Layout from "../Layout.ts";
import type { Statement } from "./Arrays.ts";
import { childrenOf } from "./Parts.ts";
import { readBack } from "./ReadBackText.ts";
import { upsert } from "./UpsertText.ts";

/** The definition of both programs: plain data. */
export interface Statements {
  readonly layout: Layout.Layout;
  /** Answers the items that were not written: number, and of a stub that must not be filled the child table that forbids it. */
  readonly upsert: Statement;
  /** Answers what is not as the document says: number, whether there, whether a stub, the root's columns, then of each child table a JSON array. */
  readonly readBack: Statement;
  readonly facets: ReadonlyArray<ReadonlyArray<Layout.Facet>>;
  readonly children: ReadonlyArray<number>;
}

export const compile = (layout: Layout.Layout): Statements => ({
  layout,
  upsert: upsert(layout),
  readBack: readBack(layout),
  facets: layout.tables.map((table, index) => table.role === "child" ? Layout.facets(layout, index) : []),
  children: childrenOf(layout),
});

export const describe = (
  { layout, readBack, upsert }: Statements,
): ReadonlyArray<{ readonly title: string; readonly text: string }> => {
  const names = layout.tables.map(({ name }) => name).join(", ");
  return [{ title: `write ${names}`, text: upsert.text }, { title: `read back ${names}`, text: readBack.text }];
};
