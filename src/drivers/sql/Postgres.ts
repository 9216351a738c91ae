/** The Sql port on a PostgreSQL server: each program in one transaction of its own, on a connection of its own. */
import { Duration, Effect } from "effect";
import type { Scope } from "effect";
import { createHash } from "node:crypto";
import type { Access } from "../../core/Access.ts";
import type { SqlServerConfig } from "../../core/Config.ts";
import { ConnectionError, SqlError } from "../../core/Errors.ts";
import { Faults } from "../../core/Faults.ts";
import type { Row, Script, Sql, Value } from "../../core/Sql.ts";
import * as PostgresCheckup from "./PostgresCheckup.ts";
import * as PostgresError from "./PostgresError.ts";
import * as PostgresPool from "./PostgresPool.ts";
import * as PostgresUrl from "./PostgresUrl.ts";
import * as PostgresValues from "./PostgresValues.ts";

export interface Options {
  /** Name in the project file, for errors. */
  readonly connection: string;
  readonly config: Omit<SqlServerConfig, "type" | "dialect">;
  readonly access: Access;
  readonly statementTimeout: Duration.Duration;
}

/** `trim_scale`, and what the tests run on. */
const oldestVersion = 13;

/** Sent with BEGIN, not once per session: behind a pooler the next transaction may have another session. */
const settingsOf = (
  { config, statementTimeout }: Options,
  { settings }: PostgresUrl.Address,
  synchronousCommit: string,
) => {
  const timeout = Math.ceil(Duration.toMillis(statementTimeout));
  return new Map<string, string>([
    ...settings,
    ["statement_timeout", String(timeout)],
    ["lock_timeout", String(Math.ceil(Duration.toMillis(config.lockTimeout)))],
    ["idle_in_transaction_session_timeout", String(2 * timeout)],
    ["TimeZone", "UTC"],
    ["standard_conforming_strings", "on"],
    // Compiling the statement costs more than running it (measured: a quarter of the rate).
    ["jit", "off"],
    // Plans are kept from the first on, those of foreign keys too, and made while tables are empty and arrays of unknown length: reading
    // a table whole and joining row by row look cheap then. Planning each time would cost as much as writing: once per foreign key.
    ["plan_cache_mode", "force_generic_plan"],
    ["enable_seqscan", "off"],
    ["enable_nestloop", "off"],
    ["synchronous_commit", synchronousCommit],
  ]);
};

/** Values of `synchronous_commit` that wait at least for the server's own disk. */
const waitsForDisk: ReadonlyArray<string> = ["on", "local", "remote_write", "remote_apply"];

/** For this transaction; unlike SET it takes lists such as `search_path` as they are written. */
const setLocal = (settings: ReadonlyMap<string, string>): string => {
  const quoted = (text: string): string => `'${text.replaceAll("'", "''")}'`;
  return `SELECT ${
    [...settings].map(([name, value]) => `set_config(${quoted(name)}, ${quoted(value)}, true)`).join(", ")
  }`;
};

const factsText = "SELECT current_setting('server_version'), current_setting('server_version_num')::integer,"
  + " current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit'), current_database()";

/**
 * What others committed without waiting for the disk is behind what the WAL has flushed; a transaction that writes any WAL of its own
 * takes it along when it commits. A message without a plugin to read it is the smallest such write, and everybody's right. An id alone
 * (`pg_current_xact_id`) would not do: a commit that wrote nothing else does not wait for the disk.
 */
const flushText =
  "SELECT pg_logical_emit_message(true, 'ncps-pipeline', '') WHERE pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()";

/** A standby: its own lag; caught up is 0, though nothing was written for hours. A primary: its slowest standby, one that left its slot behind. */
const lagText =
  "SELECT CASE WHEN pg_is_in_recovery() THEN CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0"
  + " ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp()) END"
  + " ELSE (SELECT max(extract(epoch FROM coalesce(replay_lag, '0'))) FROM pg_stat_replication) END::double precision,"
  + " (SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT active),"
  + " (SELECT count(*) FROM pg_stat_replication WHERE state IS NULL)";

/** As long as a name may be: https://www.postgresql.org/docs/current/limits.html */
const nameOf = (text: string): string =>
  `ncps-pipeline ${createHash("sha256").update(text).digest("hex").slice(0, 32)}`;

