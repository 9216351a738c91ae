/** The texts of a layout for SQLite: constant for a run, so that each is prepared once. Identifiers are quoted, values bound. */
import { childJoins, joining } from "../Joins.ts";
import * as Layout from "../Layout.ts";
import * as Predicate from "../Predicate.ts";

/** One statement for many rows and the same for one: a batch is so many of the first and a remainder of the second. */
export interface PerRows {
  readonly many: string;
  readonly one: string;
  readonly rowsPerRun: number;
}

export interface TableStatements {
  /** Binds per row: its number and key. Answers, for rows that are there: number, id, whether a stub, whether the key is the same by bytes. */
  readonly find: PerRows | undefined;
  /** The highest id ever given. */
  readonly lastId: string | undefined;
  /** Binds per row: its id where it has one, then all columns. */
  readonly insert: PerRows;
  /** Binds: the columns of `Statements.filled`, then the id, or the key where rows have none. */
  readonly fill: string | undefined;
  /** Binds: the clock for each touched column, then the id. */
  readonly touch: string | undefined;
  /** Binds per row: number and key (root), or number and the root's id (child). Answers number, then what is compared. */
  readonly actual: PerRows | undefined;
}

/** The definition of both programs: plain data. */
export interface Statements {
  readonly layout: Layout.Layout;
  readonly now: string;
  readonly tables: ReadonlyArray<TableStatements>;
  /** Per table: the facets that `actual` answers; empty but for children. */
  readonly facets: ReadonlyArray<ReadonlyArray<Layout.Facet>>;
  /** Columns of the root that filling sets. */
  readonly filled: ReadonlyArray<number>;
}

/** More rows per statement gained nothing (measured: 50 and 200 alike), and each length is one more text to prepare. */
const rowsPerStatement = 50;
/** SQLITE_MAX_VARIABLE_NUMBER as better-sqlite3 builds it. */
const maxVariables = 32_766;

/** ncps sorts times as text: a space, UTC, an explicit offset. The clock is the database host's, in milliseconds. */
const now = "SELECT strftime('%Y-%m-%d %H:%M:%f', 'now') || '000+00:00'";

export const compile = (layout: Layout.Layout): Statements => {
  const root = layout.tables[0]!;
  const filled = root.columns.flatMap((column, at) => Layout.isNow(column) || root.key.includes(at) ? [] : [at]);
  const facets = layout.tables.map((table, index) => table.role === "child" ? Layout.facets(layout, index) : []);
  return {
    layout,
    now,
    facets,
    filled,
    tables: layout.tables.map((table, index): TableStatements => ({
      find: table.role === "root" || table.id !== undefined ? find(layout, table) : undefined,
      lastId: table.id === undefined ? undefined : lastId(table.name, table.id, layout.remembersIds),
      insert: insert(table),
      fill: index === 0 && layout.fill !== undefined && filled.length > 0 ? fill(table, filled) : undefined,
      touch: table.id === undefined || table.touch.length === 0 ? undefined : touch(table, table.id),
      actual: index === 0
        ? actualRoots(layout)
        : table.role === "child"
        ? actualChildren(layout, index, facets[index]!)
        : undefined,
    })),
  };
};

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const qualify = (alias: string) => (name: string): string => `${alias}.${quote(name)}`;
const list = (parts: ReadonlyArray<string>): string => parts.join(", ");

const perRows = (width: number, text: (rows: string) => string): PerRows => {
  const row = `(${list(new Array<string>(width).fill("?"))})`;
  const rowsPerRun = Math.max(1, Math.min(rowsPerStatement, Math.floor(maxVariables / width)));
  return { many: text(list(new Array<string>(rowsPerRun).fill(row))), one: text(row), rowsPerRun };
};

/** `k` holds what is asked for, one row each, and drives the join: each is a seek. */
const asked = (columns: ReadonlyArray<string>, select: string) =>
  perRows(columns.length, (rows) => `WITH k(${list(columns)}) AS (VALUES ${rows}) ${select}`);

const keyNames = (table: Layout.Table): ReadonlyArray<string> => table.key.map((_, at) => `k${at}`);

/** The index's collation, whatever the column's own is. */
const keyMatch = (table: Layout.Table): string =>
  table.key.map((column, at) =>
    `${qualify("t")(table.columns[column]!.name)} = k.k${at} COLLATE ${quote(table.collations[at]!)}`
  )
    .join(" AND ");

