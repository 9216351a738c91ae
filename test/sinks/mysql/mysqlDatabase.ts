/** A private MariaDB server per test file, a database per test. */
import { Effect, Exit, Redacted, Scope } from "effect";
import { createConnection } from "mysql2/promise";
import type { ResultSetHeader, RowDataPacket } from "mysql2/promise";
import { readFileSync } from "node:fs";
import { afterAll, beforeAll } from "vitest";
import * as Mysql from "../../../src/drivers/sql/Mysql.ts";
import * as MysqlUrl from "../../../src/drivers/sql/MysqlUrl.ts";
import * as Server from "../../support/servers/MariaDb.ts";
import type { Driver } from "../ncpsDatabase.ts";

export const ncpsSchema = readFileSync(new URL("../../../schemas/ncps-mysql.sql", import.meta.url), "utf8");

/** Started before the tests of a file, stopped after them. */
export const server = (options?: Server.Options): () => Server.MariaDb => {
  let scope: Scope.CloseableScope;
  let started: Server.MariaDb | undefined;
  beforeAll(async () => {
    scope = await Effect.runPromise(Scope.make());
    started = await Effect.runPromise(Scope.extend(Server.make(options), scope));
  }, 60_000);
  afterAll(async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void));
  }, 60_000);
  return () => started!;
};

export const driver = (url: string, config: Partial<Mysql.Options["config"]> = {}): Driver => (connection, options) =>
  Mysql.make({
    connection,
    config: {
      url: Redacted.make(url),
      poolSize: 4,
      lockTimeout: options.statementTimeout,
      tls: undefined,
      ...config,
    },
    ...options,
  });

export interface Rival {
  readonly run: (sql: string) => Effect.Effect<void>;
  /** int64 as bigint, times as text. */
  readonly rows: (sql: string) => Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>>;
}

/** Another client of the database, as ncps is one. */
export const rival = (url: string): Effect.Effect<Rival, never, Scope.Scope> =>
  Effect.gen(function*() {
    const client = yield* Effect.acquireRelease(
      Effect.gen(function*() {
        const { address, database, password, user } = yield* Effect.orDie(MysqlUrl.parse("rival", url));
        const made = yield* Effect.promise(() =>
          createConnection({
            ...("socket" in address ? { socketPath: address.socket } : address),
            user,
            password,
            database,
            rowsAsArray: true,
            dateStrings: true,
            multipleStatements: true,
            supportBigNumbers: true,
            typeCast: (field, next) => {
              if (field.type !== "LONGLONG") return next();
              const text = field.string();
              return text === null ? null : BigInt(text);
            },
          })
        );
        made.on("error", () => {});
        return made;
      }),
      (made) => Effect.promise(() => made.end()),
    );
    const query = (sql: string) =>
      Effect.promise(() => client.query<Array<RowDataPacket> | ResultSetHeader>(sql).then(([rows]) => rows));
    yield* query("SET time_zone = '+00:00', sql_mode = 'STRICT_TRANS_TABLES'");
    return {
      run: (sql) => Effect.asVoid(query(sql)),
      rows: (sql) => Effect.map(query(sql), (rows) => rows as unknown as Array<Array<unknown>>),
    };
  });
