import { it } from "@effect/vitest";
import { Clock, Duration, Effect, Exit, Fiber, TestClock } from "effect";
import { describe, expect } from "vitest";
import { SqlError } from "../../src/core/Errors.ts";
import type { Brake } from "../../src/engine/Brake.ts";
import * as Gate from "../../src/engine/Gate.ts";

const brake = (kind: Brake["kind"], check: () => string | undefined): Brake => ({ kind, check: Effect.sync(check) });

const make = (options: Partial<Parameters<typeof Gate.make>[0]>) =>
  Gate.make({ brakes: [], perSecond: undefined, now: Clock.currentTimeMillis, onResume: () => {}, ...options });

/** Passes batch after batch; when each went. */
const passing = (gate: Gate.Gate, items: number, think: Duration.DurationInput = 0) => {
  const passed: Array<number> = [];
  const walk = Effect.gen(function*() {
    while (true) {
      yield* gate.pass(items);
      passed.push(yield* Clock.currentTimeMillis);
      yield* Effect.sleep(think);
    }
  });
  return Effect.map(Effect.fork(walk), (fiber) => ({ passed, fiber }));
};

/** The most items that went within any window of so many milliseconds. */
const most = (passed: ReadonlyArray<number>, items: number, window: number): number =>
  Math.max(...passed.map((from) => passed.filter((at) => at >= from && at < from + window).length * items));

describe("a rate", () => {
  it.effect("is kept exactly over any window, but for the batch that begins it", () =>
    Effect.gen(function*() {
      const { passed } = yield* passing(make({ perSecond: 700 }), 100, "3 millis");
      yield* TestClock.adjust("1 minutes");
      expect(passed.length * 100).toBeGreaterThan(700 * 59.5);
      for (const seconds of [1, 5, 30]) {
        expect(most(passed, 100, seconds * 1000)).toBeLessThanOrEqual(700 * seconds + 200);
      }
    }));

  it.effect("loses nothing to timers that are late", () =>
    Effect.gen(function*() {
      const late = Effect.map(Clock.currentTimeMillis, (at) => Math.ceil(at / 70) * 70);
      const { passed } = yield* passing(make({ perSecond: 100, now: late }), 10);
      yield* TestClock.adjust("30 seconds");
      expect(passed.length * 10).toBeGreaterThan(100 * 30 * 0.98);
      expect(passed.length * 10).toBeLessThanOrEqual(100 * 30 + 20);
    }));

  it.effect("gives no burst after a time in which nothing came", () =>
    Effect.gen(function*() {
      const gate = make({ perSecond: 100 });
      yield* gate.pass(50);
      yield* TestClock.adjust("1 hours");
      const { passed } = yield* passing(gate, 50);
      yield* TestClock.adjust("1 seconds");
      expect(passed).toHaveLength(3);
    }));
});

describe("a throttle", () => {
  it.effect("holds batches while it says so, tells why, and counts the time by reason", () =>
    Effect.gen(function*() {
      let lag: string | undefined = "replica lag 14s > 10s";
      let load: string | undefined;
      let resumed = 0;
      const gate = make({
        brakes: [brake("replica-lag", () => lag), brake("load", () => load)],
        onResume: () => resumed++,
      });
      const fiber = yield* Effect.fork(gate.pass(10));
      yield* TestClock.adjust("30 seconds");
      expect(yield* gate.paused).toBe("replica lag 14s > 10s");
      expect(yield* gate.pausedMillis).toBe(30_000);
      lag = "replica lag 12s > 10s";
      yield* TestClock.adjust("5 seconds");
      expect(yield* gate.paused).toBe("replica lag 12s > 10s");
      lag = undefined;
      load = "load 2.00 > 1.5 per core";
      yield* TestClock.adjust("5 seconds");
      expect(yield* gate.paused).toBe(load);
      load = undefined;
      yield* TestClock.adjust("5 seconds");
      yield* Fiber.join(fiber);
      expect(yield* gate.paused).toBeUndefined();
      expect(resumed).toBe(1);
      expect(yield* gate.pauses).toEqual([
        { reason: "replica-lag", times: 1, millis: 40_000 },
        { reason: "load", times: 1, millis: 5_000 },
      ]);
    }));

  it.effect("is asked every few seconds, not for every batch", () =>
    Effect.gen(function*() {
      let asked = 0;
      const gate = make({
        brakes: [brake("load", () => {
          asked++;
          return undefined;
        })],
      });
      const { passed } = yield* passing(gate, 1, "100 millis");
      yield* TestClock.adjust("1 minutes");
      expect(passed.length).toBeGreaterThan(500);
      expect(asked).toBeLessThanOrEqual(13);
    }));

  it.effect("that cannot be asked fails the pass", () =>
    Effect.gen(function*() {
      const failure = new SqlError({ connection: "r", detail: "denied", reason: "Environment", code: "42501" });
      const gate = make({ brakes: [{ kind: "replica-lag", check: failure }] });
      expect(Exit.isFailure(yield* Effect.exit(gate.pass(1)))).toBe(true);
    }));

  it.effect("a pause that is broken off counts to its end", () =>
    Effect.gen(function*() {
      const gate = make({ brakes: [brake("hours", () => "22:00 to 06:00 UTC")] });
      const fiber = yield* Effect.fork(gate.pass(1));
      yield* TestClock.adjust("12 seconds");
      yield* Fiber.interrupt(fiber);
      expect(yield* gate.paused).toBeUndefined();
      expect(yield* gate.pauses).toEqual([{ reason: "hours", times: 1, millis: 12_000 }]);
    }));
});
