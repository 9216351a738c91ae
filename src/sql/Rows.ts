/**
 * Items → rows, all of a batch at once and table by table: parallel arrays, children with the number of their parent's row.
 * Pure and plain loops in functions that outlive a batch: this runs for every item that is looked at, written and read back.
 */
import type { Item } from "../core/Item.ts";
import type { Value } from "../core/Sql.ts";
import * as Fold from "./Fold.ts";
import type { Literal } from "./Form.ts";
import type { Column, Layout, Table } from "./Layout.ts";
import * as Path from "./Path.ts";

export interface TableRows {
  /** One array per column of the layout, one value per row; of `Parent` the number of the parent's row, of `Now` and literals nothing. */
  readonly columns: ReadonlyArray<ReadonlyArray<Value>>;
  readonly size: number;
  /** Each row's item, by place in the batch, ascending. What items share is a row of each, until one is written. */
  readonly owners: Int32Array;
}

/** Plain data: it goes to a worker as it is. */
export interface Batch {
  readonly size: number;
  readonly tables: ReadonlyArray<TableRows>;
}

/** A batch, sorted by the root's key so that writers take row locks in one order; `order[n]` is the place its n-th item was given in. */
export interface Sorted {
  readonly batch: Batch;
  readonly order: ReadonlyArray<number>;
}

export interface Builder {
  /** Two items of equal identity are one row under the root key's collation. */
  readonly identify: (document: unknown) => string;
  /** In the order given. */
  readonly batch: (items: ReadonlyArray<Item>) => Batch;
  readonly sorted: (items: ReadonlyArray<Item>) => Sorted;
  /** Every value that `batch` would take from a document, without making one; `place` is the item's. */
  readonly visit: (
    items: ReadonlyArray<Item>,
    see: (table: Table, column: number, value: Value, place: number) => void,
  ) => void;
  /** The elements of every scope: `values` and, for each, the number of the element above it. */
  readonly elements: (items: ReadonlyArray<Item>) => ReadonlyArray<Elements>;
}

export interface Elements {
  readonly values: ReadonlyArray<unknown>;
  readonly up: ReadonlyArray<number>;
  /** Places in the batch. */
  readonly items: ReadonlyArray<number>;
}

export const builder = (layout: Layout, collations: ReadonlyMap<string, Fold.Collation>): Builder => {
  const root = layout.tables[0]!;
  const rootFolds = root.collations.map((name) => collations.get(name)!);
  const rootKey = root.key.map((position) => root.columns[position]!);

  const identify = (document: unknown): string => {
    const parts = rootKey.map((column, at) => Fold.folded(valueOf(column, document, document), rootFolds[at]!));
    return parts.length === 1 ? parts[0]! : Fold.encodeAll(parts);
  };

  const batch = (items: ReadonlyArray<Item>): Batch => {
    const all = elementsOf(layout, items);
    const picked = pickAll(layout, all);
    const tables: Array<TableRows> = [];
    for (let table = 0; table < layout.tables.length; table++) tables.push(rowsOf(layout, table, all, picked));
    return { size: items.length, tables };
  };

  const sorted = (items: ReadonlyArray<Item>): Sorted => {
    const keys = new Array<string>(items.length);
    for (let place = 0; place < items.length; place++) keys[place] = identify(items[place]!.value);
    const order = inOrder(keys);
    const ordered = new Array<Item>(items.length);
    for (let at = 0; at < order.length; at++) ordered[at] = items[order[at]!]!;
    return { batch: batch(ordered), order };
  };

  return {
    identify,
    batch,
    elements: (items) => elementsOf(layout, items),
    visit: (items, see) => {
      const all = elementsOf(layout, items);
      const picked = pickAll(layout, all);
      const documents = all[0]!.values;
      for (let index = 0; index < layout.tables.length; index++) {
        const table = layout.tables[index]!;
        const { elements } = picked[index]!;
        const { items: places, values } = all[table.scope]!;
        for (let at = 0; at < table.columns.length; at++) {
          const column = table.columns[at]!;
          if (column.source._tag !== "Path") continue;
          for (let row = 0; row < elements.length; row++) {
            const place = places[elements[row]!]!;
            see(table, at, valueOf(column, values[elements[row]!], documents[place]), place);
          }
        }
      }
    },
    sorted,
  };
};

/** The places of keys in ascending order, equal ones as they came. Most sources list in order. */
const inOrder = (keys: ReadonlyArray<string>): ReadonlyArray<number> => {
  const order = new Array<number>(keys.length);
  let isSorted = true;
  for (let place = 0; place < keys.length; place++) {
    order[place] = place;
    if (place > 0 && keys[place - 1]! > keys[place]!) isSorted = false;
  }
  return isSorted ? order : order.sort((a, b) => keys[a]! < keys[b]! ? -1 : keys[a]! > keys[b]! ? 1 : a - b);
};

const elementsOf = (layout: Layout, items: ReadonlyArray<Item>): ReadonlyArray<Elements> => {
  const all: Array<Elements> = [];
  const documents = items.map(({ value }) => value);
  const places = items.map((_, index) => index);
  for (const { fields, up: above } of layout.scopes) {
    if (all.length === 0) {
      all.push({ values: documents, up: places, items: places });
      continue;
    }
    const values: Array<unknown> = [];
    const up: Array<number> = [];
    const scope = all[above]!;
    for (let element = 0; element < scope.values.length; element++) {
      flatten(scope.values[element], fields, 0, values);
      while (up.length < values.length) up.push(element);
    }
    all.push({ values, up, items: up.map((element) => scope.items[element]!) });
  }
  return all;
};

