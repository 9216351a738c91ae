/** A mapping resolved against a catalog: plain data, with tables and columns by number; what programs and row builders work from. */
import type { Value } from "../core/Sql.ts";
import type { Kind } from "./Catalog.ts";
import type { When } from "./Mapping.ts";
import type { Path } from "./Path.ts";
import type { Predicate } from "./Predicate.ts";

export type Source =
  | ({ readonly _tag: "Path" } & Path)
  | { readonly _tag: "Literal"; readonly value: Value }
  | { readonly _tag: "Now" }
  /** The id of the row in this earlier table. */
  | { readonly _tag: "Parent"; readonly table: number };

export interface Column {
  readonly name: string;
  /** As the catalog says it. */
  readonly type: string;
  readonly source: Source;
  /** A null leaves a filled row's value as it is. */
  readonly optional: boolean;
  readonly kind: Kind;
  readonly notNull: boolean;
  readonly maxLength: number | undefined;
  readonly maxCodePoint?: number | undefined;
}

export interface Table {
  readonly name: string;
  /** `root`: one row per item; `lookup`: shared between items; `child`: belongs to one item. */
  readonly role: "root" | "lookup" | "child";
  readonly scope: number;
  readonly when: { readonly path: Path; readonly test: When["test"] } | undefined;
  readonly columns: ReadonlyArray<Column>;
  /** Positions in `columns`. */
  readonly key: ReadonlyArray<number>;
  /** Per key column, as its unique index compares. */
  readonly collations: ReadonlyArray<string>;
  /** The column that numbers its rows, where later tables refer to them. */
  readonly id: string | undefined;
  /** Columns set to the clock in rows that are there already. */
  readonly touch: ReadonlyArray<{ readonly name: string; readonly kind: Kind }>;
  /** Of a child: position of the column that leads to the root, by way of other children perhaps. */
  readonly anchor: number | undefined;
}

/** The elements that rows are made of: scope 0 is the documents, each other one the elements of a path from the scope above it. */
export interface Scope {
  readonly up: number;
  readonly fields: ReadonlyArray<string>;
}

/** A value that the table has no column for and that must not be lost. */
export interface Dropped {
  readonly table: string;
  readonly column: string;
  readonly scope: number;
  readonly path: Path;
  readonly code: string;
}

export interface Covers {
  readonly columns: ReadonlyArray<{ readonly column: number; readonly comparator: string | undefined }>;
  readonly equal: ReadonlyArray<number>;
  readonly subset: ReadonlyArray<number>;
}

export interface Layout {
  readonly scopes: ReadonlyArray<Scope>;
  readonly tables: ReadonlyArray<Table>;
  readonly dropped: ReadonlyArray<Dropped>;
  /** Which rows of the root are stubs; none where absent. */
  readonly fill: Predicate | undefined;
  readonly covers: Covers | undefined;
  /** See `Catalog.remembersIds`. */
  readonly remembersIds: boolean;
}

/** The clock of the database sets it. */
export const isNow = ({ source }: Column): boolean => source._tag === "Now";

/** A null that leaves the row as it is, and columns that the clock sets, prove nothing when read back. */
export const isCompared = (table: Table, column: Column): boolean =>
  !isNow(column) && !table.touch.some(({ name }) => name === column.name);

/** What tells two rows of a table apart, parents replaced by what tells *them* apart. */
export interface Facet {
  /** Tables by way of parent columns, outermost last. */
  readonly via: ReadonlyArray<{ readonly table: number; readonly column: number }>;
  readonly table: number;
  readonly column: number;
}

/** The facets of a child's rows: all columns that were written, or of a parent its key. */
export const facets = (layout: Layout, index: number): ReadonlyArray<Facet> => {
  const table = layout.tables[index]!;
  return facetsOf(layout, index, table.columns.flatMap((column, at) => isCompared(table, column) ? [at] : []));
};

/**
 * The facets of some columns of a table. The root by way of anchors says nothing, rows are found by it; any other column that leads there
 * may name somebody else's.
 */
export const facetsOf = (layout: Layout, index: number, positions: ReadonlyArray<number>): ReadonlyArray<Facet> => {
  const expand = (
    table: number,
    columns: ReadonlyArray<number>,
    via: Facet["via"],
    isAnchored: boolean,
  ): ReadonlyArray<Facet> =>
    columns.flatMap((column) => {
      const { anchor, columns: all } = layout.tables[table]!;
      const { source } = all[column]!;
      if (source._tag !== "Parent") return [{ via, table, column }];
      const staysAnchored = isAnchored && column === anchor;
      if (source.table === 0 && staysAnchored) return [];
      return expand(source.table, layout.tables[source.table]!.key, [...via, { table, column }], staysAnchored);
    });
  return expand(index, positions, [], true);
};

/** Children that must be the document's and no others: those that the spec names, all where it names none. */
export const equalChildren = (layout: Layout): ReadonlyArray<number> =>
  layout.covers?.equal ?? layout.tables.flatMap(({ role }, table) => role === "child" ? [table] : []);
