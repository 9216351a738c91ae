/** What a PostgreSQL database says of the tables that a name without a schema finds, as ncps' own statements do. */
import type { Program, Row, Value } from "../../core/Sql.ts";
import type { Catalog, Column, Kind, Table, UniqueKey } from "../Catalog.ts";

const visible = "pg_table_is_visible(c.oid) AND c.relnamespace <> 'pg_catalog'::regnamespace"
  + " AND c.relnamespace <> 'information_schema'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f')";

const tablesText =
  `SELECT c.relname, c.relkind, c.relpersistence FROM pg_class AS c WHERE ${visible} ORDER BY c.relname`;

/** A domain counts as the type it is made of. */
const columnsText = "SELECT c.relname, a.attname, format_type(b.oid, m.typmod), b.typname, b.typtype,"
  + " a.attnotnull OR t.typnotnull, a.atthasdef, a.attgenerated, a.attidentity, m.typmod,"
  + " coalesce(pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%', false)"
  + " FROM pg_class AS c JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped"
  + " JOIN pg_type AS t ON t.oid = a.atttypid"
  + " CROSS JOIN LATERAL (SELECT CASE t.typtype WHEN 'd' THEN t.typbasetype ELSE t.oid END AS base,"
  + " CASE t.typtype WHEN 'd' THEN t.typtypmod ELSE a.atttypmod END AS typmod) AS m"
  + " JOIN pg_type AS b ON b.oid = m.base LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum"
  + ` WHERE ${visible} ORDER BY c.relname, a.attnum`;

/** Valid, checked at once, over plain columns and all rows: nothing else can be named in ON CONFLICT. */
const keysText = "SELECT c.relname, i.indexrelid::bigint, a.attname,"
  + " CASE WHEN t.typname = 'citext' THEN 'citext' WHEN l.oid IS NULL THEN 'bytes'"
  + " WHEN l.collisdeterministic AND l.oid = a.attcollation THEN 'bytes' ELSE l.collname END"
  + " FROM pg_index AS i JOIN pg_class AS c ON c.oid = i.indrelid"
  + " CROSS JOIN LATERAL generate_series(0, i.indnkeyatts - 1) AS p(at)"
  + " JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum = i.indkey[p.at] JOIN pg_type AS t ON t.oid = a.atttypid"
  + " LEFT JOIN pg_collation AS l ON l.oid = i.indcollation[p.at]"
  + ` WHERE ${visible} AND i.indisunique AND i.indisvalid AND i.indimmediate AND i.indpred IS NULL AND i.indexprs IS NULL`
  + " ORDER BY c.relname, i.indexrelid, p.at";

const triggersText = "SELECT c.relname, g.tgname FROM pg_trigger AS g JOIN pg_class AS c ON c.oid = g.tgrelid"
  + ` WHERE ${visible} AND NOT g.tgisinternal AND g.tgenabled <> 'D' ORDER BY c.relname, g.tgname`;

export const program: Program<object, undefined, Catalog> = {
  name: "postgres/introspect",
  script: function*() {
    const tables = yield { text: tablesText, binds: [[]], rows: true };
    const columns = yield { text: columnsText, binds: [[]], rows: true };
    const keys = yield { text: keysText, binds: [[]], rows: true };
    const triggers = yield { text: triggersText, binds: [[]], rows: true };
    return {
      tables: tables.map((table) =>
        toTable(table, of(columns, table[0]!), of(keys, table[0]!), of(triggers, table[0]!))
      ),
      remembersIds: true,
    };
  },
};

const of = (rows: ReadonlyArray<Row>, table: Value): ReadonlyArray<Row> => rows.filter(([name]) => name === table);

const kinds: Readonly<Record<string, Table["kind"]>> = { r: "table", p: "table", v: "view", m: "view" };

const toTable = (
  [name, relkind, persistence]: Row,
  columns: ReadonlyArray<Row>,
  keys: ReadonlyArray<Row>,
  triggers: ReadonlyArray<Row>,
): Table => {
  const uniqueKeys = [...new Set(keys.map(([, index]) => index))].map((index): UniqueKey => {
    const parts = keys.filter(([, other]) => other === index);
    return { columns: parts.map((part) => String(part[2])), collations: parts.map((part) => String(part[3])) };
  });
  const known = columns.map(toColumn);
  /** An integer that the engine fills in, unique by itself. */
  const id = columns.find(([, column, , , , , , , identity, , isSerial], at) =>
    known[at]!.kind === "integer" && (identity !== "" || isSerial === 1n)
    && uniqueKeys.some((key) => key.columns.length === 1 && key.columns[0] === column)
  );
  return {
    name: String(name),
    kind: kinds[String(relkind)] ?? "virtual",
    columns: known,
    uniqueKeys,
    id: id === undefined ? undefined : String(id[1]),
    triggers: triggers.map(([, trigger]) => String(trigger)),
    unsafe: persistence === "u" ? "is unlogged: a crash empties it" : undefined,
  };
};

const toColumn = (
  [, name, type, base, category, notNull, hasDefault, generated, identity, modifier]: Row,
): Column => ({
  name: String(name),
  type: String(type),
  kind: category === "e" ? "text" : kindOf(String(base), String(type)),
  notNull: notNull === 1n,
  hasDefault: (hasDefault === 1n && generated === "") || identity !== "",
  generated: generated !== "" || identity === "a",
  // The type modifier of varchar is its length and four: https://www.postgresql.org/docs/current/catalog-pg-attribute.html
  maxLength: base === "varchar" && typeof modifier === "bigint" && modifier >= 4n ? Number(modifier) - 4 : undefined,
});

/** `char(n)` pads, `name` cuts off, `jsonb` rewrites, `real` and `numeric(p, -s)` round: none of them keeps what it is given. */
const kindOf = (base: string, type: string): Kind => {
  switch (base) {
    case "text":
    case "varchar":
    case "citext":
    case "json":
      return "text";
    case "int2":
    case "int4":
    case "int8":
      return "integer";
    case "numeric":
      // With a scale fractions are rounded, whole numbers are not.
      return type === "numeric" ? "decimal" : /,-/.test(type) ? "other" : "integer";
    case "bool":
      return "boolean";
    case "float8":
      return "real";
    case "bytea":
      return "blob";
    case "uuid":
      return "uuid";
    case "timestamptz":
    case "timestamp":
    case "date":
      return "time";
    default:
      return "other";
  }
};
