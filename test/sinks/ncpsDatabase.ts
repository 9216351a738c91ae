/** Real SQLite files with the schema of ncps, the shipped mapping, and documents to write through it. */
import Database from "better-sqlite3";
import { type Context, Duration, Effect, Layer, Schema } from "effect";
import type { Scope } from "effect";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "yaml";
import type { Access } from "../../src/core/Access.ts";
import type { Comparator, Inspection, Sink, SinkSettings } from "../../src/core/Component.ts";
import { Connections } from "../../src/core/Connections.ts";
import type { Item } from "../../src/core/Item.ts";
import type { Sql } from "../../src/core/Sql.ts";
import * as Sqlite from "../../src/drivers/sql/Sqlite.ts";
import * as NarinfoDocument from "../../src/formats/NarinfoDocument.ts";
import { sqlUpsert } from "../../src/sinks/sqlUpsert.ts";

const read = (path: string): string => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");

export const ncpsSchema = read("schemas/ncps-sqlite.sql");
/** The sink of pipelines/narinfo-to-db.yaml, as written there. */
export const ncpsSink: Readonly<Record<string, unknown>> = (() => {
  const { requires, tables } = parse(read("pipelines/narinfo-to-db.yaml")).sink;
  return { connection: "cache", requires, tables };
})();

export interface TempDatabase {
  readonly folder: string;
  readonly path: string;
  /** Another process' connection, as far as SQLite is concerned. */
  readonly db: Database.Database;
}

export const tempFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "sql-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
);

export const tempDatabase = (schema = ncpsSchema): Effect.Effect<TempDatabase, never, Scope.Scope> =>
  Effect.gen(function*() {
    const folder = yield* tempFolder;
    const path = join(folder, "db.sqlite");
    const db = yield* Effect.acquireRelease(
      Effect.sync(() => new Database(path)),
      (open) => Effect.sync(() => open.close()),
    );
    db.exec(schema);
    db.defaultSafeIntegers(true);
    return { folder, path, db };
  });

/** Equal when they differ in letter case only: enough to see that a comparator is asked. */
const nixHash: Comparator = (a, b) => a.toLowerCase() === b.toLowerCase();

export const settings: SinkSettings = {
  statementTimeout: Duration.millis(300),
  paths: NarinfoDocument.paths,
  comparators: new Map([["nix-hash", nixHash]]),
};

/** Opens a database of any engine. */
export type Driver = Context.Tag.Service<typeof Connections>["sql"];

/** A path is a SQLite file. */
const driver = (database: string | Driver): Driver =>
  typeof database === "string"
    ? (connection, options) => Sqlite.make({ connection, path: database, ...options })
    : database;

const connections = (database: string | Driver, wrap: (sql: Sql) => Sql = (sql) => sql) =>
  Layer.succeed(Connections, {
    storage: () => Effect.dieMessage("no storage here"),
    sql: (connection, options) => Effect.map(driver(database)(connection, options), wrap),
    lock: Effect.dieMessage("no lock here"),
  });

const decodeOptions = Schema.decodeUnknown(sqlUpsert.options);

export interface Opening {
  readonly sink?: Readonly<Record<string, unknown>>;
  readonly settings?: SinkSettings;
  readonly access?: Access;
  /** Puts something between the sink and the real driver. */
  readonly wrap?: (sql: Sql) => Sql;
}

export const inspectSink = (
  database: string | Driver,
  { settings: given = settings, sink = ncpsSink, wrap }: Opening = {},
) =>
  Effect.flatMap(decodeOptions(sink), (options) => sqlUpsert.inspect(options, given)).pipe(
    Effect.scoped,
    Effect.provide(connections(database, wrap)),
  );

export const openSink = (
  database: string | Driver,
  opening: Opening = {},
): Effect.Effect<Sink & { readonly inspection: Inspection }, unknown, Scope.Scope> =>
  Effect.gen(function*() {
    const { access = "write", settings: given = settings, sink = ncpsSink, wrap } = opening;
    const inspection = yield* inspectSink(database, opening);
    const errors = inspection.problems.filter(({ severity }) => severity === "error");
    if (errors.length > 0) return yield* Effect.fail(errors);
    const options = yield* decodeOptions(sink);
    const opened = yield* sqlUpsert.open(options, given, inspection.facts, access).pipe(
      Effect.provide(connections(database, wrap)),
    );
    return { ...opened, inspection };
  });

export const itemOf = (key: string, value: unknown): Item => ({
  key,
  position: key,
  origin: { version: "1", sha256: "" },
  value,
  weight: 1,
  bytes: 100,
});

const alphabet = "0123456789abcdfghijklmnpqrsvwxyz";

/** Nix's base 32 of a number, padded. */
export const nix32 = (number: number, length: number): string => {
  let text = "";
  for (let rest = number; text.length < length; rest = Math.floor(rest / 32)) text = alphabet[rest % 32] + text;
  return text;
};

/** A narinfo as the transforms hand it on: two references, one signature. */
export const narinfo = (
  number: number,
  changes: Partial<NarinfoDocument.NarinfoDocument> = {},
): NarinfoDocument.NarinfoDocument => {
  const hash = nix32(number, 32);
  const narHash = nix32(number, 52);
  return {
    hash,
    storePath: `/nix/store/${hash}-package-${number}`,
    url: `nar/${narHash}.nar.xz`,
    upstreamUrl: null,
    compression: "xz",
    fileHash: `sha256:${narHash}`,
    fileSize: 1000n + BigInt(number),
    narHash: `sha256:${narHash}`,
    narSize: 2000n + BigInt(number),
    references: [`${nix32(number + 1, 32)}-dependency`, `${hash}-package-${number}`],
    deriver: `${nix32(number + 7, 32)}-package.drv`,
    system: null,
    signatures: [`cache.example.org-1:${"A".repeat(86)}==`],
    ca: null,
    nar: { hash: narHash, compression: "xz", query: "", fileSize: 1000n + BigInt(number) },
    ...changes,
  };
};

export const narinfoItem = (number: number, changes: Partial<NarinfoDocument.NarinfoDocument> = {}): Item => {
  const document = narinfo(number, changes);
  return itemOf(`store/narinfo/${document.hash}.narinfo`, document);
};

/** Rows of a query, numbers as JavaScript's own. */
export const rows = (
  db: Database.Database,
  query: string,
  ...binds: ReadonlyArray<unknown>
): ReadonlyArray<ReadonlyArray<unknown>> =>
  (db.prepare(query).raw(true).all(...binds) as Array<Array<unknown>>)
    .map((row) =>
      row.map((value) =>
        typeof value === "bigint" && value <= 2n ** 53n && value >= -(2n ** 53n) ? Number(value) : value
      )
    );

export const counts = (db: Database.Database): Readonly<Record<string, number>> =>
  Object.fromEntries(
    ["narinfos", "narinfo_references", "narinfo_signatures", "nar_files", "narinfo_nar_files"]
      .map((table) => [table, Number(rows(db, `SELECT count(*) FROM ${table}`)[0]![0])]),
  );

export const tags = (answers: ReadonlyArray<{ readonly _tag: string }>) => answers.map(({ _tag }) => _tag);

/** Writes, and answers what reading back says. */
export const settleItems = (sink: Sink, items: ReadonlyArray<Item>) =>
  Effect.gen(function*() {
    const written = yield* sink.write(items);
    return { written, verdicts: yield* sink.verify(items) };
  });
