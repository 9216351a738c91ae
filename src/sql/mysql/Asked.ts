/**
 * What a statement asks for, one row each: it travels as one JSON text, so that the statement is the same for any number of rows, and
 * drives the join, so that each row is a seek. Rows that are *written* do not come this way: `INSERT … SELECT` holds a lock on the
 * table's next id that `INSERT … VALUES` does not.
 */
import type { Row, Script, Value } from "../../core/Sql.ts";
import * as Fold from "../Fold.ts";
import type { Column, Table } from "../Layout.ts";
import type { Cells } from "./PerRows.ts";

export const quote = (name: string): string => `\`${name.replaceAll("`", "``")}\``;
export const qualify = (alias: string) => (name: string): string => `${alias}.${quote(name)}`;
export const list = (parts: ReadonlyArray<string>): string => parts.join(", ");

interface Part {
  readonly name: string;
  readonly type: string;
}

const from = (parts: ReadonlyArray<Part>): string =>
  `JSON_TABLE(?, '$[*]' COLUMNS (${list(parts.map(({ name, type }, at) => `${name} ${type} PATH '$[${at}]'`))})) AS k`;

const number: Part = { name: "n", type: "INT" };

/** `k`: number and id. */
export const ids = from([number, { name: "id", type: "BIGINT" }]);

const typeOf = (column: Column): string => {
  switch (column.kind) {
    case "text":
      return `VARCHAR(${column.maxLength ?? 255}) CHARACTER SET utf8mb4`;
    // As hexadecimal digits: JSON holds text only.
    case "blob":
      return `VARCHAR(${2 * maxKeyBytes}) CHARACTER SET utf8mb4`;
    case "integer":
      return "BIGINT";
    default:
      return column.source._tag === "Parent" ? "BIGINT" : column.type;
  }
};

/** InnoDB's longest index: https://dev.mysql.com/doc/refman/8.0/en/innodb-limits.html */
const maxKeyBytes = 3072;

/** `k`: number and key. */
export const keys = (table: Table): string =>
  from([number, ...table.key.map((column, at) => ({ name: `k${at}`, type: typeOf(table.columns[column]!) }))]);

/** As the index compares, whatever the character set of the connection: an index of another collation would not be used. */
export const keyMatch = (table: Table): string =>
  table.key.map((column, at) => {
    const collation = table.collations[at]!;
    const { kind, name } = table.columns[column]!;
    const asked = kind === "blob"
      ? `UNHEX(k.k${at})`
      : kind === "text"
      ? `CONVERT(k.k${at} USING ${charsetOf(collation)}) COLLATE ${collation}`
      : `k.k${at}`;
    return `${qualify("t")(name)} = ${asked}`;
  }).join(" AND ");

/** Whether the key that was found is the one that was asked for, byte by byte. */
export const sameBytes = (table: Table): string => {
  const texts = table.key.flatMap((column, at) => {
    const { kind, name } = table.columns[column]!;
    return kind === "text"
      ? [`CAST(CONVERT(${qualify("t")(name)} USING utf8mb4) AS BINARY) = CAST(k.k${at} AS BINARY)`]
      : [];
  });
  return texts.length === 0 ? "1" : texts.join(" AND ");
};

const charsetOf = (collation: string): string => collation.split("_")[0]!;

/** bigint as digits: `JSON.stringify` takes none, and a number would be rounded. */
const encode = (value: Value): string =>
  typeof value === "string"
    ? JSON.stringify(value)
    : value instanceof Uint8Array
    ? `"${Fold.hex(value)}"`
    : String(value);

/** Cells of these rows, their numbers first. */
export const ask = function*(text: string, cells: Cells, rows: ReadonlyArray<number>): Script<ReadonlyArray<Row>> {
  if (rows.length === 0) return [];
  let json = "[";
  for (let at = 0; at < rows.length; at++) {
    const row = rows[at]!;
    json += at === 0 ? `[${row}` : `,[${row}`;
    for (let column = 0; column < cells.length; column++) json += `,${encode(cells[column]![row]!)}`;
    json += "]";
  }
  return yield { text, binds: [[`${json}]`]], rows: true };
};
