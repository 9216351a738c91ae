import { Deferred, Effect, type Scope } from "effect";
import type { LockRetryConfig } from "../../core/Config.ts";
import { LockError, type SqlError } from "../../core/Errors.ts";
import type { Lease, Lock } from "../../core/Lock.ts";
import * as Reach from "./Reach.ts";

/** A session of a database whose locks it counts per name and gives up when it ends. Any failure ends it. */
export interface Session {
  /** Tries each name once, all in one round trip. */
  readonly take: (names: ReadonlyArray<string>) => Effect.Effect<ReadonlyArray<boolean>, SqlError>;
  /** Whether this session still is the one that took them. */
  readonly holds: (names: ReadonlyArray<string>) => Effect.Effect<boolean, SqlError>;
  readonly give: (names: ReadonlyArray<string>) => Effect.Effect<void, SqlError>;
}

export interface Options extends Pick<Lock, "kind" | "checkup"> {
  /** Different keys may share a name: they are then locked together. */
  readonly nameOf: (key: string) => string;
  /** Lends a session, ended when `use` fails or is interrupted. */
  readonly withSession: <A>(use: (session: Session) => Effect.Effect<A, SqlError>) => Effect.Effect<A, SqlError>;
  readonly retry: LockRetryConfig;
}

/** The life of one session. */
interface Era {
  readonly session: Session;
  /** By all leases: the database would grant a name again to the session that has it. */
  readonly held: Set<string>;
  readonly end: Deferred.Deferred<never>;
}

const translate = ({ cause, connection, detail, reason, remedy }: SqlError): LockError =>
  new LockError({
    reason: reason === "ConnectionLost" || reason === "Busy" ? "Unavailable" : "Unusable",
    connection,
    detail,
    remedy,
    cause,
  });

/**
 * Locks that live as long as a session does, all in one. There is no time to live: a runner that ends frees them at once, one that
 * stands still keeps them. Who loses the session has lost them all, which `valid` finds out by asking.
 */
export const make = (
  { checkup, kind, nameOf, retry, withSession }: Options,
): Effect.Effect<Lock, LockError, Scope.Scope> =>
  Effect.gen(function*() {
    const scope = yield* Effect.scope;
    const turn = yield* Effect.makeSemaphore(1);
    let current: Era | undefined;

    const open = Effect.gen(function*() {
      const opened = yield* Deferred.make<Era, SqlError>();
      const end = yield* Deferred.make<never>();
      yield* withSession((session) =>
        Effect.zipRight(Deferred.succeed(opened, { session, end, held: new Set<string>() }), Deferred.await(end))
      ).pipe(
        Effect.catchAll((error) => Deferred.fail(opened, error)),
        Effect.interruptible,
        Effect.forkIn(scope),
      );
      return yield* Deferred.await(opened);
    });
    const era = turn.withPermits(1)(Effect.suspend(() =>
      current !== undefined
        ? Effect.succeed(current)
        : Effect.tap(open, (opened) => Effect.sync(() => (current = opened)))
    ));

    /** A session that failed once may have taken what it did not say: it ends, and with it all that it holds. */
    const within = <A>(at: Era, effect: Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> =>
      Effect.tapError(effect, () => {
        if (current === at) current = undefined;
        return Deferred.interrupt(at.end);
      });

    const acquire = (keys: ReadonlyArray<string>) =>
      Effect.gen(function*() {
        const at = yield* era;
        const names = keys.map(nameOf);
        const asked = [...new Set(names)].filter((name) => !at.held.has(name));
        for (const name of asked) at.held.add(name);
        const granted = asked.length === 0 ? [] : yield* within(at, at.session.take(asked));
        const own = asked.filter((_, index) => granted[index]);
        asked.forEach((name, index) => granted[index] || at.held.delete(name));
        const ours = new Set(own);
        let released = false;
        const lease: Lease = {
          taken: names.map((name) => ours.has(name)),
          valid: Effect.suspend(() =>
            released || current !== at ? Effect.succeed(false) : within(at, at.session.holds(own))
          ).pipe(Effect.orElseSucceed(() => false)),
          release: Effect.suspend(() => {
            if (released) return Effect.void;
            released = true;
            if (own.length === 0 || current !== at) return Effect.void;
            // Free for others of this process only afterwards: a name that is taken twice must be given twice.
            return within(at, at.session.give(own)).pipe(
              Effect.zipRight(Effect.sync(() => own.forEach((name) => at.held.delete(name)))),
              Effect.catchAll((error) => Effect.logDebug(`locks end with their session: ${error.message}`)),
            );
          }),
        };
        return lease;
      });

    yield* era.pipe(Effect.mapError(translate), Reach.patiently(retry));
    return {
      kind,
      shared: true,
      checkup,
      acquire: (keys) => acquire(keys).pipe(Effect.mapError(translate), Reach.patiently(retry), Effect.uninterruptible),
    };
  });
