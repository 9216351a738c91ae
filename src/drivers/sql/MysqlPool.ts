/** Sessions of one server, opened when one is asked for and none is idle, up to a number. */
import { Clock, Duration, Effect } from "effect";
import type { Scope } from "effect";
import { SqlError } from "../../core/Errors.ts";
import type { Session } from "./MysqlSession.ts";

export interface MysqlPool {
  /** Waits for a session, and has it alone; one that is lost meanwhile is not kept. */
  readonly use: <A, E>(run: (session: Session) => Effect.Effect<A, E>) => Effect.Effect<A, E | SqlError>;
}

/** Less than what firewalls give a silent connection: an older one may be half open. */
const longestIdle = Duration.seconds(30);

export const make = (
  connection: string,
  connect: Effect.Effect<Session, SqlError>,
  size: number,
): Effect.Effect<MysqlPool, never, Scope.Scope> =>
  Effect.gen(function*() {
    const permits = yield* Effect.makeSemaphore(size);
    const idle: Array<{ readonly session: Session; readonly since: number }> = [];
    let isClosed = false;
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true;
        for (const { session } of idle.splice(0)) session.destroy();
      })
    );

    const acquire = Effect.gen(function*() {
      if (isClosed) {
        return yield* new SqlError({ connection, reason: "ConnectionLost", code: "CLOSED", detail: "it was closed" });
      }
      const now = yield* Clock.currentTimeMillis;
      for (let last = idle.pop(); last !== undefined; last = idle.pop()) {
        if (last.session.isUsable() && now - last.since < Duration.toMillis(longestIdle)) return last.session;
        last.session.destroy();
      }
      return yield* connect;
    });
    const release = (session: Session) =>
      Effect.map(Clock.currentTimeMillis, (since) => {
        if (isClosed || !session.isUsable()) session.destroy();
        else idle.push({ session, since });
      });
    return { use: (run) => permits.withPermits(1)(Effect.acquireUseRelease(acquire, run, release)) };
  });
