/** The throttles of a spec, opened: what keeps a run from taking up work for a while. */
import { DateTime, Duration, Effect } from "effect";
import type { Scope } from "effect";
import { Connections } from "../core/Connections.ts";
import type { ConnectionError, SqlError } from "../core/Errors.ts";
import { HostLoad } from "../core/HostLoad.ts";
import type { Problem } from "../core/Problem.ts";
import type { Hours, Throttle } from "../spec/Spec.ts";
import * as Retry from "./Retry.ts";

export interface Brake {
  readonly kind: "replica-lag" | "load" | "hours";
  /** Why nothing should be taken up at this moment, e.g. `replica lag 14s > 10s`; `undefined` where nothing speaks against it. */
  readonly check: Effect.Effect<string | undefined, SqlError>;
}

const seconds = (duration: Duration.Duration): string => `${Math.round(Duration.toMillis(duration) / 100) / 10}s`;

/** What cannot be asked just now may be far behind: that is waited for too. */
const lagging = (lag: Effect.Effect<Duration.Duration | undefined, SqlError>, max: Duration.Duration) =>
  lag.pipe(
    Effect.map((behind) =>
      behind === undefined || Duration.lessThanOrEqualTo(behind, max)
        ? undefined
        : Duration.isFinite(behind)
        ? `replica lag ${seconds(behind)} > ${seconds(max)}`
        : "replication has stopped"
    ),
    Effect.catchIf(
      (failure) => Retry.remedy(failure) === "again",
      (failure) => Effect.succeed(`replica lag unknown: ${failure.message}`),
    ),
  );

const clock = (minutes: number): string =>
  [Math.floor(minutes / 60), minutes % 60].map((part) => String(part).padStart(2, "0")).join(":");

/** By the wall clock of the zone, so that a change to summer time moves nothing. */
const within = ({ from, to, zone }: Hours, now: DateTime.Utc): boolean => {
  const { hours, minutes } = DateTime.toParts(DateTime.setZone(now, zone));
  const at = hours * 60 + minutes;
  return from < to ? from <= at && at < to : from <= at || at < to;
};

const replicaLag = (
  { connection, max }: { readonly connection: string; readonly max: Duration.Duration },
  statementTimeout: Duration.Duration,
): Effect.Effect<Brake | undefined, Retry.Failure, Connections | Scope.Scope> =>
  Effect.gen(function*() {
    const sql = yield* (yield* Connections).sql(connection, { access: "read", statementTimeout });
    return sql.lag === undefined ? undefined : { kind: "replica-lag", check: lagging(sql.lag, max) };
  });

const open = (throttle: Throttle, statementTimeout: Duration.Duration) =>
  "replicaLag" in throttle
    ? replicaLag(throttle.replicaLag, statementTimeout)
    : Effect.succeed("load" in throttle ? load(throttle.load.max) : hours(throttle.hours));

const load = (max: number): Brake => ({
  kind: "load",
  check: Effect.map(
    Effect.flatten(HostLoad),
    (perCore) => perCore === undefined || perCore <= max ? undefined : `load ${perCore.toFixed(2)} > ${max} per core`,
  ),
});

const hours = (given: Hours): Brake => ({
  kind: "hours",
  check: Effect.map(
    DateTime.now,
    (now) => within(given, now) ? `${clock(given.from)} to ${clock(given.to)} ${given.zone.id}` : undefined,
  ),
});

/** In the order of the spec; of connections that have no replicas there is nothing to ask. */
export const openAll = (throttles: ReadonlyArray<Throttle>, statementTimeout: Duration.Duration) =>
  Effect.map(
    Effect.forEach(throttles, (throttle) => open(throttle, statementTimeout)),
    (brakes) => brakes.filter((brake) => brake !== undefined),
  );

/** Throttles that could never say anything, or that cannot be asked; paths from the root of the spec. */
export const inspect = (
  throttles: ReadonlyArray<Throttle>,
  statementTimeout: Duration.Duration,
): Effect.Effect<ReadonlyArray<Problem>, ConnectionError | SqlError, Connections> =>
  Effect.scoped(Effect.map(
    Effect.forEach(throttles, (throttle, index) =>
      Effect.gen(function*() {
        if (!("replicaLag" in throttle)) return [];
        const { connection } = throttle.replicaLag;
        const path = ["throttles", index, "replicaLag", "connection"];
        const sql = yield* (yield* Connections).sql(connection, { access: "read", statementTimeout });
        if (sql.lag === undefined) {
          return [{
            code: "throttle/no-replicas",
            severity: "error" as const,
            path,
            message: `${connection} is a database without replicas: there is no lag to wait for`,
            suggestion: "remove this throttle, or name a connection to a server",
          }];
        }
        return yield* Effect.match(sql.lag, {
          onSuccess: (lag): ReadonlyArray<Problem> =>
            lag !== undefined ? [] : [{
              code: "throttle/no-replicas",
              severity: "warning",
              path,
              message: `${connection} has no replica just now: nothing is waited for until one is connected`,
            }],
          onFailure: (failure): ReadonlyArray<Problem> => [{
            code: Retry.code(failure),
            severity: "error",
            path,
            message: `the lag of its replicas cannot be read: ${failure.detail}`,
            ...(failure.remedy === undefined ? {} : { suggestion: failure.remedy }),
          }],
        });
      })),
    (problems) => problems.flat(),
  ));
