/**
 * Values on their way between threads. A structured clone writes and reads every string and object by itself, which costs more than the work
 * done on them; so lists of like values travel as columns: one long text and its lengths, one typed array. Plain data in, equal plain data out.
 */

/** Below this a list is not worth a column. */
const worthwhile = 8;

/** In `lengths`: there is no text, but null. */
const none = -1;

/** What a clone carries; the first element says which it is, so that no value can be taken for it. */
export type Packed =
  | readonly ["plain", unknown]
  | readonly ["texts", text: string, lengths: Int32Array]
  | readonly ["integers", values: BigInt64Array, nulls: Uint8Array]
  | readonly ["numbers", Float64Array]
  | readonly ["list", ReadonlyArray<Packed>]
  | readonly ["record", keys: ReadonlyArray<string>, ReadonlyArray<Packed>]
  | readonly ["records", keys: ReadonlyArray<string>, columns: ReadonlyArray<Packed>, size: number];

const texts = (list: ReadonlyArray<unknown>): Packed | undefined => {
  const lengths = new Int32Array(list.length);
  for (let at = 0; at < list.length; at++) {
    const value = list[at];
    if (typeof value === "string") lengths[at] = value.length;
    else if (value === null) lengths[at] = none;
    else return undefined;
  }
  // Null joins as nothing.
  return ["texts", list.join(""), lengths];
};

const integers = (list: ReadonlyArray<unknown>): Packed | undefined => {
  const values = new BigInt64Array(list.length);
  const nulls = new Uint8Array(list.length);
  for (let at = 0; at < list.length; at++) {
    const value = list[at];
    if (typeof value === "bigint" && BigInt.asIntN(64, value) === value) values[at] = value;
    else if (value === null) nulls[at] = 1;
    else return undefined;
  }
  return ["integers", values, nulls];
};

const numbers = (list: ReadonlyArray<unknown>): Packed | undefined => {
  const values = new Float64Array(list.length);
  for (let at = 0; at < list.length; at++) {
    const value = list[at];
    if (typeof value !== "number") return undefined;
    values[at] = value;
  }
  return ["numbers", values];
};

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;

const records = (list: ReadonlyArray<unknown>): Packed | undefined => {
  const [first] = list;
  if (!isRecord(first)) return undefined;
  const keys = Object.keys(first);
  for (const value of list) {
    if (!isRecord(value)) return undefined;
    let found = 0;
    for (const key in value) {
      if (key === keys[found]) found++;
      else return undefined;
    }
    if (found !== keys.length) return undefined;
  }
  const rows = list as ReadonlyArray<Readonly<Record<string, unknown>>>;
  return ["records", keys, keys.map((key) => pack(valuesOf(rows, key))), list.length];
};

const valuesOf = (rows: ReadonlyArray<Readonly<Record<string, unknown>>>, key: string): ReadonlyArray<unknown> => {
  const values = new Array<unknown>(rows.length);
  for (let at = 0; at < rows.length; at++) values[at] = rows[at]![key];
  return values;
};

const columnOf = (list: ReadonlyArray<unknown>): Packed | undefined => {
  const first = list.find((value) => value !== null);
  switch (typeof first) {
    case "string":
      return texts(list);
    case "bigint":
      return integers(list);
    case "number":
      return numbers(list);
    case "object":
      return records(list);
    default:
      return undefined;
  }
};

/** For `postMessage`; typed arrays and buffers inside stay as they are. */
export const pack = (value: unknown): Packed => {
  if (Array.isArray(value)) {
    const column = value.length < worthwhile ? undefined : columnOf(value);
    if (column !== undefined) return column;
    return value.some((one) => typeof one === "object" && one !== null) ? ["list", value.map(pack)] : ["plain", value];
  }
  if (isRecord(value)) return ["record", Object.keys(value), Object.values(value).map(pack)];
  return ["plain", value];
};

export const unpack = (packed: Packed): unknown => {
  switch (packed[0]) {
    case "plain":
      return packed[1];
    case "texts":
      return unpackTexts(packed[1], packed[2]);
    case "integers":
      return unpackIntegers(packed[1], packed[2]);
    case "numbers":
      return Array.from(packed[1]);
    case "list":
      return packed[1].map(unpack);
    case "record": {
      const [, keys, values] = packed;
      return Object.fromEntries(keys.map((key, at) => [key, unpack(values[at]!)]));
    }
    case "records":
      return unpackRecords(packed[1], packed[2], packed[3]);
  }
};

const unpackTexts = (text: string, lengths: Int32Array): ReadonlyArray<string | null> => {
  const list = new Array<string | null>(lengths.length);
  let start = 0;
  for (let at = 0; at < lengths.length; at++) {
    const length = lengths[at]!;
    list[at] = length === none ? null : text.slice(start, start += length);
  }
  return list;
};

const unpackIntegers = (values: BigInt64Array, nulls: Uint8Array): ReadonlyArray<bigint | null> => {
  const list = new Array<bigint | null>(values.length);
  for (let at = 0; at < values.length; at++) list[at] = nulls[at] === 1 ? null : values[at]!;
  return list;
};

const unpackRecords = (
  keys: ReadonlyArray<string>,
  packed: ReadonlyArray<Packed>,
  size: number,
): ReadonlyArray<Readonly<Record<string, unknown>>> => {
  const columns = packed.map(unpack) as ReadonlyArray<ReadonlyArray<unknown>>;
  const list = new Array<Record<string, unknown>>(size);
  for (let row = 0; row < size; row++) {
    const record: Record<string, unknown> = {};
    for (let at = 0; at < keys.length; at++) record[keys[at]!] = columns[at]![row];
    list[row] = record;
  }
  return list;
};
