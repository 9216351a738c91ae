/** Values as text: for keys that are looked up, for sets that are compared, for sorting. */
import type { Value } from "../core/Sql.ts";

/** A collation as a function: two texts are equal under it if and only if their folds are the same text. */
export type Collation = (text: string) => string;

/** SQLite's own three: https://www.sqlite.org/datatype3.html#collation. `NOCASE` knows ASCII only, `RTRIM` spaces only. */
export const sqliteCollations: ReadonlyMap<string, Collation> = new Map<string, Collation>([
  ["BINARY", (text) => text],
  ["NOCASE", (text) => text.replace(/[A-Z]+/g, (upper) => upper.toLowerCase())],
  ["RTRIM", (text) => text.replace(/ +$/, "")],
]);

export const hex = (value: Uint8Array): string => {
  let text = "";
  for (const byte of value) text += byte.toString(16).padStart(2, "0");
  return text;
};

/** Distinct for values that the database tells apart; whole numbers are the same whatever their JavaScript type. */
export const encode = (value: Value): string =>
  typeof value === "string"
    ? `s${value}`
    : value === null
    ? "n"
    : value instanceof Uint8Array
    ? `b${hex(value)}`
    : `i${typeof value === "number" && Number.isInteger(value) ? BigInt(value) : value}`;

/** The same for values that a key under this collation takes for one. */
export const folded = (value: Value, fold: Collation): string =>
  typeof value === "string" ? `s${fold(value)}` : encode(value);

/** Distinct for tuples that differ anywhere: every part but the last carries its length. */
export const encodeAll = (parts: ReadonlyArray<string>): string => {
  let text = "";
  for (let index = 0; index < parts.length - 1; index++) text += `${parts[index]!.length}:${parts[index]}`;
  return text + (parts.at(-1) ?? "");
};

export const isSame = (a: Value, b: Value): boolean => a === b || encode(a) === encode(b);
