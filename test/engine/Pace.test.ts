import { it } from "@effect/vitest";
import { Duration, Effect } from "effect";
import { describe, expect } from "vitest";
import { SqlError } from "../../src/core/Errors.ts";
import type { Progress, Stop } from "../../src/engine/Report.ts";
import { ModelWorld } from "../support/ModelWorld.ts";
import { balanced, keys, simulate } from "../support/simulate.ts";

describe("while a throttle holds the run", () => {
  const throttles = [{ replicaLag: { connection: "replica", max: Duration.seconds(10) } }];
  const behind = Effect.succeed(Duration.seconds(14));

  it.effect("no batch is taken up and no lock held, but the heart beats on and says why", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(200));
      world.latency = () => Duration.millis(300);
      let now = 0;
      world.lag = Effect.suspend(() => now >= 6_000 && now < 66_000 ? behind : Effect.succeed(Duration.zero));
      const seen: Array<Progress> = [];
      const report = yield* simulate(world, { concurrency: 1, throttles }, {
        onProgress: (progress) =>
          Effect.sync(() => {
            now = progress.elapsedMillis + 1_000;
            seen.push(progress);
          }),
      });
      balanced(report);
      expect(report.status).toBe("succeeded");
      expect(report.ledger.deleted).toBe(200);
      const [pause] = report.pauses;
      expect(pause).toMatchObject({ reason: "replica-lag", times: 1 });
      expect(pause!.millis).toBeGreaterThan(50_000);
      const paused = seen.filter((progress) => progress.paused === "replica lag 14s > 10s");
      expect(paused.length).toBeGreaterThan(9);
      // The batch that was under way came to its end, and then nothing was.
      for (const progress of paused.slice(1)) expect(progress.inFlight).toBe(0);
      expect(new Set(paused.slice(1).map((progress) => progress.ledger.committed)).size).toBe(1);
      const gaps = world.writtenAt.map(({ at }, index) => at - (world.writtenAt[index - 1]?.at ?? 0));
      expect(gaps.filter((gap) => gap > 50_000)).toHaveLength(1);
      expect(world.heartbeats).toBeGreaterThan(12);
    }));

  it.effect("nobody's patience with a held lock runs out", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(20, (index) => (index < 3 ? { contended: 6 } : {})));
      let asked = 0;
      // Longer than the deadline of 60 s, between the first attempt at the lock and the last.
      world.lag = Effect.suspend(() => (asked++ > 0 && asked < 30 ? behind : Effect.succeed(Duration.zero)));
      world.latency = () => Duration.seconds(2);
      const report = yield* simulate(world, { concurrency: 1, throttles });
      balanced(report);
      expect(report.pauses[0]!.millis).toBeGreaterThan(60_000);
      expect(report.ledger).toMatchObject({ contended: 0, deleted: 20 });
    }));

  for (const kind of ["signal", "limit"] as const) {
    it.effect(`a ${kind} ends the pause and the run at once, with a ledger that closes`, () =>
      Effect.gen(function*() {
        const world = new ModelWorld(keys(100, (index) => (index % 9 === 0 ? { contended: 1_000_000 } : {})));
        world.latency = () => Duration.millis(300);
        world.lag = Effect.suspend(() => (world.transactions > 5 ? behind : Effect.succeed(Duration.zero)));
        const stop: Stop = { kind, code: `run/${kind}`, reason: "enough" };
        const report = yield* simulate(world, { concurrency: 1, throttles }, {
          stop: Effect.delay(Effect.succeed(stop), "40 seconds"),
        });
        balanced(report);
        expect(report.status).toBe(kind === "signal" ? "interrupted" : "failed");
        expect(report.durationMillis).toBeLessThan(41_000);
        expect(report.pauses[0]!.millis).toBeGreaterThan(20_000);
        expect(report.stop).toEqual(stop);
      }));
  }

  it.effect("one that can no longer be asked ends it, as any other fault of the surroundings", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(100));
      world.lag = Effect.fail(
        new SqlError({ connection: "replica", detail: "permission denied", reason: "Environment", code: "42501" }),
      );
      const report = yield* simulate(world, { throttles });
      balanced(report);
      expect(report.stop).toMatchObject({ kind: "environment", code: "sql/environment" });
      expect(report.ledger.listed).toBe(0);
    }));

  it.effect("a rate is kept by all writers together, and shows", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(300));
      const seen: Array<Progress> = [];
      const report = yield* simulate(world, { batch: 20, concurrency: 4, maxRate: 1_000 }, {
        maxRate: 10,
        onProgress: (progress) => Effect.sync(() => seen.push(progress)),
      });
      expect(report.ledger.deleted).toBe(300);
      expect(report.durationMillis).toBeGreaterThan(28_900);
      expect(report.durationMillis).toBeLessThan(30_500);
      for (const { at } of world.writtenAt) {
        const within = world.writtenAt.filter((other) => other.at >= at && other.at < at + 5_000);
        expect(within.reduce((sum, { items }) => sum + items, 0)).toBeLessThanOrEqual(5 * 10 + 10);
      }
      expect(seen[0]!.maxRate).toBe(10);
      expect(report.pauses[0]!.reason).toBe("max-rate");
    }));
});

describe("what is told of locks", () => {
  it.effect("how long they were held, and how often others had them", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(100, (index) => (index % 50 === 0 ? { contended: 2 } : {})));
      world.latency = (_, transaction) => Duration.millis(transaction === 7 ? 900 : 100);
      const report = yield* simulate(world, { concurrency: 1 });
      const { locks } = report;
      expect(locks).toMatchObject({ kind: "model", holdTargetMillis: 200, overTarget: 1, contended: 4 });
      expect(locks!.heldMillis.max).toBeGreaterThanOrEqual(900);
      expect(locks!.heldMillis.p95).toBeGreaterThanOrEqual(100);
      expect(locks!.deferred.times).toBe(4);
      expect(locks!.deferred.meanMillis).toBeGreaterThan(0);
      expect((yield* simulate(new ModelWorld(keys(3)), { lock: false })).locks).toBeUndefined();
    }));
});