const isStub = (layout: Layout.Layout): string =>
  layout.fill === undefined ? "0" : `(${Predicate.render(layout.fill, qualify("t"))}) IS TRUE`;

const find = (layout: Layout.Layout, table: Layout.Table): PerRows => {
  const folding = table.key.flatMap((column, at) =>
    table.collations[at] === "BINARY"
      ? []
      : [`${qualify("t")(table.columns[column]!.name)} COLLATE "BINARY" IS k.k${at}`]
  );
  const answers = [
    "k.n",
    table.id === undefined ? "NULL" : qualify("t")(table.id),
    table.role === "root" ? isStub(layout) : "0",
    folding.length === 0 ? "1" : folding.join(" AND "),
  ];
  return asked(
    ["n", ...keyNames(table)],
    `SELECT ${list(answers)} FROM k CROSS JOIN ${quote(table.name)} AS t ON ${keyMatch(table)}`,
  );
};

/** The clock's columns hold another time for each row that was there: they are not compared, so not read. */
const actualRoots = (layout: Layout.Layout): PerRows => {
  const table = layout.tables[0]!;
  const answers = [
    "k.n",
    table.id === undefined ? "NULL" : qualify("t")(table.id),
    isStub(layout),
    ...table.columns.map((column) => Layout.isNow(column) ? "NULL" : qualify("t")(column.name)),
  ];
  return asked(
    ["n", ...keyNames(table)],
    `SELECT ${list(answers)} FROM k CROSS JOIN ${quote(table.name)} AS t ON ${keyMatch(table)}`,
  );
};

/** Ids of deleted rows are never given again where the table is AUTOINCREMENT: https://www.sqlite.org/autoinc.html */
const lastId = (table: string, id: string, remembersIds: boolean): string => {
  const highest = `coalesce((SELECT max(${quote(id)}) FROM ${quote(table)}), 0)`;
  return remembersIds
    ? `SELECT max(${highest}, coalesce((SELECT seq FROM sqlite_sequence WHERE name = '${
      table.replaceAll("'", "''")
    }'), 0))`
    : `SELECT ${highest}`;
};

const insert = (table: Layout.Table): PerRows => {
  const columns = [...(table.id === undefined ? [] : [table.id]), ...table.columns.map(({ name }) => name)];
  const key = list(table.key.map((column) => quote(table.columns[column]!.name)));
  // Conflicts are named by columns: databases that were upgraded have other constraint names.
  const onConflict = table.role === "child" && table.id === undefined ? ` ON CONFLICT (${key}) DO NOTHING` : "";
  return perRows(
    columns.length,
    (rows) => `INSERT INTO ${quote(table.name)} (${list(columns.map(quote))}) VALUES ${rows}${onConflict}`,
  );
};

const fill = (table: Layout.Table, filled: ReadonlyArray<number>): string => {
  const sets = filled.map((at) => {
    const { name, optional } = table.columns[at]!;
    return `${quote(name)} = ${optional ? `coalesce(?, ${quote(name)})` : "?"}`;
  });
  const where = table.id === undefined
    ? table.key.map((column, at) => `${quote(table.columns[column]!.name)} = ? COLLATE ${quote(table.collations[at]!)}`)
    : [`${quote(table.id)} = ?`];
  return `UPDATE ${quote(table.name)} SET ${list(sets)} WHERE ${where.join(" AND ")}`;
};

const touch = (table: Layout.Table, id: string): string =>
  `UPDATE ${quote(table.name)} SET ${list(table.touch.map(({ name }) => `${quote(name)} = ?`))} WHERE ${quote(id)} = ?`;

const actualChildren = (layout: Layout.Layout, index: number, facets: ReadonlyArray<Layout.Facet>): PerRows => {
  const { answers, joins } = childJoins(layout, index, facets, {
    quote,
    down: joining("CROSS JOIN"),
    up: joining("LEFT JOIN"),
    rootId: "k.id",
  });
  return asked(["n", "id"], `SELECT ${list(["k.n", ...answers])} FROM k ${joins.join(" ")}`);
};

export const describe = (
  { layout, tables }: Statements,
): ReadonlyArray<{ readonly title: string; readonly text: string }> =>
  layout.tables.flatMap(({ name }, index) => {
    const { actual, fill, find, insert, touch } = tables[index]!;
    const texts = { find: find?.one, insert: insert.one, fill, touch, "read back": actual?.one };
    return Object.entries(texts).flatMap(([title, text]) =>
      text === undefined ? [] : [{ title: `${title} ${name}`, text }]
    );
  });
