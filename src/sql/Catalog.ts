/** What a database says of its own tables, in the same words for every dialect. */

/**
 * What a column can hold without changing it: `any` stores values as they come; `numeric` turns text that looks like a number
 * into one (SQLite's affinity of types such as `datetime`); `decimal` keeps numbers digit by digit; `boolean` 0 and 1; `uuid` text in
 * its canonical form; `time` the clock only; `other` nothing that a document has.
 */
export type Kind =
  | "text"
  | "integer"
  | "real"
  | "numeric"
  | "decimal"
  | "boolean"
  | "uuid"
  | "blob"
  | "time"
  | "any"
  | "other";

export interface Column {
  readonly name: string;
  /** As declared. */
  readonly type: string;
  readonly kind: Kind;
  readonly notNull: boolean;
  /** Whether a row may leave it out although it is NOT NULL. */
  readonly hasDefault: boolean;
  readonly generated: boolean;
  /** In characters, where the engine enforces it. */
  readonly maxLength: number | undefined;
  /** Of text: the highest code point that its character set has; absent where that is all of Unicode. */
  readonly maxCodePoint?: number | undefined;
}

/** A primary key or unique index over plain columns and all rows. */
export interface UniqueKey {
  readonly columns: ReadonlyArray<string>;
  /** Per column, as the index compares. */
  readonly collations: ReadonlyArray<string>;
}

export interface Table {
  readonly name: string;
  readonly kind: "table" | "view" | "virtual";
  readonly columns: ReadonlyArray<Column>;
  readonly uniqueKeys: ReadonlyArray<UniqueKey>;
  /** The integer column that numbers the rows and that the engine fills in itself. */
  readonly id: string | undefined;
  readonly triggers: ReadonlyArray<string>;
  /** Why its committed rows may be lost all the same, e.g. `is unlogged: a crash empties it`. */
  readonly unsafe: string | undefined;
}

export interface Catalog {
  readonly tables: ReadonlyArray<Table>;
  /** Whether ids once given are remembered outside their table (SQLite: `sqlite_sequence` exists). */
  readonly remembersIds: boolean;
}
