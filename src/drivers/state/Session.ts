import type { SqlClient } from "@effect/sql/SqlClient";
import { SqlError } from "@effect/sql/SqlError";
import { Effect, Schedule } from "effect";
import type { StateError } from "../../core/Errors.ts";
import { translate } from "./fault.ts";

export type Bind = string | number | null;

/** Runs one statement; its rows are trusted, because every table is ours and STRICT. */
export type Query = <Row = unknown>(
  sql: string,
  ...binds: ReadonlyArray<Bind>
) => Effect.Effect<ReadonlyArray<Row>, SqlError>;

type Body<A> = (query: Query) => Effect.Effect<A, SqlError>;

/** Transactions on the state file; a body holds statements only, so that a transaction takes milliseconds. */
export interface Session {
  readonly path: string;
  /** One snapshot. */
  readonly read: <A>(body: Body<A>) => Effect.Effect<A, StateError>;
  /** Begun IMMEDIATE: writes of two runners queue, where deferred ones would fail on their first write. */
  readonly write: <A>(body: Body<A>) => Effect.Effect<A, StateError>;
}

/** Long enough for every transaction of ours in another process, short enough to be told that one hangs. */
export const BUSY_WAIT = "5 seconds";

/** SQLite itself waits this long, on the main thread; the rest of the wait is the fiber's. */
export const BUSY_TIMEOUT_MS = 20;

const whenFree = Schedule.spaced("10 millis").pipe(Schedule.jittered, Schedule.upTo(BUSY_WAIT));

/**
 * A statement that the client does not look up in its own cache: that keeps, for minutes, the failure to prepare one while the file was busy.
 * Preparing throws, hence the defects.
 */
export const preparing = <A>(unprepared: () => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> =>
  Effect.catchAllDefect(
    Effect.suspend(unprepared),
    (cause) => Effect.fail(new SqlError({ cause, message: "cannot prepare a statement" })),
  );

/** Retries what another process's transaction keeps out, for `BUSY_WAIT`. */
export const waiting = <A>(path: string, effect: Effect.Effect<A, SqlError>): Effect.Effect<A, StateError> =>
  effect.pipe(
    Effect.mapError((error) => translate(path, error)),
    Effect.retry({ while: (error) => error.reason === "Busy", schedule: whenFree }),
  );

/**
 * Not `withTransaction`: it makes defects of failed BEGINs and COMMITs, and joins the ambient transaction of any other client.
 * `reserve` holds the one connection until the transaction has ended.
 */
export const make = (path: string, client: SqlClient): Session => {
  const transaction = (begin: string) => <A>(body: Body<A>): Effect.Effect<A, StateError> =>
    waiting(
      path,
      Effect.scoped(Effect.flatMap(client.reserve, (connection) => {
        const query: Query = (sql, ...binds) => preparing(() => connection.executeUnprepared(sql, binds, undefined));
        return query(begin).pipe(
          Effect.zipRight(
            // A failed COMMIT leaves the transaction open; a ROLLBACK fails where SQLite has already rolled back.
            body(query).pipe(Effect.zipLeft(query("COMMIT")), Effect.onError(() => Effect.ignore(query("ROLLBACK")))),
          ),
          Effect.uninterruptible,
        );
      })),
    );
  return { path, read: transaction("BEGIN"), write: transaction("BEGIN IMMEDIATE") };
};
