/** The texts of a layout for MySQL and MariaDB, in what both understand: constant for a run. Identifiers are quoted, values bound. */
import { childJoins, joining } from "../Joins.ts";
import * as Layout from "../Layout.ts";
import * as Predicate from "../Predicate.ts";
import * as Asked from "./Asked.ts";
import { list, qualify, quote } from "./Asked.ts";
import type { PerRows } from "./PerRows.ts";

export interface TableStatements {
  /** Asks for numbers and keys. Answers, for rows that are there: number, id; of the root also whether a stub, whether the key is the same by bytes. */
  readonly find: string | undefined;
  /** The same of the root's stubs alone, which it locks; READ COMMITTED gives up the locks of other rows at once. */
  readonly lock: string | undefined;
  /** Binds per row: the columns of `bound`. A row whose key is there stays as it is, but for its touched columns. */
  readonly insert: PerRows;
  /** Whether `insert` changes nothing of a row that it has just inserted: what it touches was the clock's from the first on. */
  readonly repeatable: boolean;
  /** The same where a key must not be there. */
  readonly insertNew: PerRows | undefined;
  /** Binds per row: its id where it has one, then the columns of `bound`. */
  readonly fill: PerRows | undefined;
  /** Asks for numbers and keys (root), or numbers and the root's ids (child). Answers number, then what is compared. */
  readonly actual: string | undefined;
  /** Columns whose values are bound: all but the clock's. */
  readonly bound: ReadonlyArray<number>;
}

/** The definition of both programs: plain data. */
export interface Statements {
  readonly layout: Layout.Layout;
  readonly tables: ReadonlyArray<TableStatements>;
  /** Per table: the facets that `actual` answers; empty but for children. */
  readonly facets: ReadonlyArray<ReadonlyArray<Layout.Facet>>;
}

/** A batch of 1000 rows is one statement; each length is one more text to prepare. */
const lengths = [1024, 512, 256, 128, 64, 32, 16, 8, 4, 2, 1];
/** The server's limit for one statement, in both engines. */
const maxPlaceholders = 65_535;

export const compile = (layout: Layout.Layout): Statements => {
  const facets = layout.tables.map((table, index) => table.role === "child" ? Layout.facets(layout, index) : []);
  return {
    layout,
    facets,
    tables: layout.tables.map((table, index): TableStatements => {
      const isFilled = table.role === "root" && layout.fill !== undefined;
      const numbered = table.id !== undefined;
      return {
        find: table.role === "root" || numbered ? find(layout, table) : undefined,
        lock: isFilled ? `${find(layout, table)} WHERE ${isStub(layout)} FOR UPDATE` : undefined,
        insert: insert(table, [], `ON DUPLICATE KEY UPDATE ${list(touched(table))}`),
        repeatable: isRepeatable(table),
        insertNew: table.role === "root" || numbered ? insert(table, [], "") : undefined,
        fill: isFilled ? fill(table) : undefined,
        actual: table.role === "root"
          ? actualRoots(layout)
          : table.role === "child"
          ? actualChildren(layout, index, facets[index]!)
          : undefined,
        bound: boundOf(table),
      };
    }),
  };
};

/** Whole seconds in UTC, as the session's time zone is: what ncps' columns hold, and MySQL would round a fraction up. */
const now = "CURRENT_TIMESTAMP";

const boundOf = (table: Layout.Table): ReadonlyArray<number> =>
  table.columns.flatMap((column, at) => Layout.isNow(column) ? [] : [at]);

const isStub = (layout: Layout.Layout): string =>
  layout.fill === undefined ? "0" : `(${Predicate.render(layout.fill, qualify("t"))}) IS TRUE`;

const idOf = (table: Layout.Table): string => table.id === undefined ? "NULL" : qualify("t")(table.id);

const asked = (table: Layout.Table, answers: ReadonlyArray<string>): string =>
  `SELECT ${list(answers)} FROM ${Asked.keys(table)} STRAIGHT_JOIN ${quote(table.name)} AS t ON ${
    Asked.keyMatch(table)
  }`;

