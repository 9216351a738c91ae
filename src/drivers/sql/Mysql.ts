/** The Sql port on MySQL 8 and MariaDB: a session of its own for each transaction, statements prepared once per session. */
import type { Duration, Scope } from "effect";
import { Effect, Redacted } from "effect";
import type { Access } from "../../core/Access.ts";
import type { SqlServerConfig } from "../../core/Config.ts";
import type { ConnectionError } from "../../core/Errors.ts";
import { SqlError } from "../../core/Errors.ts";
import { Faults } from "../../core/Faults.ts";
import type { Script, Sql } from "../../core/Sql.ts";
import * as TlsFiles from "../TlsFiles.ts";
import * as MysqlCheckup from "./MysqlCheckup.ts";
import * as MysqlDurability from "./MysqlDurability.ts";
import * as MysqlPool from "./MysqlPool.ts";
import * as MysqlReplica from "./MysqlReplica.ts";
import * as MysqlSession from "./MysqlSession.ts";
import type { Session } from "./MysqlSession.ts";
import * as MysqlUrl from "./MysqlUrl.ts";

export interface Options {
  /** Name in the project file, for errors. */
  readonly connection: string;
  readonly config: Pick<SqlServerConfig, "url" | "poolSize" | "lockTimeout" | "tls">;
  readonly access: Access;
  /** Bounds every statement; a write is bounded by the lock wait and by the client's deadline, a little above this. */
  readonly statementTimeout: Duration.Duration;
}

/** JSON_TABLE came with these. */
const oldest = { MySQL: [8, 0, 4], MariaDB: [10, 6, 0] } as const;

const isBefore = (version: string, wanted: ReadonlyArray<number>): boolean => {
  const parts = version.split(".").map(Number);
  const at = wanted.findIndex((part, index) => part !== (parts[index] ?? 0));
  return at >= 0 && (parts[at] ?? 0) < wanted[at]!;
};

/** Nothing is ever created there. */
export const make = (
  { access, config, connection, statementTimeout }: Options,
): Effect.Effect<Sql, ConnectionError | SqlError, Scope.Scope> =>
  Effect.gen(function*() {
    const url = yield* MysqlUrl.parse(connection, Redacted.value(config.url));
    const certificates = yield* TlsFiles.read(connection, config.tls);
    const { hit } = yield* Faults;
    const settings: MysqlSession.Settings = {
      connection,
      url,
      certificates,
      statementTimeout,
      lockTimeout: config.lockTimeout,
      readOnly: access === "read",
    };
    const pool = yield* MysqlPool.make(connection, MysqlSession.connect(settings), config.poolSize);
    const { durability, isMariaDb, version } = yield* pool.use((session) =>
      Effect.map(MysqlDurability.look(session), (durability) => ({
        durability,
        isMariaDb: session.isMariaDb,
        version: session.version,
      }))
    );
    const engine = isMariaDb ? "MariaDB" : "MySQL";
    if (isBefore(version, oldest[engine])) {
      return yield* new SqlError({
        connection,
        reason: "Environment",
        code: "VERSION",
        detail: `the server is ${engine} ${version}`,
        remedy: `Upgrade it: ${oldest[engine].join(".")} is the oldest that can be written to`,
      });
    }

    const transact = <Out>(begin: ReadonlyArray<string>, script: () => Script<Out>, commit: Commit) =>
      pool.use((session) =>
        Effect.gen(function*() {
          for (const text of begin) yield* session.run(text, []);
          const out = yield* drive(session, script());
          yield* commit(session);
          return out;
        }).pipe(Effect.tapErrorCause(() => rollBack(session)))
      );
    const commitWrite: Commit = (session) =>
      hit("before-commit").pipe(
        Effect.zipRight(session.run("COMMIT", [], "commit")),
        Effect.zipRight(hit("after-commit")),
      );

    const place = "socket" in url.address ? url.address.socket : `${url.address.host}:${url.address.port}`;
    return {
      identity: `mysql:${place}/${url.database}`,
      facts: {
        dialect: "mysql",
        version: `${engine} ${version}`,
        durable: durability.durable,
        durability: durability.text,
        singleWriter: false,
      },
      write: (program, definition, input) =>
        access === "read"
          ? new SqlError({ connection, reason: "Environment", code: "READ_ACCESS", detail: "opened for reading only" })
          : transact(["START TRANSACTION"], () => program.script(definition, input), commitWrite),
      read: (program, definition, input) =>
        transact(beginRead, () => program.script(definition, input), (session) => session.run("COMMIT", [])),
      settle: durability.durable ? pool.use((session) => MysqlDurability.settle(connection, session)) : Effect.void,
      lag: pool.use((session) => Effect.map(session.records("SHOW REPLICA STATUS"), MysqlReplica.lag)),
      checkup: (needs) => MysqlCheckup.checkup({ pool, url, durability, poolSize: config.poolSize, needs }),
    };
  });

type Commit = (session: Session) => Effect.Effect<unknown, SqlError>;

/** One snapshot: at READ COMMITTED each statement would have its own. */
const beginRead = [
  "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
  "START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
];

const drive = <Out>(session: Session, script: Script<Out>): Effect.Effect<Out, SqlError> =>
  Effect.gen(function*() {
    let step = script.next();
    while (step.done !== true) {
      const { binds, rows: wantsRows, text } = step.value;
      const answers = [];
      for (const values of binds) answers.push(yield* session.run(text, values));
      step = script.next(wantsRows ? answers.flat() : []);
    }
    return step.value;
  });

/** The server undoes what a lost session left. */
const rollBack = (session: Session): Effect.Effect<void> =>
  session.isUsable()
    ? Effect.catchAll(session.run("ROLLBACK", []), () => Effect.sync(session.destroy)).pipe(Effect.asVoid)
    : Effect.sync(session.destroy);
