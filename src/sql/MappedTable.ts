/** A table of a mapping beside the table it names. */
import type * as Catalog from "./Catalog.ts";
import type { Table } from "./Mapping.ts";
import * as Mapping from "./Mapping.ts";

export const find = (catalog: Catalog.Catalog, name: string) => catalog.tables.find((table) => table.name === name);

/** Columns without the optional ones that the table lacks. */
export const present = (table: Table, actual: Catalog.Table) =>
  Object.entries(table.columns).flatMap(([written, source]) => {
    const { name, optional } = Mapping.columnName(written);
    const column = actual.columns.find((one) => one.name === name);
    return column === undefined ? [] : [{ column, optional, source }];
  });

export const keyOf = (table: Table, actual: Catalog.Table): ReadonlyArray<string> =>
  table.key ?? present(table, actual).map(({ column }) => column.name);

export const uniqueKeyOf = (actual: Catalog.Table, key: ReadonlyArray<string>): Catalog.UniqueKey | undefined =>
  actual.uniqueKeys.find(({ columns }) => columns.length === key.length && columns.every((name) => key.includes(name)));