const find = (layout: Layout.Layout, table: Layout.Table): string =>
  asked(table, ["k.n", idOf(table), ...(table.role === "root" ? [isStub(layout), Asked.sameBytes(table)] : [])]);

const actualRoots = (layout: Layout.Layout): string => {
  const table = layout.tables[0]!;
  const columns = table.columns.map((column) => Layout.isNow(column) ? "NULL" : qualify("t")(column.name));
  return asked(table, ["k.n", idOf(table), isStub(layout), ...columns]);
};

const actualChildren = (layout: Layout.Layout, index: number, facets: ReadonlyArray<Layout.Facet>): string => {
  const { answers, joins } = childJoins(layout, index, facets, {
    quote,
    down: joining("STRAIGHT_JOIN"),
    up: joining("LEFT JOIN"),
    rootId: "k.id",
  });
  return `SELECT ${list(["k.n", ...answers])} FROM ${Asked.ids} ${joins.join(" ")}`;
};

const insert = (table: Layout.Table, before: ReadonlyArray<string>, rest: string): PerRows => {
  const names = [...before, ...table.columns.map(({ name }) => name)];
  const row = `(${
    list([...before.map(() => "?"), ...table.columns.map((column) => Layout.isNow(column) ? now : "?")])
  })`;
  const placeholders = before.length + boundOf(table).length;
  return lengths.filter((rows) => rows * placeholders <= maxPlaceholders).map((rows) => ({
    rows,
    text: `INSERT INTO ${quote(table.name)} (${list(names.map(quote))}) VALUES ${
      list(new Array<string>(rows).fill(row))
    } ${rest}`.trimEnd(),
  }));
};

const isRepeatable = ({ columns, touch }: Layout.Table): boolean =>
  touch.every(({ name }) => columns.some((column) => column.name === name && Layout.isNow(column)));

/** What becomes of a row that is there; a column set to itself changes nothing, and locks the row all the same. */
const touched = (table: Layout.Table): ReadonlyArray<string> => {
  if (table.touch.length > 0) return table.touch.map(({ name }) => `${quote(name)} = ${now}`);
  const key = qualify(quote(table.name))(table.columns[table.key[0]!]!.name);
  return [`${key} = ${key}`];
};

/**
 * Stubs are locked by now, so nothing is asked of them here. Their ids come along: the primary key is looked at first, so that a row
 * meets itself, whatever other unique indexes there are. Where rows have no ids, the key must be the one that is written.
 */
const fill = (table: Layout.Table): PerRows | undefined => {
  const own = qualify(quote(table.name));
  const isItself = table.key.map((column) => {
    const { name } = table.columns[column]!;
    return `${own(name)} <=> VALUES(${quote(name)})`;
  }).join(" AND ");
  const sets = table.columns.flatMap((column, at) => {
    if (Layout.isNow(column) || table.key.includes(at)) return [];
    const name = own(column.name);
    const given = `VALUES(${quote(column.name)})`;
    const value = column.optional ? `COALESCE(${given}, ${name})` : given;
    return [`${name} = ${table.id === undefined ? `IF(${isItself}, ${value}, ${name})` : value}`];
  });
  if (sets.length === 0) return undefined;
  return insert(table, table.id === undefined ? [] : [table.id], `ON DUPLICATE KEY UPDATE ${list(sets)}`);
};

export const describe = (
  { layout, tables }: Statements,
): ReadonlyArray<{ readonly title: string; readonly text: string }> =>
  layout.tables.flatMap(({ name }, index) => {
    const { actual, fill, find, insert, lock } = tables[index]!;
    const texts = {
      find,
      "lock stubs of": lock,
      insert: insert.at(-1)?.text,
      "fill stubs of": fill?.at(-1)?.text,
      "read back": actual,
    };
    return Object.entries(texts).flatMap(([title, text]) =>
      text === undefined ? [] : [{ title: `${title} ${name}`, text }]
    );
  });
