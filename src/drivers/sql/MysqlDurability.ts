/** Whether commits of a MySQL or MariaDB server survive a power loss, and the wait until those do that have been read: Invariant 1. */
import { Duration, Effect } from "effect";
import { setTimeout } from "node:timers/promises";
import { SqlError } from "../../core/Errors.ts";
import type { Session } from "./MysqlSession.ts";

export interface Durability {
  readonly durable: boolean;
  /** The settings in force. */
  readonly text: string;
}

/**
 * The redo log is synced at each commit, torn pages are repaired, and where a binary log decides at recovery what was committed, it is
 * synced too. All three are global: no session can weaken them for itself.
 */
export const look = (session: Session): Effect.Effect<Durability, SqlError> =>
  Effect.map(
    session.run(
      "SELECT @@global.innodb_flush_log_at_trx_commit, @@global.innodb_doublewrite, @@global.log_bin, @@global.sync_binlog",
      [],
    ),
    ([row]) => {
      const [flush, doublewrite, logBin, syncBinlog] = row ?? [];
      const hasBinlog = logBin === 1n;
      const isRepaired = !["0", "OFF", "DETECT_ONLY"].includes(String(doublewrite).toUpperCase());
      return {
        // MariaDB's 3 syncs as 1 does, and once more.
        durable: (flush === 1n || flush === 3n) && isRepaired && (!hasBinlog || syncBinlog === 1n),
        text: `innodb_flush_log_at_trx_commit=${flush} innodb_doublewrite=${doublewrite}`
          + (hasBinlog ? ` sync_binlog=${syncBinlog}` : ""),
      };
    },
  );

/** How far the redo log is written, and how far synced; the first two names are MariaDB's, the others MySQL's since 8.0.30. */
const positions = "SHOW GLOBAL STATUS WHERE Variable_name IN ('Innodb_lsn_current', 'Innodb_lsn_flushed',"
  + " 'Innodb_redo_log_current_lsn', 'Innodb_redo_log_flushed_to_disk_lsn')";

const progress = (session: Session) =>
  Effect.map(session.run(positions, []), (rows) => {
    const of = (part: string): bigint | undefined => {
      const found = rows.find(([name]) => String(name).includes(part));
      return found === undefined ? undefined : BigInt(String(found[1]));
    };
    return { current: of("current"), flushed: of("flushed") };
  });

/** The server syncs by itself once a second (`innodb_flush_log_at_timeout`). */
const backgroundFlush = Duration.seconds(2);
const pause = Duration.millis(20);
/** 10 s in all: by then something is wrong with its disk. */
const rounds = 500;

const wait = (duration: Duration.Duration) => Effect.promise(() => setTimeout(Duration.toMillis(duration)));

/**
 * A commit can be seen before it is synced. So this waits until the redo log is synced as far as it had been written when this was
 * asked, whoever wrote it, and has it synced where the user may (RELOAD). It writes nothing: a commit of ours would do it as well, but
 * needs a row to write.
 */
export const settle = (connection: string, session: Session): Effect.Effect<void, SqlError> =>
  Effect.gen(function*() {
    const { current, flushed } = yield* progress(session);
    if (current !== undefined && flushed !== undefined && flushed >= current) return;
    // MariaDB syncs then only as it does at a commit, so that looking again is what counts.
    const isFlushed = yield* session.run("FLUSH LOCAL ENGINE LOGS", []).pipe(
      Effect.as(true),
      Effect.catchIf(({ reason }) => reason === "Environment", () => Effect.succeed(false)),
    );
    if (current === undefined) return isFlushed ? undefined : yield* wait(backgroundFlush);
    for (let round = 0; round < rounds; round++) {
      const now = yield* progress(session);
      if (now.flushed !== undefined && now.flushed >= current) return;
      yield* wait(pause);
    }
    return yield* new SqlError({
      connection,
      reason: "Environment",
      code: "NOT_SYNCED",
      detail: "the redo log does not get synced",
      remedy: "Look at the database server's disk: what it has committed may not survive a power loss",
    });
  });
