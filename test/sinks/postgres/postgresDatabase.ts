/** A private PostgreSQL server per test file, a database per test. */
import { Effect, Exit, Redacted, Scope } from "effect";
import { readFileSync } from "node:fs";
import { Client } from "pg";
import { afterAll, beforeAll } from "vitest";
import * as Postgres from "../../../src/drivers/sql/Postgres.ts";
import * as PostgresValues from "../../../src/drivers/sql/PostgresValues.ts";
import * as Server from "../../support/servers/Postgres.ts";
import type { Driver } from "../ncpsDatabase.ts";

/** Started before the tests of a file, stopped after them. */
export const server = (options?: Server.Options): () => Server.Postgres => {
  let scope: Scope.CloseableScope;
  let started: Server.Postgres | undefined;
  beforeAll(async () => {
    scope = await Effect.runPromise(Scope.make());
    started = await Effect.runPromise(Scope.extend(Server.make(options), scope));
  }, 60_000);
  afterAll(async () => {
    await Effect.runPromise(Scope.close(scope, Exit.void));
  }, 60_000);
  return () => started!;
};

export const driver =
  (url: string, config: Partial<Postgres.Options["config"]> = {}): Driver => (connection, options) =>
    Postgres.make({
      connection,
      config: {
        url: Redacted.make(url),
        poolSize: 4,
        lockTimeout: options.statementTimeout,
        preparedStatements: true,
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

/** Another client of the database. */
export const rival = (url: string): Effect.Effect<Rival, never, Scope.Scope> =>
  Effect.gen(function*() {
    const client = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const made = new Client({ connectionString: url, types: PostgresValues.types });
        made.on("error", () => {});
        await made.connect();
        return made;
      }),
      (made) => Effect.promise(() => made.end()),
    );
    const query = (sql: string) => Effect.promise(() => client.query({ text: sql, rowMode: "array" }));
    return {
      run: (sql) => Effect.asVoid(query(sql)),
      rows: (sql) => Effect.map(query(sql), ({ rows }) => rows as Array<Array<unknown>>),
    };
  });

/** The schema of ncps 0.10. */
export const ncpsSchema = readFileSync(new URL("../../../schemas/ncps-postgres.sql", import.meta.url), "utf8");
