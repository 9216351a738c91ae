/** What both statements are made of. Identifiers are quoted, values bound. */
import { childJoins, type Join } from "../Joins.ts";
import * as Layout from "../Layout.ts";
import * as Predicate from "../Predicate.ts";
import * as Canonical from "./Canonical.ts";

export const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
export const qualify = (alias: string) => (name: string): string => `${alias}.${quote(name)}`;
export const list = (parts: ReadonlyArray<string>): string => parts.join(", ");

export const textLiteral = (text: string | null): string => text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`;

export const childrenOf = ({ tables }: Layout.Layout): ReadonlyArray<number> =>
  tables.flatMap(({ role }, index) => role === "child" ? [index] : []);

export const keyNames = (table: Layout.Table): ReadonlyArray<string> =>
  table.key.map((at) => quote(table.columns[at]!.name));

/** Keys that are equal by bytes: the catalog's check lets no other collation pass. */
export const keyMatch = (table: Layout.Table, alias: string, value: (column: number) => string): string =>
  table.key.map((at) => `${qualify(alias)(table.columns[at]!.name)} = ${value(at)}`).join(" AND ");

export const isStub = (layout: Layout.Layout): string =>
  layout.fill === undefined ? "false" : `(${Predicate.render(layout.fill, qualify("t"))}) IS TRUE`;

/**
 * Row by row through an index: OFFSET and LIMIT keep the planner from hashing a whole table instead, which it believes cheaper where it
 * has no statistics.
 */
const down: Join = (table, alias, column, value) =>
  `CROSS JOIN LATERAL (SELECT * FROM ${table} AS x WHERE x.${column} = ${value} OFFSET 0) AS ${alias}`;
const up: Join = (table, alias, column, value) =>
  `LEFT JOIN LATERAL (SELECT * FROM ${table} AS x WHERE x.${column} = ${value} LIMIT 1) AS ${alias} ON true`;

/** The rows of a child table that belong to the root's row `t`: where they come from, and one text of facets per row. */
export const childRows = (layout: Layout.Layout, index: number) => {
  const facets = Layout.facets(layout, index);
  const rootId = qualify("t")(layout.tables[0]!.id!);
  const { answers, joins } = childJoins(layout, index, facets, { quote, down, up, rootId });
  const parts = facets.map(({ column, table }, at) => {
    const { kind, type } = layout.tables[table]!.columns[column]!;
    return Canonical.expression(kind, type, answers[at]!);
  });
  return {
    // The planner takes the empty row away again.
    from: `(SELECT) AS k ${joins.join(" ")}`,
    text: parts.length === 1 ? parts[0]! : `json_build_array(${list(parts)})::text COLLATE "C"`,
  };
};
