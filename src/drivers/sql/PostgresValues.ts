/** Values between the engine and PostgreSQL's wire, as texts. */
import type { CustomTypesConfig } from "pg";
import type { Bind, Value } from "../../core/Sql.ts";

const needsEscapes = (text: string): boolean => text.includes('"') || text.includes("\\");

const hex = (bytes: Uint8Array): string => `\\x${Buffer.from(bytes).toString("hex")}`;

const element = (value: Value): string => {
  if (value === null) return "NULL";
  if (typeof value === "string") return `"${needsEscapes(value) ? value.replace(/["\\]/g, "\\$&") : value}"`;
  return value instanceof Uint8Array ? `"\\${hex(value)}"` : String(value);
};

/** What `pg` sends as it is: it has its own ideas of arrays and numbers. */
export const encode = (bind: Bind): string | Buffer | null => {
  if (bind === null || typeof bind === "string") return bind;
  if (bind instanceof Uint8Array) return Buffer.from(bind);
  if (typeof bind !== "object") return String(bind);
  let text = "";
  for (let at = 0; at < bind.length; at++) text += at === 0 ? element(bind[at]!) : `,${element(bind[at]!)}`;
  return `{${text}}`;
};

const int32 = (value: number): string =>
  String.fromCharCode(value >>> 24, (value >>> 16) & 0xff, (value >>> 8) & 0xff, value & 0xff);

const textOid = 25;
const isAscii = /^[\0-\x7f]*$/;
const absent = int32(-1);

/** Binary `text[]`, one byte per character: https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c (array_recv). */
const asTextArray = (values: ReadonlyArray<Value>): Buffer => {
  // Dimensions; whether there are nulls, which nobody reads; the first index.
  let bytes = values.length === 0
    ? int32(0) + int32(0) + int32(textOid)
    : [1, 0, textOid, values.length, 1].map(int32).join("");
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    if (value === null) {
      bytes += absent;
      continue;
    }
    const text = value instanceof Uint8Array ? hex(value) : String(value);
    const encoded = isAscii.test(text) ? text : Buffer.from(text).toString("latin1");
    bytes += int32(encoded.length) + encoded;
  }
  return Buffer.from(bytes, "latin1");
};

/** Which parameters of a statement are cast to `text[]`. */
const textArraysOf = (text: string): ReadonlySet<number> =>
  new Set(Array.from(text.matchAll(/\$(\d+)::text\[\]/g), ([, number]) => Number(number) - 1));

/**
 * Encodes what a statement binds. Most of it are arrays of text: in binary the server takes them in an eighth of the time
 * (measured: 0.9 instead of 6.8 µs per narinfo and statement).
 */
export const encoder = (text: string): (binds: ReadonlyArray<Bind>) => Array<string | Buffer | null> => {
  const textArrays = textArraysOf(text);
  return (binds) =>
    binds.map((bind, at) => Array.isArray(bind) && textArrays.has(at) ? asTextArray(bind) : encode(bind));
};

const whole = (text: string): bigint => BigInt(text);
const fraction = (text: string): number => Number(text);

/** By the oids of the catalog: https://www.postgresql.org/docs/current/catalog-pg-type.html. All else stays text. */
const parsers: Readonly<Record<number, (text: string) => Value>> = {
  16: (text) => text === "t" ? 1n : 0n,
  17: (text) => new Uint8Array(Buffer.from(text.slice(2), "hex")),
  20: whole,
  21: whole,
  23: whole,
  26: whole,
  700: fraction,
  701: fraction,
};

const asText = (text: string): Value => text;

/** int64 is bigint, always. */
export const types: CustomTypesConfig = { getTypeParser: ((oid: number) => parsers[oid] ?? asText) as never };
