/** What a dialect has: its programs, and how keys compare. Shared code asks here, never which engine it is. */
import type { Dialect, Program } from "../core/Sql.ts";
import type { Catalog } from "./Catalog.ts";
import * as Fold from "./Fold.ts";
import type { Layout } from "./Layout.ts";
import * as MysqlCollations from "./mysql/Collations.ts";
import * as MysqlIntrospect from "./mysql/Introspect.ts";
import * as MysqlReadBack from "./mysql/ReadBack.ts";
import * as MysqlStatements from "./mysql/Statements.ts";
import * as MysqlUpsert from "./mysql/Upsert.ts";
import * as PostgresIntrospect from "./postgres/Introspect.ts";
import * as PostgresReadBack from "./postgres/ReadBack.ts";
import * as PostgresStatements from "./postgres/Statements.ts";
import * as PostgresUpsert from "./postgres/Upsert.ts";
import type { Batch } from "./Rows.ts";
import * as Introspect from "./sqlite/Introspect.ts";
import * as ReadBack from "./sqlite/ReadBack.ts";
import * as Statements from "./sqlite/Statements.ts";
import * as Upsert from "./sqlite/Upsert.ts";
import type * as Stubs from "./Stubs.ts";
import type { Fate, Sighting } from "./Upsert.ts";

/** `Definition` is what a layout compiles to; the same value serves `upsert` and `readBack` for a whole run. */
export interface Compiler<Definition extends object> {
  readonly collations: ReadonlyMap<string, Fold.Collation>;
  readonly introspect: Program<object, undefined, Catalog>;
  readonly compile: (layout: Layout) => Definition;
  readonly upsert: Program<Definition, Batch, ReadonlyArray<Fate>>;
  readonly readBack: Program<Definition, Batch, ReadonlyArray<Sighting>>;
  /** For `plan`: the texts for one row. */
  readonly describe: (definition: Definition) => ReadonlyArray<{ readonly title: string; readonly text: string }>;
}

const sqlite: Compiler<Statements.Statements> = {
  collations: Fold.sqliteCollations,
  introspect: Introspect.program,
  compile: Statements.compile,
  upsert: Upsert.program,
  readBack: ReadBack.program,
  describe: Statements.describe,
};

const doubled = (mark: string) => (name: string): string => `${mark}${name.replaceAll(mark, mark + mark)}${mark}`;

/** For statements that are the same in every dialect but for how names and binds are written. */
export const syntaxes: Readonly<Record<Dialect, Stubs.Syntax>> = {
  sqlite: { quote: doubled('"'), placeholder: () => "?" },
  postgres: { quote: doubled('"'), placeholder: (position) => `$${position}` },
  mysql: { quote: doubled("`"), placeholder: () => "?" },
};

const mysql: Compiler<MysqlStatements.Statements> = {
  collations: MysqlCollations.collations,
  introspect: MysqlIntrospect.program,
  compile: MysqlStatements.compile,
  upsert: MysqlUpsert.program,
  readBack: MysqlReadBack.program,
  describe: MysqlStatements.describe,
};

const postgres: Compiler<PostgresStatements.Statements> = {
  // Columns that call other texts equal are no keys: see `Introspect`.
  collations: new Map([["bytes", (text: string) => text]]),
  introspect: PostgresIntrospect.program,
  compile: PostgresStatements.compile,
  upsert: PostgresUpsert.program,
  readBack: PostgresReadBack.program,
  describe: PostgresStatements.describe,
};

/** Absent: no compiler for it yet. */
export const compilers: Partial<Record<Dialect, Compiler<any>>> = { sqlite, postgres, mysql };
