/** What a batch says its rows should be: cells and facets of the document's side. */
import type { Value } from "../core/Sql.ts";
import * as Fold from "./Fold.ts";
import type { Facet, Layout } from "./Layout.ts";
import type { Batch } from "./Rows.ts";

/** The value a row should have in a column; of parents, the number of their row. */
export const cell = (layout: Layout, batch: Batch, table: number, column: number, row: number): Value => {
  const { source } = layout.tables[table]!.columns[column]!;
  return source._tag === "Literal" ? source.value : batch.tables[table]!.columns[column]![row] ?? null;
};

export const facet = (layout: Layout, batch: Batch, { column, table, via }: Facet, row: number): Value => {
  let at = row;
  for (const hop of via) at = Number(batch.tables[hop.table]!.columns[hop.column]![at]);
  return cell(layout, batch, table, column, at);
};

/** A row's facets as one text, for sets. */
export const encodeFacets = (values: ReadonlyArray<Value>): string => Fold.encodeAll(values.map(Fold.encode));

/** Per item, by place, the facets of its rows in a child table; only of the items asked for. */
export const childFacets = (
  layout: Layout,
  batch: Batch,
  facets: ReadonlyArray<Facet>,
  table: number,
  wanted: (place: number) => boolean,
): ReadonlyArray<ReadonlyArray<ReadonlyArray<Value>>> => {
  const { owners } = batch.tables[table]!;
  const found: Array<Array<ReadonlyArray<Value>>> = Array.from({ length: batch.size }, () => []);
  for (let row = 0; row < owners.length; row++) {
    const owner = owners[row]!;
    if (wanted(owner)) found[owner]!.push(facets.map((one) => facet(layout, batch, one, row)));
  }
  return found;
};
