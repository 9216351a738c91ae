import { Chunk, Duration, Effect, Redacted, type Scope } from "effect";
import { createHash } from "node:crypto";
import type { Check } from "../../core/Check.ts";
import type { LockRetryConfig, SqlServerConfig } from "../../core/Config.ts";
import { type ConnectionError, type LockError, SqlError } from "../../core/Errors.ts";
import type { Lock } from "../../core/Lock.ts";
import * as MysqlSession from "../sql/MysqlSession.ts";
import * as MysqlUrl from "../sql/MysqlUrl.ts";
import * as TlsFiles from "../TlsFiles.ts";
import * as SessionLocks from "./SessionLocks.ts";

/** For as long as a statement that waits for nobody may take. */
const statementTimeout = Duration.seconds(3);
/** A SELECT may have 4096 columns: https://dev.mysql.com/doc/refman/8.0/en/column-count-limit.html */
const namesPerStatement = 4000;

/** A name may have 64 characters, and names are the whole server's; without any that a literal would have to escape. */
export const nameOf = (key: string): string =>
  `ncps-pipeline/${createHash("sha256").update(key).digest("hex").slice(0, 48)}`;

const session = (connection: string, { run }: MysqlSession.Session): SessionLocks.Session => {
  /** One column per name, in one row. */
  const ask = (names: ReadonlyArray<string>, column: (literal: string) => string) =>
    Effect.map(
      Effect.forEach(
        Chunk.chunksOf(Chunk.fromIterable(names), namesPerStatement),
        (some) => run(`SELECT ${Chunk.join(Chunk.map(some, (name) => column(`'${name}'`)), ", ")}`, []),
      ),
      (answers) => answers.flatMap(([row]) => [...row!]),
    );
  return {
    take: (names) =>
      Effect.flatMap(ask(names, (name) => `GET_LOCK(${name}, 0)`), (answers) =>
        answers.includes(null)
          ? new SqlError({
            reason: "Busy",
            connection,
            code: "GET_LOCK",
            detail: "the server could not say whether a lock is taken",
            remedy: "Look at the server's log: it may be short of memory",
          })
          : Effect.succeed(answers.map((answer) => answer === 1n))),
    holds: (names) =>
      Effect.map(
        ask(names, (name) => `IS_USED_LOCK(${name}) = CONNECTION_ID()`),
        (answers) => answers.every((answer) => answer === 1n),
      ),
    // Each by its name, since RELEASE_ALL_LOCKS would take those of batches at the same time along.
    give: (names) => Effect.asVoid(ask(names, (name) => `RELEASE_LOCK(${name})`)),
  };
};

const checkup = (
  withSession: <A>(use: (session: MysqlSession.Session) => Effect.Effect<A, SqlError>) => Effect.Effect<A, SqlError>,
): Effect.Effect<ReadonlyArray<Check>> =>
  withSession(({ isMariaDb, run, version }) =>
    Effect.map(run("SHOW VARIABLES WHERE Variable_name IN ('wsrep_on', 'read_only')", []), (rows) => {
      const variables = new Map(rows.map(([name, value]) => [String(name), String(value)]));
      const checks: Array<Check> = [{
        name: "lock/mysql-reachable",
        status: "pass",
        detail: `${isMariaDb ? "MariaDB" : "MySQL"} ${version} answers`,
      }];
      if (variables.get("wsrep_on") === "ON") {
        checks.push({
          name: "lock/mysql-cluster",
          status: "warn",
          detail: "the server is one of a Galera cluster, whose other members do not see its locks",
          remedy: "Let all runners use the same member, or lock in redis",
        });
      }
      if (variables.get("read_only") === "ON") {
        checks.push({
          name: "lock/mysql-primary",
          status: "warn",
          detail: "the server is read-only: a replica's locks are not seen by its primary",
          remedy: "Name the primary in the connection's url",
        });
      }
      return checks;
    })
  ).pipe(
    Effect.catchAll((error) =>
      Effect.succeed([{
        name: "lock/mysql-reachable",
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

/** Named locks (GET_LOCK) of one session: many at once since MySQL 5.7 and MariaDB 10.0; tables and replication know nothing of them. */
export const make = (
  { config, connection, retry }: Options,
): Effect.Effect<Lock, ConnectionError | LockError, Scope.Scope> =>
  Effect.gen(function*() {
    const url = yield* MysqlUrl.parse(connection, Redacted.value(config.url));
    const certificates = yield* TlsFiles.read(connection, config.tls);
    const { lockTimeout } = config;
    const withSession = <A>(use: (session: MysqlSession.Session) => Effect.Effect<A, SqlError>) =>
      Effect.acquireUseRelease(
        MysqlSession.connect({ connection, url, certificates, statementTimeout, lockTimeout, readOnly: false }),
        use,
        ({ destroy }) => Effect.sync(destroy),
      );
    return yield* SessionLocks.make({
      kind: "mysql",
      checkup: checkup(withSession),
      nameOf,
      retry,
      withSession: (use) =>
        withSession((borrowed) =>
          // The server ends sessions that have had nothing to do for long; this one waits for batches.
          Effect.zipRight(borrowed.run("SET SESSION wait_timeout = 31536000", []), use(session(connection, borrowed)))
        ),
    });
  });
