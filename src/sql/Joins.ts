/** From the id of an item's row down to one of its child tables, and from there to the keys of the rows' other parents. */
import * as Layout from "./Layout.ts";

/** Joins the rows of a table, as `alias`, whose `column` is this value. All names are quoted. */
export type Join = (table: string, alias: string, column: string, value: string) => string;

/** A join of this kind. */
export const joining = (kind: string): Join => (table, alias, column, value) =>
  `${kind} ${table} AS ${alias} ON ${alias}.${column} = ${value}`;

export interface Writing {
  readonly quote: (name: string) => string;
  /** Down to children; the order stays as written. */
  readonly down: Join;
  /** Up to a parent, by its id: one row at most. */
  readonly up: Join;
  /** The id of the item's row. */
  readonly rootId: string;
}

export interface Joins {
  readonly joins: ReadonlyArray<string>;
  /** What each facet reads. */
  readonly answers: ReadonlyArray<string>;
}

export const childJoins = (
  layout: Layout.Layout,
  index: number,
  facets: ReadonlyArray<Layout.Facet>,
  { down, quote, rootId, up }: Writing,
): Joins => {
  const qualify = (alias: string, name: string): string => `${alias}.${quote(name)}`;
  const anchorOf = (table: number) => {
    const { anchor, columns } = layout.tables[table]!;
    const column = columns[anchor!]!;
    return { name: column.name, parent: column.source._tag === "Parent" ? column.source.table : 0 };
  };
  const chain: Array<number> = [];
  for (let table = index; table !== 0; table = anchorOf(table).parent) chain.push(table);
  const joins = chain.map((table, at) => {
    const { name, parent } = anchorOf(table);
    const above = parent === 0 ? rootId : qualify(`c${at + 1}`, layout.tables[parent]!.id!);
    return down(quote(layout.tables[table]!.name), `c${at}`, quote(name), above);
  }).toReversed();
  const aliases = new Map<string, string>();
  const answers = facets.map(({ column, table, via }) => {
    let alias = "c0";
    for (const hop of via) {
      const { name, source } = layout.tables[hop.table]!.columns[hop.column]!;
      const parent = source._tag === "Parent" ? source.table : 0;
      const inChain = chain.findIndex((one, at) => one === hop.table && alias === `c${at}`);
      const reference = qualify(alias, name);
      if (inChain >= 0 && layout.tables[hop.table]!.anchor === hop.column) {
        alias = `c${inChain + 1}`;
        continue;
      }
      let joined = aliases.get(reference);
      if (joined === undefined) {
        joined = `p${aliases.size}`;
        aliases.set(reference, joined);
        const { id, name: table } = layout.tables[parent]!;
        joins.push(up(quote(table), joined, quote(id!), reference));
      }
      alias = joined;
    }
    return qualify(alias, layout.tables[table]!.columns[column]!.name);
  });
  return { joins, answers };
};