/** Lists on the way are taken apart; a single value where a list could be is one element; no list is none, a null in a list is one. */
const flatten = (value: unknown, fields: ReadonlyArray<string>, at: number, into: Array<unknown>): void => {
  if (Array.isArray(value)) {
    for (const one of value) {
      if (at === fields.length && (one === null || one === undefined)) into.push(null);
      else flatten(one, fields, at, into);
    }
  } else if (value === null || value === undefined) return;
  else if (at === fields.length) into.push(value);
  else flatten(Path.follow(value, [fields[at]!]), fields, at + 1, into);
};

/** The elements of a table's scope that become its rows, in order, and the row of each element, or -1. */
interface Picked {
  readonly elements: Int32Array;
  readonly rows: Int32Array;
}

const pickAll = (layout: Layout, all: ReadonlyArray<Elements>): ReadonlyArray<Picked> => {
  const picked: Array<Picked> = [];
  for (const table of layout.tables) picked.push(pick(layout, table, all, picked));
  return picked;
};

/** The elements that pass `when` and whose parents' elements did. */
const pick = (layout: Layout, table: Table, all: ReadonlyArray<Elements>, above: ReadonlyArray<Picked>): Picked => {
  const { items, values } = all[table.scope]!;
  const documents = all[0]!.values;
  const parents = table.columns.flatMap(({ source }) =>
    source._tag === "Parent" ? [{ rows: above[source.table]!.rows, scope: layout.tables[source.table]!.scope }] : []
  );
  const elements = new Int32Array(values.length);
  const rows = new Int32Array(values.length);
  let count = 0;
  for (let element = 0; element < values.length; element++) {
    let isPicked = isWanted(table, values[element], documents[items[element]!]);
    for (let at = 0; isPicked && at < parents.length; at++) {
      const { rows: parentRows, scope } = parents[at]!;
      isPicked = parentRows[climb(layout, all, table.scope, scope, element)]! >= 0;
    }
    rows[element] = isPicked ? count : -1;
    if (isPicked) elements[count++] = element;
  }
  return { elements: elements.subarray(0, count), rows };
};

const isWanted = ({ when }: Table, element: unknown, document: unknown): boolean =>
  when === undefined
  || passes(Path.follow(when.path.from === "document" ? document : element, when.path.fields), when.test);

const passes = (value: unknown, test: NonNullable<Table["when"]>["test"]): boolean => {
  switch (test._tag) {
    case "Exists":
      return (value !== undefined && value !== null) === test.wanted;
    case "Equals":
      return isLiteral(value, test.value);
    case "Not":
      return !isLiteral(value, test.value);
  }
};

const isLiteral = (value: unknown, literal: Literal): boolean =>
  value === literal || (value === undefined && literal === null)
  || (typeof value === "bigint" && typeof literal === "number" && value === BigInt(literal));

/** The element of the outer scope that an element lies in. */
const climb = (layout: Layout, all: ReadonlyArray<Elements>, from: number, to: number, element: number): number => {
  let at = element;
  for (let scope = from; scope !== to && scope !== 0; scope = layout.scopes[scope]!.up) at = all[scope]!.up[at]!;
  return at;
};

const rowsOf = (
  layout: Layout,
  index: number,
  all: ReadonlyArray<Elements>,
  picked: ReadonlyArray<Picked>,
): TableRows => {
  const table = layout.tables[index]!;
  const { elements } = picked[index]!;
  const { items: places } = all[table.scope]!;
  const owners = new Int32Array(elements.length);
  for (let row = 0; row < elements.length; row++) owners[row] = places[elements[row]!]!;
  const columns: Array<ReadonlyArray<Value>> = [];
  for (const column of table.columns) columns.push(draw(layout, table, column, all, picked, elements));
  return { columns, size: elements.length, owners };
};

const draw = (
  layout: Layout,
  table: Table,
  column: Column,
  all: ReadonlyArray<Elements>,
  picked: ReadonlyArray<Picked>,
  elements: Int32Array,
): ReadonlyArray<Value> => {
  const { source } = column;
  if (source._tag !== "Parent" && source._tag !== "Path") return [];
  const { items, values } = all[table.scope]!;
  const documents = all[0]!.values;
  const drawn = new Array<Value>(elements.length);
  if (source._tag === "Parent") {
    const { scope } = layout.tables[source.table]!;
    const { rows } = picked[source.table]!;
    for (let row = 0; row < elements.length; row++) {
      drawn[row] = rows[climb(layout, all, table.scope, scope, elements[row]!)]!;
    }
  } else {
    for (let row = 0; row < elements.length; row++) {
      const element = elements[row]!;
      drawn[row] = valueOf(column, values[element], documents[items[element]!]);
    }
  }
  return drawn;
};

/** What no column can hold (a list, a map) passes as it is: `Sift` turns such items away before they get here. */
const valueOf = ({ kind, source }: Column, element: unknown, document: unknown): Value => {
  if (source._tag === "Literal") return source.value;
  if (source._tag !== "Path") return null;
  const value = source.fields.length === 1 && source.from === "document"
    ? (document as Readonly<Record<string, unknown>>)[source.fields[0]!]
    : Path.follow(source.from === "document" ? document : element, source.fields);
  if (value === undefined) return null;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number" && kind !== "real" && Number.isSafeInteger(value)) return BigInt(value);
  return value as Value;
};