export const make = (options: Options): Effect.Effect<Sql, ConnectionError | SqlError, Scope.Scope> =>
  Effect.gen(function*() {
    const { access, config, connection } = options;
    const faults = yield* Faults;
    const pool = yield* PostgresPool.make(options);
    const { address, withSession } = pool;

    const opened = yield* withSession((session) =>
      Effect.map(session.send("connect", { text: factsText }), ({ rows }) => rows[0] as Row)
    );
    const [version, number, fsync, fullPageWrites, found, database] = opened;
    if (Number(number) < oldestVersion * 10_000) {
      return yield* new ConnectionError({
        connection,
        reason: "Unsupported",
        detail: `PostgreSQL ${String(version)} is too old`,
        remedy: `Use PostgreSQL ${oldestVersion} or later`,
      });
    }
    // Invariant 1: a server, role or URL that does not wait for the disk is overruled, transaction by transaction.
    const wanted = address.settings.get("synchronous_commit") ?? String(found);
    const synchronousCommit = waitsForDisk.includes(wanted) ? wanted : "on";
    const settings = setLocal(settingsOf(options, address, synchronousCommit));
    const begin = {
      // Not READ WRITE: a server or role that was told only to read is not overruled.
      write: `BEGIN ISOLATION LEVEL READ COMMITTED; ${settings}`,
      // One snapshot for all statements of a program.
      read: `BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; ${settings}`,
    };
    const flush = `${begin.write}; SET LOCAL synchronous_commit = on; ${flushText}; COMMIT`;

    const names = new Map<string, string>();
    const named = (text: string): { readonly name?: string } => {
      if (!config.preparedStatements) return {};
      const known = names.get(text) ?? nameOf(text);
      names.set(text, known);
      return { name: known };
    };

    const encoders = new Map<string, ReturnType<typeof PostgresValues.encoder>>();
    const encoderOf = (text: string) => {
      const known = encoders.get(text) ?? PostgresValues.encoder(text);
      encoders.set(text, known);
      return known;
    };

    /** The error of a statement is what counts: a session that cannot even roll back is not lent again. */
    const orRollBack = <A>(session: PostgresPool.Session, statements: Effect.Effect<A, SqlError>) =>
      Effect.tapError(
        statements,
        (error) =>
          PostgresError.keepsSession(error) ? Effect.ignore(session.send("run", { text: "ROLLBACK" })) : Effect.void,
      );

    const drive = <Out>(session: PostgresPool.Session, script: Script<Out>): Effect.Effect<Out, SqlError> =>
      Effect.gen(function*() {
        let step = script.next();
        while (step.done !== true) {
          const { binds, rows, text } = step.value;
          const encode = encoderOf(text);
          const answers: Array<Row> = [];
          for (const values of binds) {
            const query = { text, values: encode(values), ...named(text) };
            const result = yield* session.send("run", query);
            if (rows) { for (const row of result.rows as ReadonlyArray<Row>) answers.push(row); }
          }
          step = script.next(answers);
        }
        return step.value;
      });

    const transact = <Out>(mode: Access, script: () => Script<Out>): Effect.Effect<Out, SqlError> =>
      withSession((session) =>
        Effect.gen(function*() {
          yield* session.send("begin", { text: begin[mode] });
          const out = yield* orRollBack(session, drive(session, script()));
          if (mode === "write") yield* faults.hit("before-commit");
          yield* session.send(mode === "write" ? "commit" : "run", { text: "COMMIT" });
          if (mode === "write") yield* faults.hit("after-commit");
          return out;
        })
      );

    const identity = PostgresUrl.identity(address, String(database));
    const facts: Sql["facts"] = {
      dialect: "postgres",
      version: `PostgreSQL ${String(version).split(" ")[0]}`,
      durable: fsync === "on" && fullPageWrites === "on",
      durability: `fsync=${fsync} full_page_writes=${fullPageWrites} synchronous_commit=${synchronousCommit}`,
      singleWriter: false,
    };
    return {
      identity,
      facts,
      write: (program, definition, input) =>
        access === "read"
          ? new SqlError({ connection, reason: "Environment", code: "READ_ACCESS", detail: "opened for reading only" })
          : transact("write", () => program.script(definition, input)),
      read: (program, definition, input) => transact("read", () => program.script(definition, input)),
      // Invariant 10: who may only read writes no WAL; nothing that was only read earns a receipt.
      settle: access === "read"
        ? Effect.void
        : withSession((session) => Effect.asVoid(orRollBack(session, session.send("settle", { text: flush })))),
      lag: withSession((session) =>
        Effect.flatMap(session.send("run", { text: lagText }), ({ rows: [row] }) => {
          const [seconds, abandoned, hidden] = row as ReadonlyArray<Value>;
          if (hidden !== 0n) {
            const detail = "this user may not see how far the replicas are";
            const remedy = "GRANT pg_monitor TO this user";
            return new SqlError({ connection, reason: "Environment", code: "42501", detail, remedy });
          }
          if (abandoned !== 0n) return Effect.succeed(Duration.infinity);
          return Effect.succeed(seconds === null ? undefined : Duration.seconds(Number(seconds)));
        })
      ),
      checkup: (needs) => PostgresCheckup.run({ pool, facts, identity, poolSize: config.poolSize, needs }),
    };
  });
