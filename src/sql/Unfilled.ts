/** Which columns documents fill, where nobody has declared what documents have: a misspelt path is NULL in every row, and no error. */
import type { Sink } from "../core/Component.ts";
import type * as Layout from "./Layout.ts";
import type { Builder } from "./Rows.ts";

/** Items looked at: enough to tell a slip from a rare field. */
const itemsAtMost = 10_000;

export const watch = ({ tables }: Layout.Layout, builder: Builder): NonNullable<Sink["watch"]> => () => {
  const empty = new Map(tables.map((table) => [
    table,
    new Set(table.columns.flatMap(({ source }, at) => source._tag === "Path" ? [at] : [])),
  ]));
  let seen = 0;
  return {
    see: (items) => {
      if (seen >= itemsAtMost) return;
      seen += items.length;
      builder.visit(items, (table, column, value) => {
        if (value !== null) empty.get(table)!.delete(column);
      });
    },
    unfilled: () =>
      seen === 0
        ? []
        : [...empty].flatMap(([{ columns, name }, places]) => [...places].map((at) => `${name}.${columns[at]!.name}`)),
  };
};
