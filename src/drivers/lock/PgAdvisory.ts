import { Duration, Effect, type Scope } from "effect";
import { createHash } from "node:crypto";
import type { Check } from "../../core/Check.ts";
import type { LockRetryConfig, SqlServerConfig } from "../../core/Config.ts";
import { type ConnectionError, type LockError, SqlError } from "../../core/Errors.ts";
import type { Lock } from "../../core/Lock.ts";
import * as PostgresPool from "../sql/PostgresPool.ts";
import * as SessionLocks from "./SessionLocks.ts";

/** For as long as a statement that waits for nobody may take. */
const statementTimeout = Duration.seconds(3);
/** One session holds the locks, the other serves `doctor`. */
const poolSize = 2;
/** Told apart from advisory locks of other programs in the database, as far as 64 bits go. */
const namespace = "ncps-pipeline/lock/";

/** A signed 64-bit number, as PostgreSQL counts advisory locks. */
export const nameOf = (key: string): string =>
  createHash("sha256").update(namespace).update(key).digest().readBigInt64BE().toString();

const arrayOf = (names: ReadonlyArray<string>): string => `{${names.join(",")}}`;

const takeText =
  `SELECT pg_try_advisory_lock(key), pg_backend_pid() FROM unnest($1::bigint[]) WITH ORDINALITY AS asked(key, at)
ORDER BY at`;
const giveText = "SELECT count(*) FILTER (WHERE pg_advisory_unlock(key)) FROM unnest($1::bigint[]) AS asked(key)";
/** From version 14 on the server may end sessions that have nothing to do. */
const stayText = "SELECT set_config(name, '0', false) FROM pg_settings WHERE name = 'idle_session_timeout'";

/** https://www.postgresql.org/docs/current/errcodes-appendix.html; here it is the lock table that is full. */
const outOfMemory = "53200";
const roomForLocks = "Raise max_locks_per_transaction of the server, or lower sink.batch.items.max";

const session = (connection: string, { send }: PostgresPool.Session): SessionLocks.Session => {
  let process: unknown;
  const query = (text: string, ...values: ReadonlyArray<string>) =>
    Effect.mapBoth(send("run", { text, values }), {
      onSuccess: ({ rows }) => rows as ReadonlyArray<ReadonlyArray<unknown>>,
      onFailure: (error) => error.code === outOfMemory ? new SqlError({ ...error, remedy: roomForLocks }) : error,
    });
  const isOther = (found: unknown): boolean => process !== undefined && process !== found;
  const poolerBetween = new SqlError({
    reason: "Environment",
    connection,
    code: "POOLER",
    detail: "statements of one connection reach several sessions of the server",
    remedy: "Connect to PostgreSQL without a pooler, or through one that keeps sessions",
  });
  return {
    take: (names) =>
      Effect.gen(function*() {
        if (process === undefined) yield* query(stayText);
        const rows = yield* query(takeText, arrayOf(names));
        if (rows.some(([, found]) => isOther(found))) return yield* poolerBetween;
        process = rows[0]?.[1];
        return rows.map(([taken]) => taken === 1n);
      }),
    // Locks last as long as the server's process that serves the session does.
    holds: () => Effect.map(query("SELECT pg_backend_pid()"), ([row]) => !isOther(row?.[0])),
    give: (names) =>
      Effect.filterOrFail(
        query(giveText, arrayOf(names)),
        ([row]) => Number(row?.[0]) === names.length,
        () => poolerBetween,
      ),
  };
};

const factsText = `SELECT current_setting('server_version'), pg_is_in_recovery(),
  current_setting('max_locks_per_transaction')::int8
    * (current_setting('max_connections')::int8 + current_setting('max_prepared_transactions')::int8)`;
/** Two batches of the largest size at once, and other work besides. */
const enoughLocks = 5000;

const checkup = (
  pool: PostgresPool.PostgresPool,
  { preparedStatements }: Pick<SqlServerConfig, "preparedStatements">,
): Effect.Effect<ReadonlyArray<Check>> =>
  pool.withSession(({ send }) => send("run", { text: factsText })).pipe(
    Effect.map(({ rows }): ReadonlyArray<Check> => {
      const [version, isStandby, locks] = rows[0] as ReadonlyArray<unknown>;
      return [
        isStandby === 1n
          ? {
            name: "lock/postgres-primary",
            status: "fail",
            detail: "the server is a standby, whose locks the primary does not see",
            remedy: "Name the primary in the connection's url",
          }
          : { name: "lock/postgres-reachable", status: "pass", detail: `PostgreSQL ${String(version)} answers` },
        Number(locks) >= enoughLocks
          ? {
            name: "lock/postgres-capacity",
            status: "pass",
            detail: `the server has room for some ${String(locks)} locks`,
          }
          : {
            name: "lock/postgres-capacity",
            status: "warn",
            detail: `the server has room for some ${String(locks)} locks, each key takes one`,
            remedy: roomForLocks,
          },
        ...(preparedStatements ? [] : [
          {
            name: "lock/postgres-session",
            status: "warn",
            detail: "preparedStatements is false, as behind a pooler; advisory locks need a session of their own",
            remedy: "Let locks use a connection that reaches PostgreSQL itself",
          } as const,
        ]),
      ];
    }),
    Effect.catchAll((error) =>
      Effect.succeed([{
        name: "lock/postgres-reachable",
        status: "fail" as const,
        detail: error.detail,
        ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
      }])
    ),
  );

export interface Options {
  /** Name in the project file. */
  readonly connection: string;
  readonly config: SqlServerConfig;
  readonly retry: LockRetryConfig;
}

/** Advisory locks of one session: they are in the database's memory only, and its tables know nothing of them. */
export const make = (
  { config, connection, retry }: Options,
): Effect.Effect<Lock, ConnectionError | LockError, Scope.Scope> =>
  Effect.gen(function*() {
    const pool = yield* PostgresPool.make({
      connection,
      config: { url: config.url, tls: config.tls, poolSize },
      // To the primary, where the URL names several hosts.
      access: "write",
      statementTimeout,
    });
    return yield* SessionLocks.make({
      kind: "postgres",
      checkup: checkup(pool, config),
      nameOf,
      retry,
      withSession: (use) => pool.withSession((borrowed) => use(session(connection, borrowed))),
    });
  });
