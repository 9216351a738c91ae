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

const oids = { bigint: 20, text: 25 };

/** An array of one dimension in binary, its values still to come: https://github.com/postgres/postgres/blob/REL_15_STABLE/src/backend/utils/adt/arrayfuncs.c (array_recv). */
const arrayOf = (oid: number, count: number, bytes: number): Buffer => {
  const array = Buffer.allocUnsafe((count === 0 ? 12 : 20) + bytes);
  array.writeInt32BE(count === 0 ? 0 : 1, 0);
  // Whether there are nulls, which nobody reads.
  array.writeInt32BE(0, 4);
  array.writeInt32BE(oid, 8);
  if (count > 0) {
    array.writeInt32BE(count, 12);
    array.writeInt32BE(1, 16);
  }
  return array;
};

const isAscii = /^[\0-\x7f]*$/;
const lengthBytes = 4;
const nullLength = -1;

const toText = (value: Value): string | null =>
  value === null || typeof value === "string" ? value : value instanceof Uint8Array ? hex(value) : String(value);

/** One byte per character. */
const toBytes = (text: string | null): string | null => text === null ? null : Buffer.from(text).toString("latin1");

/** All texts are written at once to the end, and then each moved down behind its length: half the time of writing one by one. */
const asTextArray = (values: ReadonlyArray<Value>): Buffer => {
  let texts = values.map(toText);
  let joined = texts.join("");
  if (!isAscii.test(joined)) {
    texts = texts.map(toBytes);
    joined = texts.join("");
  }
  const array = arrayOf(oids.text, texts.length, texts.length * lengthBytes + joined.length);
  let from = array.length - joined.length;
  array.write(joined, from, "latin1");
  let to = from - texts.length * lengthBytes;
  for (let at = 0; at < texts.length; at++) {
    const length = texts[at]?.length ?? nullLength;
    to = array.writeInt32BE(length, to);
    if (length > 0) {
      array.copyWithin(to, from, from + length);
      to += length;
      from += length;
    }
  }
  return array;
};

const int64Bytes = 8;
const uint32Values = 2 ** 32;

/** `undefined` where a value is none: as text the server refuses it. */
const asBigintArray = (values: ReadonlyArray<Value>): Buffer | undefined => {
  const array = arrayOf(oids.bigint, values.length, values.length * (lengthBytes + int64Bytes));
  const view = new DataView(array.buffer, array.byteOffset, array.byteLength);
  let to = array.length - values.length * (lengthBytes + int64Bytes);
  for (let at = 0; at < values.length; at++) {
    const value = values[at]!;
    view.setInt32(to, value === null ? nullLength : int64Bytes);
    to += lengthBytes;
    if (value === null) continue;
    if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) view.setBigInt64(to, value);
    else if (Number.isSafeInteger(value)) {
      view.setInt32(to, Math.floor(Number(value) / uint32Values));
      view.setUint32(to + int64Bytes / 2, Number(value));
    } else return undefined;
    to += int64Bytes;
  }
  return array.subarray(0, to);
};

/** What is written is read back by the same arrays: each is encoded once. */
const encoded = new WeakMap<ReadonlyArray<Value>, Buffer>();

const textArray = (values: ReadonlyArray<Value>): Buffer => {
  const before = encoded.get(values);
  if (before !== undefined) return before;
  const array = asTextArray(values);
  encoded.set(values, array);
  return array;
};

type Binary = (values: ReadonlyArray<Value>) => Buffer | undefined;

const binaries: Readonly<Record<string, Binary>> = { text: textArray, bigint: asBigintArray };

/** The parameters of a statement that are cast to arrays with a binary form here. */
const binariesOf = (text: string): ReadonlyMap<number, Binary> =>
  new Map(
    Array.from(
      text.matchAll(/\$(\d+)::(text|bigint)\[\]/g),
      ([, number, type]) => [Number(number) - 1, binaries[type!]!],
    ),
  );

/**
 * Encodes what a statement binds. Most of it are arrays of text: in binary the server takes them in an eighth of the time
 * (measured: 0.9 instead of 6.8 µs per narinfo and statement).
 */
export const encoder = (text: string): (binds: ReadonlyArray<Bind>) => Array<string | Buffer | null> => {
  const binary = binariesOf(text);
  return (binds) => binds.map((bind, at) => (Array.isArray(bind) ? binary.get(at)?.(bind) : undefined) ?? encode(bind));
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
