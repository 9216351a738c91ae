/** What a MySQL or MariaDB database says of its tables. */
import type { Program, Row, Value } from "../../core/Sql.ts";
import type { Catalog, Column, Kind, Table, UniqueKey } from "../Catalog.ts";

const tablesText = "SELECT table_name, table_type, engine FROM information_schema.tables"
  + " WHERE table_schema = DATABASE() ORDER BY table_name";

const columnsText = "SELECT table_name, column_name, column_type, data_type, is_nullable = 'NO',"
  + " column_default IS NOT NULL OR extra LIKE '%auto_increment%' OR extra LIKE '%DEFAULT_GENERATED%',"
  + " extra LIKE '%auto_increment%', COALESCE(generation_expression, '') <> '', character_maximum_length,"
  + " character_set_name, collation_name, numeric_scale"
  + " FROM information_schema.columns WHERE table_schema = DATABASE() ORDER BY table_name, ordinal_position";

/** Key parts of unique indexes; an expression has no name, and a prefix (`sub_part`) keeps more apart than the column. */
const keysText = "SELECT table_name, index_name, column_name, sub_part FROM information_schema.statistics"
  + " WHERE table_schema = DATABASE() AND non_unique = 0 ORDER BY table_name, index_name, seq_in_index";

const triggersText = "SELECT event_object_table, trigger_name FROM information_schema.triggers"
  + " WHERE event_object_schema = DATABASE() ORDER BY event_object_table, trigger_name";

export const program: Program<object, undefined, Catalog> = {
  name: "mysql/introspect",
  script: function*() {
    const tables = yield { text: tablesText, binds: [[]], rows: true };
    const columns = yield { text: columnsText, binds: [[]], rows: true };
    const keys = yield { text: keysText, binds: [[]], rows: true };
    const triggers = yield { text: triggersText, binds: [[]], rows: true };
    return {
      tables: tables.map((table) =>
        toTable(table, of(columns, table[0]!), of(keys, table[0]!), of(triggers, table[0]!))
      ),
      // Ids are given by the engine, never here.
      remembersIds: true,
    };
  },
};

const of = (rows: ReadonlyArray<Row>, table: Value): ReadonlyArray<Row> => rows.filter(([name]) => name === table);

const toTable = (
  [name, type, engine]: Row,
  columns: ReadonlyArray<Row>,
  keys: ReadonlyArray<Row>,
  triggers: ReadonlyArray<Row>,
): Table => {
  const unique = uniqueKeys(keys, columns);
  const numbering = columns.find(([, , , , , , increments]) => increments === 1n);
  const isNumbered = unique.some((key) => key.columns.length === 1 && key.columns[0] === numbering?.[1]);
  return {
    name: String(name),
    kind: type === "BASE TABLE" ? "table" : "view",
    columns: columns.map(toColumn),
    uniqueKeys: unique,
    id: numbering !== undefined && isNumbered ? String(numbering[1]) : undefined,
    triggers: triggers.map(([, trigger]) => String(trigger)),
    unsafe: type !== "BASE TABLE" || engine === "InnoDB"
      ? undefined
      : `is of engine ${String(engine)}, which knows neither transactions nor crash recovery as InnoDB does`,
  };
};

const toColumn = (
  [, name, type, dataType, notNull, hasDefault, , generated, length, charset, , scale]: Row,
): Column => {
  const kind = kindOf(String(dataType).toLowerCase(), scale);
  return {
    name: String(name),
    type: String(type),
    kind,
    notNull: notNull === 1n,
    hasDefault: hasDefault === 1n,
    generated: generated === 1n,
    // What the longer text types hold is counted in bytes: the server says so where it is too much.
    maxLength: /^(?:var)?char$/i.test(String(dataType)) ? Number(length) : undefined,
    maxCodePoint: kind === "text" ? maxCodePoints.get(String(charset)) : undefined,
  };
};

/** The highest code point of a character set; absent: all of Unicode, or only the server knows (it refuses what it cannot store). */
const maxCodePoints: ReadonlyMap<string, number> = new Map([
  ["ascii", 0x7f],
  ["latin1", 0xff],
  ["utf8", 0xffff],
  ["utf8mb3", 0xffff],
  ["ucs2", 0xffff],
]);

/** `float` keeps fewer digits than it is given, and what sets, bits, JSON and the like say when read is not what was written. */
const kindOf = (dataType: string, scale: Value | undefined): Kind => {
  switch (dataType) {
    case "tinyint":
    case "smallint":
    case "mediumint":
    case "int":
    case "bigint":
      return "integer";
    case "decimal":
      return scale === 0n ? "integer" : "decimal";
    case "double":
      return "real";
    case "char":
    case "varchar":
    case "tinytext":
    case "text":
    case "mediumtext":
    case "longtext":
    case "enum":
      return "text";
    case "varbinary":
    case "tinyblob":
    case "blob":
    case "mediumblob":
    case "longblob":
      return "blob";
    case "timestamp":
    case "datetime":
    case "date":
      return "time";
    default:
      return "other";
  }
};

/** Whole-column indexes over plain columns only; what is no text compares by its bytes. */
const uniqueKeys = (keys: ReadonlyArray<Row>, columns: ReadonlyArray<Row>): ReadonlyArray<UniqueKey> =>
  [...new Set(keys.map(([, index]) => index))].flatMap((index) => {
    const parts = keys.filter(([, name]) => name === index);
    return parts.some(([, , column, prefix]) => column === null || prefix !== null)
      ? []
      : [{
        columns: parts.map(([, , column]) => String(column)),
        collations: parts.map(([, , column]) => {
          const collation = columns.find(([, name]) => name === column)?.[10];
          return collation === null || collation === undefined ? "binary" : String(collation);
        }),
      }];
  });
