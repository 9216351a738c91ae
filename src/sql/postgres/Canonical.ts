/**
 * Values as text, one text per value: then comparing bytes compares values, whatever a column's type or collation calls equal.
 * What PostgreSQL makes of a column and what is made here of a document's value agree for every kind.
 */
import type { Value } from "../../core/Sql.ts";
import type { Kind } from "../Catalog.ts";

/** The text of a column's value, in SQL. */
export const expression = (kind: Kind, type: string, column: string): string => {
  switch (kind) {
    case "integer":
      return type.startsWith("numeric") ? `trim_scale(${column})::text` : `${column}::text`;
    case "real":
      // By bits: the shortest text of a double is not spelt alike everywhere. Adding 0 makes -0 0.
      return `encode(float8send(${column} + 0), 'hex')`;
    case "decimal":
      return `trim_scale(${column})::text`;
    case "boolean":
      return `${column}::integer::text`;
    case "blob":
      return `encode(${column}, 'hex')`;
    default:
      return `${column}::text COLLATE "C"`;
  }
};

/** A value of the kind from its text, in SQL. */
export const parsed = (kind: Kind, type: string, text: string): string => {
  switch (kind) {
    case "integer":
      return `${text}::bigint`;
    case "real":
      return `${text}::double precision`;
    case "decimal":
      return `${text}::numeric`;
    case "boolean":
      return `(${text} = '1')`;
    case "blob":
      return `decode(${text}, 'hex')`;
    default:
      return isAssignable(type) ? text : `${text}::${type}`;
  }
};

/** Text goes into these as it is, and what is too long is refused; a cast would cut it off. */
export const isAssignable = (type: string): boolean => /^(?:text|character varying|citext)\b/.test(type);

const buffer = new DataView(new ArrayBuffer(8));

const bitsOf = (value: number): string => {
  buffer.setFloat64(0, value + 0);
  return buffer.getBigUint64(0).toString(16).padStart(16, "0");
};

const fromBits = (hex: string): number => {
  buffer.setBigUint64(0, BigInt(`0x${hex}`));
  return buffer.getFloat64(0);
};

/** A number's digits without an exponent. */
const plain = (value: number): string => {
  const [, sign = "", whole = "0", fraction = "", exponent = "0"] =
    /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value + 0)) ?? [];
  const shift = Number(exponent);
  const digits = shift < 0 ? `${"0".repeat(-shift)}${whole}${fraction}` : `${whole}${fraction.padEnd(shift, "0")}`;
  const point = digits.length - Math.max(0, fraction.length - shift);
  const head = digits.slice(0, point).replace(/^0+(?=\d)/, "");
  const tail = digits.slice(point).replace(/0+$/, "");
  return `${sign}${head}${tail === "" ? "" : `.${tail}`}`;
};

const hexOf = (bytes: Uint8Array): string => {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
};

/** The text of a document's value. */
export const encode = (kind: Kind, value: Value): string | null => {
  if (value === null || typeof value === "string") return value;
  if (value instanceof Uint8Array) return hexOf(value);
  if (kind === "real") return bitsOf(Number(value));
  return typeof value === "number" ? plain(value) : String(value);
};

/** The value of a column's text. */
export const decode = (kind: Kind, text: string | null): Value => {
  if (text === null) return null;
  switch (kind) {
    case "integer":
    case "boolean":
    case "decimal":
      return /^-?\d+$/.test(text) ? BigInt(text) : Number(text);
    case "real":
      return fromBits(text);
    case "blob":
      return Uint8Array.from(text.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
    default:
      return text;
  }
};
