/** A folder of NDJSON files and a database of its own, from test/fixtures/generic: everything specific to them is YAML and SQL. */
import Database from "better-sqlite3";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import * as Cache from "./Cache.ts";
import { type Ended, pipeline } from "./Pipeline.ts";

const fixtures = fileURLToPath(new URL("../fixtures/generic", import.meta.url));

export type Row = Readonly<Record<string, unknown>>;

export interface Item {
  readonly position: number;
  readonly sku: string;
  readonly title: string;
  readonly quantity: number;
}
export interface Customer {
  readonly number: number | bigint;
  readonly name: string;
  readonly account: { readonly credit: number | bigint | null; readonly rating: number };
  readonly orders: ReadonlyArray<{
    readonly reference: string;
    readonly note?: string;
    readonly items: ReadonlyArray<Item>;
  }>;
}

/** The n-th customer: one to three orders of up to three items each, of fifteen products in all. */
export const customer = (number: number): Customer => ({
  number,
  name: `Customer ${number} – «Größe»`,
  account: { credit: number * 1000, rating: number / 8 },
  orders: Array.from({ length: 1 + number % 3 }, (_, order) => ({
    reference: `${number}-${order}`,
    ...(order === 0 ? { note: `note ${number}` } : {}),
    items: Array.from({ length: (number + order) % 4 }, (_, position) => {
      const sku = (number * 7 + position * 4 + order) % 15;
      return { position, sku: `sku-${sku}`, title: `Product ${sku}`, quantity: 1 + position };
    }),
  })),
});

/** One line of NDJSON; bigints as JSON has them, which `JSON.stringify` refuses. */
export const line = (value: unknown): string =>
  JSON.stringify(value, (_, one: unknown) => typeof one === "bigint" ? `int64:${one}` : one)
    .replaceAll(/"int64:(-?\d+)"/g, "$1");

export interface Shop {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly write: (key: string, lines: ReadonlyArray<unknown>) => void;
  /** Keys below a folder of the data, sorted. */
  readonly files: (folder: string) => ReadonlyArray<string>;
  readonly read: (key: string) => string;
  readonly query: (sql: string) => ReadonlyArray<Row>;
  readonly execute: (sql: string) => void;
  readonly run: (name: string, ...args: ReadonlyArray<string>) => Promise<Ended>;
  /** The ledger of a run that ended with this code. */
  readonly ledger: (
    code: number,
    name: string,
    ...args: ReadonlyArray<string>
  ) => Promise<Readonly<Record<string, number>>>;
}

/** Everything that a customer's line says, as the tables have it: by names, not by ids, and without clocks. */
const customersOf = `
  SELECT c.number, c.name, c.credit, c.rating, o.reference, o.note, i.position, p.sku, p.title, i.quantity
  FROM customers c LEFT JOIN orders o ON o.customer_id = c.id
  LEFT JOIN order_items i ON i.order_id = o.id LEFT JOIN products p ON p.id = i.product_id
  ORDER BY c.number, o.reference, i.position`;

export const stored = (shop: Shop): ReadonlyArray<Row> => shop.query(customersOf);

/** The same of documents. */
export const expected = (customers: ReadonlyArray<Customer>): ReadonlyArray<Row> =>
  customers.flatMap(({ account, name, number, orders }): ReadonlyArray<Row> => {
    const head = {
      number: BigInt(number),
      name,
      credit: account.credit === null ? null : BigInt(account.credit),
      rating: account.rating,
    };
    return orders.flatMap(({ items, note = null, reference }): ReadonlyArray<Row> =>
      items.length === 0
        ? [{ ...head, reference, note, position: null, sku: null, title: null, quantity: null }]
        : items.map(({ position, quantity, sku, title }) => ({
          ...head,
          reference,
          note,
          position: BigInt(position),
          sku,
          title,
          quantity: BigInt(quantity),
        }))
    );
  });

export const make = (): Shop => {
  const root = Cache.temporaryFolder();
  cpSync(fixtures, root, { recursive: true });
  const path = (key: string) => join(root, "data", key);
  mkdirSync(path(""));
  const open = () => {
    const database = new Database(join(root, "shop.db"));
    database.defaultSafeIntegers();
    return database;
  };
  const execute = (sql: string): void => {
    const database = open();
    database.exec(sql);
    database.close();
  };
  execute(readFileSync(join(root, "shop.sql"), "utf8"));
  const shop: Shop = {
    root,
    env: {},
    write: (key, lines) => {
      mkdirSync(dirname(path(key)), { recursive: true });
      writeFileSync(path(key), lines.map((one) => `${typeof one === "string" ? one : line(one)}\n`).join(""));
    },
    files: (folder) => existsSync(path(folder)) ? readdirSync(path(folder)).sort() : [],
    read: (key) => readFileSync(path(key), "utf8"),
    query: (sql) => {
      const database = open();
      const rows = database.prepare<[], Row>(sql).all();
      database.close();
      return rows;
    },
    execute,
    run: (name, ...args) => pipeline(shop, ["run", name, ...args]),
    ledger: async (code, name, ...args) => {
      const ended = await shop.run(name, "--json", ...args);
      if (ended.code !== code) {
        throw new Error(`expected ${code}, ended with ${ended.code}: ${ended.stdout}${ended.stderr}`);
      }
      const { result } = JSON.parse(ended.stdout) as {
        readonly result: { readonly ledger: Record<string, number>; readonly imbalances: ReadonlyArray<string> };
      };
      if (result.imbalances.length > 0) throw new Error(result.imbalances.join(", "));
      return Object.fromEntries(Object.entries(result.ledger).filter(([, count]) => count > 0));
    },
  };
  return shop;
};
