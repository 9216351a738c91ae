/** What a SQLite database says of its tables. */
import type { Program, Row, Value } from "../../core/Sql.ts";
import type { Catalog, Column, Kind, Table, UniqueKey } from "../Catalog.ts";

const tablesText =
  "SELECT name, type, wr, strict FROM pragma_table_list WHERE schema = 'main' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY name";

const columnsText = 'SELECT l.name, c.name, c.type, c."notnull", c.dflt_value IS NOT NULL, c.pk, c.hidden'
  + " FROM pragma_table_list AS l JOIN pragma_table_xinfo(l.name) AS c WHERE l.schema = 'main' AND l.type = 'table' ORDER BY l.name, c.cid";

/** Key parts of unique indexes; an expression has no name. */
const keysText = "SELECT l.name, i.name, i.origin, i.partial, x.name, x.coll"
  + " FROM pragma_table_list AS l JOIN pragma_index_list(l.name) AS i JOIN pragma_index_xinfo(i.name) AS x"
  + " WHERE l.schema = 'main' AND l.type = 'table' AND i.\"unique\" AND x.key ORDER BY l.name, i.seq, x.seqno";

const restText =
  "SELECT type, tbl_name, name FROM sqlite_schema WHERE type = 'trigger' OR name = 'sqlite_sequence' ORDER BY name";

export const program: Program<object, undefined, Catalog> = {
  name: "sqlite/introspect",
  script: function*() {
    const tables = yield { text: tablesText, binds: [[]], rows: true };
    const columns = yield { text: columnsText, binds: [[]], rows: true };
    const keys = yield { text: keysText, binds: [[]], rows: true };
    const rest = yield { text: restText, binds: [[]], rows: true };
    return {
      tables: tables.map((table) => toTable(table, of(columns, table[0]!), of(keys, table[0]!), rest)),
      remembersIds: rest.some(([, , name]) => name === "sqlite_sequence"),
    };
  },
};

const of = (rows: ReadonlyArray<Row>, table: Value): ReadonlyArray<Row> => rows.filter(([name]) => name === table);

const toTable = (
  [name, type, withoutRowid, strict]: Row,
  columns: ReadonlyArray<Row>,
  keys: ReadonlyArray<Row>,
  rest: ReadonlyArray<Row>,
): Table => {
  const id = withoutRowid === 1n ? undefined : rowidAlias(columns, keys);
  return {
    name: String(name),
    kind: type === "table" ? "table" : type === "view" ? "view" : "virtual",
    columns: columns.map((column) => toColumn(column, strict === 1n)),
    uniqueKeys: [...uniqueKeys(keys), ...(id === undefined ? [] : [{ columns: [id], collations: ["BINARY"] }])],
    id,
    triggers: rest.flatMap(([kind, table, trigger]) => kind === "trigger" && table === name ? [String(trigger)] : []),
    unsafe: undefined,
  };
};

const toColumn = ([, name, type, notNull, hasDefault, , hidden]: Row, strict: boolean): Column => ({
  name: String(name),
  type: String(type),
  kind: kindOf(String(type).toUpperCase(), strict),
  notNull: notNull === 1n,
  hasDefault: hasDefault === 1n,
  generated: hidden === 2n || hidden === 3n,
  // SQLite ignores declared lengths.
  maxLength: undefined,
});

/** Column affinity, by the rules and in the order of https://www.sqlite.org/datatype3.html#determination_of_column_affinity */
const kindOf = (type: string, strict: boolean): Kind =>
  type.includes("INT")
    ? "integer"
    : type.includes("CHAR") || type.includes("CLOB") || type.includes("TEXT")
    ? "text"
    : type === "BLOB" && strict
    ? "blob"
    : type.includes("BLOB") || type === "" || (type === "ANY" && strict)
    ? "any"
    : type.includes("REAL") || type.includes("FLOA") || type.includes("DOUB")
    ? "real"
    : "numeric";

/**
 * The primary key that is the rowid: one column declared exactly INTEGER. `INTEGER PRIMARY KEY DESC` is not: it has an index of its own.
 * https://www.sqlite.org/lang_createtable.html#rowids_and_the_integer_primary_key
 */
const rowidAlias = (columns: ReadonlyArray<Row>, keys: ReadonlyArray<Row>): string | undefined => {
  const primary = columns.filter(([, , , , , pk]) => pk !== 0n);
  const [only] = primary;
  const hasIndex = keys.some(([, , origin]) => origin === "pk");
  return primary.length === 1 && only !== undefined && String(only[2]).toUpperCase() === "INTEGER" && !hasIndex
    ? String(only[1])
    : undefined;
};

/** Whole-table indexes over plain columns only: neither partial ones nor expressions keep rows apart. */
const uniqueKeys = (keys: ReadonlyArray<Row>): ReadonlyArray<UniqueKey> =>
  [...new Set(keys.map(([, index]) => index))].flatMap((index) => {
    const parts = keys.filter(([, name]) => name === index);
    return parts.some(([, , , partial, column]) => partial === 1n || column === null)
      ? []
      : [{
        columns: parts.map((part) => String(part[4])),
        collations: parts.map((part) => String(part[5]).toUpperCase()),
      }];
  });
