/** A small cache in a store and in a database of real servers, and what must be true of both whatever befell them. */
import Database from "better-sqlite3";
import type { Scope } from "effect";
import { Effect } from "effect";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as Damage from "../crash/Damage.ts";
import type * as MariaDb from "../support/servers/MariaDb.ts";
import type * as Postgres from "../support/servers/Postgres.ts";
import type * as S3 from "../support/servers/S3.ts";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";

type Variables = Readonly<Record<string, string>>;
type Narinfos = ReadonlyArray<ValidNarinfos.ValidNarinfo>;

/** Where narinfos lie as objects. */
export interface Store {
  readonly variables: Variables;
  readonly fill: (all: Narinfos) => Effect.Effect<void>;
  /** Asked of the disk: no fault of a server or a network spoils the answer. */
  readonly isStored: (key: string) => boolean;
}

/** A database with the tables of ncps. */
export interface Target {
  readonly name: string;
  /** Of the account that the runs use. */
  readonly user: string;
  readonly variables: Variables;
  /** As a superuser and past every proxy. */
  readonly query: (sql: string) => Effect.Effect<ReadonlyArray<Record<string, unknown>>>;
}

export interface World {
  readonly folder: string;
  readonly variables: Variables;
  readonly database: Target;
  /** What is neither stored nor whole in the database, as sentences; empty when nothing is lost or doubled. */
  readonly damage: Effect.Effect<ReadonlyArray<string>>;
  /** Objects that are still there. */
  readonly remaining: Effect.Effect<number>;
  /** Full rows. */
  readonly migrated: Effect.Effect<number>;
  /** Rows in each table. */
  readonly rows: Effect.Effect<Readonly<Record<Damage.Table, number>>>;
}

const temporary = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "ncps-pipeline-faults-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
);

export const localStore: Effect.Effect<Store, never, Scope.Scope> = Effect.map(temporary, (folder) => ({
  variables: { CACHE_STORAGE_LOCAL: folder },
  fill: (all) => Effect.sync(() => ValidNarinfos.write(folder, 0, all.length, all.length)),
  isStored: (key) => existsSync(join(folder, key)),
}));

/** In a fresh bucket, reached through `port`. */
export const s3Store = (server: S3.S3, port = server.port): Effect.Effect<Store> =>
  Effect.map(server.bucket(), (bucket) => ({
    variables: {
      CACHE_STORAGE_S3_BUCKET: bucket,
      CACHE_STORAGE_S3_ENDPOINT: `http://127.0.0.1:${port}`,
      CACHE_STORAGE_S3_REGION: server.region,
      CACHE_STORAGE_S3_ACCESS_KEY_ID: server.accessKeyId,
      CACHE_STORAGE_S3_SECRET_ACCESS_KEY: server.secretAccessKey,
      CACHE_STORAGE_S3_FORCE_PATH_STYLE: "true",
    },
    fill: (all) =>
      Effect.forEach(all, ({ key, text }) => server.put(bucket, key, text), { concurrency: 16, discard: true }),
    isStored: (key) => existsSync(join(server.dataFolder, bucket, key)),
  }));

const schema = (engine: string): string =>
  readFileSync(new URL(`../../schemas/ncps-${engine}.sql`, import.meta.url), "utf8");

export const sqlite: Effect.Effect<Target, never, Scope.Scope> = Effect.map(temporary, (folder) => {
  const path = join(folder, "db.sqlite");
  const use = <A>(work: (db: Database.Database) => A): A => {
    const db = new Database(path);
    try {
      return work(db);
    } finally {
      db.close();
    }
  };
  use((db) => db.exec(schema("sqlite")));
  return {
    name: path,
    user: "",
    variables: { CACHE_DATABASE_URL: `sqlite:${path}` },
    query: (sql) =>
      Effect.sync(() =>
        use((db) => {
          const statement = db.prepare(sql);
          if (statement.reader) return statement.all() as Array<Record<string, unknown>>;
          statement.run();
          return [];
        })
      ),
  };
});

/** Of the account that the runs use, which may do nothing but read and write rows. */
const password = "app-hush-61e0";

/** A fresh database, reached through `port` by a role without privileges. */
export const postgres = (server: Postgres.Postgres, port = server.port, tablespace?: string): Effect.Effect<Target> =>
  Effect.gen(function*() {
    const name = new URL(yield* server.database()).pathname.slice(1);
    if (tablespace !== undefined) yield* server.query(`ALTER DATABASE ${name} SET TABLESPACE ${tablespace}`);
    yield* server.query(schema("postgres"), name);
    const role = `app_${name}`;
    yield* server.query(
      `CREATE ROLE ${role} LOGIN PASSWORD '${password}';
       GRANT SELECT, INSERT, UPDATE ON ALL TABLES IN SCHEMA public TO ${role}`,
      name,
    );
    return {
      name,
      user: role,
      variables: { CACHE_DATABASE_URL: `postgresql://${role}:${password}@127.0.0.1:${port}/${name}?sslmode=disable` },
      query: (sql) => server.query(sql, name),
    };
  });

/** A fresh database, reached through `port` by a user without privileges. */
export const mariaDb = (server: MariaDb.MariaDb, port = server.port): Effect.Effect<Target> =>
  Effect.gen(function*() {
    const name = new URL(yield* server.database(schema("mysql"))).pathname.slice(1);
    const user = `app_${name}`;
    yield* server.query(
      `CREATE USER '${user}'@'%' IDENTIFIED BY '${password}';
       GRANT SELECT, INSERT, UPDATE ON ${name}.* TO '${user}'@'%'`,
    );
    return {
      name,
      user,
      variables: { CACHE_DATABASE_URL: `mysql://${user}:${password}@127.0.0.1:${port}/${name}` },
      query: (sql) => server.query(sql, name),
    };
  });

const quoted = (text: string | null): string => text === null ? "NULL" : `'${text}'`;

/** A cache of `total` narinfos; every fourth has a stub row. */
export const make = (
  options: {
    readonly total: number;
    readonly store: Store;
    readonly database: Target;
    readonly variables?: Variables;
  },
): Effect.Effect<World, never, Scope.Scope> =>
  Effect.gen(function*() {
    const { database, store, total, variables } = options;
    const folder = yield* temporary;
    mkdirSync(join(folder, "run"));
    const all = Damage.allOf(total);
    yield* store.fill(all);
    const stubs = Damage.stubs(total).map(([hash, url]) => `(${quoted(hash)}, ${quoted(url)})`);
    yield* database.query(`INSERT INTO narinfos (hash, url) VALUES ${stubs.join(", ")}`);
    return {
      folder: join(folder, "run"),
      variables: { ...store.variables, ...database.variables, ...variables },
      database,
      damage: Effect.gen(function*() {
        const contents: Record<string, ReadonlyArray<Record<string, unknown>>> = {};
        for (const table of Damage.tables) contents[table] = yield* database.query(`SELECT * FROM ${table}`);
        return Damage.of(all, contents as Damage.Contents, store.isStored);
      }),
      remaining: Effect.sync(() => all.filter(({ key }) => store.isStored(key)).length),
      migrated: Effect.map(
        database.query("SELECT count(*) AS n FROM narinfos WHERE coalesce(url, '') <> ''"),
        ([row]) => Number(row!["n"]),
      ),
      rows: Effect.gen(function*() {
        const counts: Record<string, number> = {};
        for (const table of Damage.tables) {
          const [row] = yield* database.query(`SELECT count(*) AS n FROM ${table}`);
          counts[table] = Number(row!["n"]);
        }
        return counts as Record<Damage.Table, number>;
      }),
    };
  });
