/** What no table can take: said per item before any batch, so that one bad item costs one item (Invariant 6). */
import type { Item } from "../core/Item.ts";
import type { Value } from "../core/Sql.ts";
import * as Layout from "./Layout.ts";
import * as Path from "./Path.ts";
import type { Builder } from "./Rows.ts";

export interface Fault {
  readonly code: string;
  readonly reason: string;
}

/** Signed 64 bits, what every engine calls bigint. */
const minInteger = -(2n ** 63n);
const maxInteger = 2n ** 63n - 1n;

/** Answers what finds the first fault of each item that has one, by its place. */
export const finder = (
  layout: Layout.Layout,
  builder: Builder,
): (items: ReadonlyArray<Item>) => ReadonlyMap<number, Fault> => {
  // Of the call under way, so that `see`, which runs for every value, is made once.
  let found = new Map<number, Fault>();
  const see: Parameters<Builder["visit"]>[1] = (table, at, value, place) => {
    const column = table.columns[at]!;
    const fault = faultOf(column, value, table.key.includes(at));
    if (fault !== undefined && !found.has(place)) {
      found.set(place, { ...fault, reason: `${table.name}.${column.name}: ${fault.reason}` });
    }
  };
  return (items) => {
    found = new Map();
    builder.visit(items, see);
    if (layout.dropped.length > 0) seeDropped(layout, builder, items, found);
    return found;
  };
};

/** Values of columns that this database lacks, where leaving them out would lose them. */
const seeDropped = (
  { dropped }: Layout.Layout,
  builder: Builder,
  items: ReadonlyArray<Item>,
  found: Map<number, Fault>,
): void => {
  const elements = builder.elements(items);
  for (const { code, column, path, scope, table } of dropped) {
    const { items: places, values } = elements[scope]!;
    for (let element = 0; element < values.length; element++) {
      const place = places[element]!;
      const value = Path.follow(path.from === "document" ? items[place]!.value : values[element], path.fields);
      if (value !== undefined && value !== null && !found.has(place)) {
        found.set(place, {
          code,
          reason: `${table} has no column ${column} in this database, and ${
            typeof value === "object" ? "what the document has" : JSON.stringify(String(value))
          } would be lost`,
        });
      }
    }
  }
};

const faultOf = (column: Layout.Column, value: Value, inKey: boolean): Fault | undefined => {
  if (value === null) {
    return column.notNull || inKey
      ? { code: "sql/null-value", reason: inKey ? "the key has no value" : "must not be null" }
      : undefined;
  }
  switch (typeof value) {
    case "string": {
      if (!holdsText(column, value)) return wrong(column, column.kind === "uuid" ? JSON.stringify(value) : "text");
      if (value.includes("\0")) return { code: "sql/nul", reason: "the text holds a NUL" };
      // It would arrive as U+FFFD.
      if (!value.isWellFormed()) return { code: "sql/invalid-unicode", reason: "the text holds half a surrogate pair" };
      if (column.maxLength !== undefined && value.length > column.maxLength) {
        const characters = [...value].length;
        if (characters > column.maxLength) {
          return {
            code: "sql/value-too-long",
            reason: `${characters} characters, the column holds ${column.maxLength}`,
          };
        }
      }
      if (column.maxCodePoint !== undefined) {
        const foreign = firstBeyond(value, column.maxCodePoint);
        if (foreign !== undefined) {
          return { code: "sql/unknown-character", reason: `its character set has no ${JSON.stringify(foreign)}` };
        }
      }
      return undefined;
    }
    case "bigint":
      if (!holdsWhole(column, value)) {
        if (column.kind === "boolean") return wrong(column, String(value));
        // Booleans of documents are 0 and 1 by now.
        return wrong(column, value === 0n || value === 1n ? "a number or a boolean" : "a number");
      }
      if (column.kind === "real" && BigInt(Number(value)) !== value) return wrong(column, `${value} unrounded`);
      return value < minInteger || value > maxInteger
        ? { code: "sql/out-of-range", reason: `${value} is beyond 64 bits` }
        : undefined;
    case "number":
      if (!Number.isFinite(value)) return wrong(column, String(value));
      return column.kind === "real" || column.kind === "numeric" || column.kind === "decimal" || column.kind === "any"
        ? undefined
        : wrong(column, "a fraction");
    default:
      if (!(value instanceof Uint8Array)) return wrong(column, Array.isArray(value) ? "a list" : "a map");
      return column.kind === "blob" || column.kind === "any" ? undefined : wrong(column, "bytes");
  }
};

const canonicalUuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const holdsText = ({ kind }: Layout.Column, value: string): boolean =>
  kind === "text" || kind === "any" || (kind === "numeric" && !looksNumeric(value))
  || (kind === "uuid" && canonicalUuid.test(value));

const holdsWhole = ({ kind }: Layout.Column, value: bigint): boolean => {
  switch (kind) {
    case "boolean":
      return value === 0n || value === 1n;
    case "integer":
    case "real":
    case "numeric":
    case "decimal":
    case "any":
      return true;
    default:
      return false;
  }
};

const firstBeyond = (text: string, maxCodePoint: number): string | undefined => {
  for (let at = 0; at < text.length; at++) {
    if (text.codePointAt(at)! > maxCodePoint) return String.fromCodePoint(text.codePointAt(at)!);
  }
  return undefined;
};

const wrong = ({ kind }: Layout.Column, what: string): Fault => ({
  code: "sql/wrong-type",
  reason: `the column (${kind}) cannot hold ${what}`,
});

/** Text that an engine would turn into a number in a numeric column. */
const looksNumeric = (text: string): boolean => text.trim() !== "" && !Number.isNaN(Number(text));
