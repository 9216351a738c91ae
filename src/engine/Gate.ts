import { Duration, Effect } from "effect";
import type { Brake } from "./Brake.ts";
import type { Failure } from "./Retry.ts";

/** How long what a brake said holds: asking costs a round trip, and what it asks about changes slowly. */
const askEvery = Duration.seconds(5);
/** What a late timer may make up for: beyond it, time not used is lost, so that no burst follows a pause. */
const creditMillis = 100;

/** Why a run stood still: a throttle of the spec, or its rate. */
export type Reason = Brake["kind"] | "max-rate";

/** How often and how long a run stood still for one reason. */
export interface Pause {
  readonly reason: Reason;
  readonly times: number;
  readonly millis: number;
}

/** Where batches wait, unlocked, until they may go. One fiber at a time. */
export interface Gate {
  /** Completes when a batch of so many items may go, and counts them; fails where a brake cannot be asked and will not be. */
  readonly pass: (items: number) => Effect.Effect<void, Failure>;
  /** What a throttle says against going on, now. */
  readonly paused: Effect.Effect<string | undefined>;
  /** Milliseconds until now that throttles cost, those of the rate not included. */
  readonly pausedMillis: Effect.Effect<number>;
  /** By reason, longest first. */
  readonly pauses: Effect.Effect<ReadonlyArray<Pause>>;
}

/** `perSecond`: items, over any time longer than a batch. */
export const make = (options: {
  readonly brakes: ReadonlyArray<Brake>;
  readonly perSecond: number | undefined;
  /** Monotonic milliseconds. */
  readonly now: Effect.Effect<number>;
  /** Called when a throttle has let go. */
  readonly onResume: () => void;
}): Gate => {
  const { brakes, now, onResume, perSecond } = options;
  const totals = new Map<Reason, { times: number; millis: number }>();
  let askAgainAt = Number.NEGATIVE_INFINITY;
  /** When the items let through so far have used up their time. */
  let usedUntil = 0;
  let standing: { readonly reason: Reason; readonly text: string; readonly since: number } | undefined;

  const stand = (reason: Reason, text: string, at: number) => {
    if (standing?.reason === reason) standing = { ...standing, text };
    else {
      leave(at);
      standing = { reason, text, since: at };
    }
  };
  const leave = (at: number) => {
    if (standing === undefined) return;
    const total = totals.get(standing.reason) ?? { times: 0, millis: 0 };
    totals.set(standing.reason, { times: total.times + 1, millis: total.millis + at - standing.since });
    standing = undefined;
  };
  const leaving = Effect.map(now, leave);

  const ask = Effect.gen(function*() {
    for (const { check, kind } of brakes) {
      const text = yield* check;
      if (text !== undefined) return { kind, text };
    }
    return undefined;
  });
  const release = Effect.gen(function*() {
    if (brakes.length === 0 || (yield* now) < askAgainAt) return;
    let isPaused = false;
    while (true) {
      const held = yield* ask;
      const at = yield* now;
      if (held === undefined) {
        askAgainAt = at + Duration.toMillis(askEvery);
        if (isPaused) onResume();
        return;
      }
      isPaused = true;
      stand(held.kind, held.text, at);
      yield* Effect.sleep(askEvery);
    }
  }).pipe(Effect.ensuring(leaving));

  const spend = (items: number) =>
    Effect.gen(function*() {
      if (perSecond === undefined) return;
      const at = yield* now;
      if (usedUntil > at) {
        stand("max-rate", `${perSecond}/s`, at);
        yield* Effect.sleep(Duration.millis(Math.ceil(usedUntil - at)));
        leave(yield* now);
      }
      usedUntil = Math.max(usedUntil, (yield* now) - creditMillis) + items * 1000 / perSecond;
    }).pipe(Effect.ensuring(leaving));

  const isThrottle = (one: typeof standing): one is NonNullable<typeof standing> =>
    one !== undefined && one.reason !== "max-rate";
  return {
    pass: (items) => Effect.zipRight(release, spend(items)),
    paused: Effect.sync(() => isThrottle(standing) ? standing.text : undefined),
    pausedMillis: Effect.map(now, (at) => {
      let millis = isThrottle(standing) ? at - standing.since : 0;
      for (const [reason, total] of totals) if (reason !== "max-rate") millis += total.millis;
      return millis;
    }),
    pauses: Effect.sync(() =>
      [...totals].map(([reason, total]) => ({ reason, ...total })).sort((a, b) => b.millis - a.millis)
    ),
  };
};
