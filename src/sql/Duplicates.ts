/** Rows of one document that share a key and differ otherwise: one of them could not be written, and would be lost. */
import type { Item } from "../core/Item.ts";
import * as Expected from "./Expected.ts";
import * as Fold from "./Fold.ts";
import * as Layout from "./Layout.ts";
import type { Batch, Builder } from "./Rows.ts";
import type { Fault } from "./Sift.ts";

/**
 * What these collations surely take for one; the folds of `collations` may take more, and a set of values would lose an item to that. What
 * is missed here shows when the row is read back.
 */
const surelyFolded = (collation: string | undefined): Fold.Collation | undefined =>
  /_ci$|^NOCASE$/.test(collation ?? "")
    ? (text) => /^[\0-\x7f]*$/.test(text) ? text.toLowerCase() : text
    : undefined;

const unfolded: Fold.Collation = (text) => text;

/** Answers what finds them: per item, by its place. Costs nothing where keys hold all there is and bytes tell them apart. */
export const finder = (
  layout: Layout.Layout,
  builder: Builder,
  collations: ReadonlyMap<string, Fold.Collation>,
): (items: ReadonlyArray<Item>) => ReadonlyMap<number, Fault> => {
  const tables = layout.tables.flatMap((table, index) => {
    const rest = table.columns.flatMap((column, at) =>
      Layout.isCompared(table, column) && !table.key.includes(at) ? [at] : []
    );
    if (table.role !== "child") return [];
    const isSet = rest.length === 0;
    const key = Layout.facetsOf(layout, index, table.key).map((facet) => {
      const owner = layout.tables[facet.table]!;
      const collation = owner.collations[owner.key.indexOf(facet.column)];
      return { facet, fold: (isSet ? surelyFolded(collation) : collations.get(collation ?? "")) ?? unfolded };
    });
    if (isSet && key.every(({ fold }) => fold === unfolded)) return [];
    return [{ index, name: table.name, key, rest: Layout.facetsOf(layout, index, isSet ? table.key : rest) }];
  });
  if (tables.length === 0) return () => new Map();
  return (items) => {
    const batch = builder.batch(items);
    const found = new Map<number, Fault>();
    for (const table of tables) inTable(layout, batch, table, found);
    return found;
  };
};

const inTable = (
  layout: Layout.Layout,
  batch: Batch,
  { index, key, name, rest }: {
    readonly index: number;
    readonly name: string;
    readonly key: ReadonlyArray<{ readonly facet: Layout.Facet; readonly fold: Fold.Collation }>;
    readonly rest: ReadonlyArray<Layout.Facet>;
  },
  found: Map<number, Fault>,
): void => {
  const { owners, size } = batch.tables[index]!;
  const seen = new Map<string, string>();
  for (let row = 0; row < size; row++) {
    const place = owners[row]!;
    const folded = key.map(({ facet, fold }) => Fold.folded(Expected.facet(layout, batch, facet, row), fold));
    const identity = `${place} ${Fold.encodeAll(folded)}`;
    const values = Expected.encodeFacets(rest.map((facet) => Expected.facet(layout, batch, facet, row)));
    const first = seen.get(identity);
    if (first === undefined) seen.set(identity, values);
    else if (first !== values && !found.has(place)) {
      found.set(place, {
        code: "sql/duplicate-row",
        reason: `${name}: two of the document's rows have the same key and differ; one would be lost`,
      });
    }
  }
};
