import { it } from "@effect/vitest";
import { Duration, Effect, Fiber, TestClock } from "effect";
import { describe, expect } from "vitest";
import { Adapt } from "../../src/engine/Adapt.ts";
import { run } from "../../src/engine/Run.ts";
import { ModelWorld } from "../support/ModelWorld.ts";

interface Sink {
  /** Transactions that it works on at once; of more each takes longer, and nothing is gained. */
  readonly capacity: number;
  /** More at once than this lose one to a deadlock. */
  readonly deadlocksAbove?: number;
  /** From and to which millisecond nothing gets done. */
  readonly stall?: readonly [from: number, to: number];
  /** Relative size of a swing in how long transactions take. */
  readonly noise?: number;
  readonly max?: number;
  readonly minutes?: number;
}

/** A simulated sink under an `Adapt`: what that said each time a batch ended, and what came of it. */
const simulate = (sink: Sink) => {
  const { capacity, deadlocksAbove = Infinity, max = 32, minutes = 5, noise = 0, stall = [0, 0] } = sink;
  const adapt = new Adapt({ start: 100, max: 5000 }, Duration.millis(200), { start: 2, max });
  const flying: Array<{ readonly end: number; readonly items: number; readonly begun: number; isVictim: boolean }> = [];
  const seen: Array<{ readonly at: number; readonly writers: number; readonly items: number; readonly done: number }> =
    [];
  let at = 0;
  let done = 0;
  let deadlocks = 0;
  let number = 0;
  while (at < minutes * 60_000) {
    while (flying.length < adapt.writers) {
      const items = adapt.items;
      const swing = 1 + noise * Math.sin(++number * 12.9898);
      const takes = (20 + items / 10) * Math.max(1, (flying.length + 1) / capacity) * swing;
      const end = at + takes;
      flying.push({
        items,
        begun: at,
        end: end > stall[0] && at < stall[1] ? Math.max(end, stall[1]) : end,
        isVictim: flying.length + 1 > deadlocksAbove,
      });
    }
    flying.sort((a, b) => b.end - a.end);
    const { begun, end, isVictim, items } = flying.pop()!;
    at = end;
    if (isVictim) deadlocks++;
    else done += items;
    adapt.observe({ at, items, heldMillis: end - begun, succeeded: !isVictim });
    adapt.ended();
    seen.push({ at, writers: adapt.writers, items: adapt.items, done });
  }
  const between = (from: number, to: number) => seen.filter((one) => one.at >= from * 1000 && one.at < to * 1000);
  const rate = (from: number, to: number) => {
    const some = between(from, to);
    return (some.at(-1)!.done - some[0]!.done) / (to - from);
  };
  return { seen, between, rate, deadlocks, final: adapt };
};

const share = <A>(all: ReadonlyArray<A>, of: (one: A) => boolean): number => all.filter(of).length / all.length;

describe("how many batches are under way", () => {
  for (const noise of [0, 0.2]) {
    it(`finds what the database can use within a minute, and stays there (noise ${noise})`, () => {
      for (const capacity of [1, 2, 4, 8, 13]) {
        const { between } = simulate({ capacity, noise });
        const settled = between(60, 300);
        expect(share(settled, ({ writers }) => writers >= capacity * 0.7 && writers <= Math.max(4, capacity * 1.6)))
          .toBeGreaterThan(0.9);
      }
    });
  }

  it("tries more writers with as much under way as before, and goes back to the size before if that did not pay", () => {
    const { seen } = simulate({ capacity: 2, max: 4 });
    const tried = seen.findIndex(({ writers }) => writers === 4);
    const before = seen[tried - 1]!.items;
    expect(seen[tried]!.items).toBeLessThan(before * 0.6);
    const given = seen.slice(tried).find(({ writers }) => writers < 4)!;
    expect(given.items).toBeGreaterThan(before * 0.9);
    const longest = Math.max(...seen.map(({ items, writers }) => (20 + items / 10) * Math.max(1, writers / 2)));
    expect(longest).toBeLessThan(300);
  });

  it("doubles from the start as long as that pays", () => {
    const { between } = simulate({ capacity: 100, max: 16 });
    expect(between(0, 15).at(-1)!.writers).toBe(16);
  });

  it("does not swing: a settled run keeps its rate", () => {
    const { rate } = simulate({ capacity: 8, noise: 0.1, minutes: 10 });
    const rates = Array.from({ length: 9 }, (_, minute) => rate(60 + minute * 60, 120 + minute * 60));
    expect(Math.min(...rates) / Math.max(...rates)).toBeGreaterThan(0.85);
  });

  it("never exceeds the bound of the spec", () => {
    expect(Math.max(...simulate({ capacity: 100, max: 6 }).seen.map(({ writers }) => writers))).toBe(6);
    expect(Math.max(...simulate({ capacity: 100, max: 1 }).seen.map(({ writers }) => writers))).toBe(1);
  });

  it("shrinks on deadlocks, and tries more ever more seldom", () => {
    const { between, deadlocks, seen } = simulate({ capacity: 100, deadlocksAbove: 6, minutes: 10 });
    expect(share(between(60, 600), ({ writers }) => writers <= 6)).toBeGreaterThan(0.95);
    expect(deadlocks / seen.length).toBeLessThan(0.01);
  });

  it("comes back after a stall, to the rate it had", () => {
    const { between, rate } = simulate({ capacity: 8, stall: [120_000, 150_000], minutes: 10 });
    expect(rate(400, 600)).toBeGreaterThan(rate(60, 120) * 0.85);
    expect(between(60, 120).at(-1)!.writers).toBeGreaterThanOrEqual(8);
    expect(between(400, 600).at(-1)!.writers).toBeGreaterThanOrEqual(6);
  });
});

describe("a run with as many writers as pay", () => {
  /** To the end of the run, tick by tick. */
  const driven = (world: ModelWorld, options: Parameters<ModelWorld["plan"]>[0], onTick = () => {}) =>
    Effect.gen(function*() {
      const plan = world.plan({ batch: 50, start: 2, chunk: 500, ...options });
      const fiber = yield* Effect.fork(
        run(plan, ModelWorld.registry, { keep: false, stop: Effect.never, onProgress: () => Effect.void }).pipe(
          Effect.provide(world.layer),
        ),
      );
      while ((yield* Fiber.poll(fiber))._tag === "None") {
        yield* TestClock.adjust("50 millis");
        onTick();
      }
      return yield* Fiber.join(fiber);
    });

  const simulated = (prepare: (world: ModelWorld) => void, options: Parameters<ModelWorld["plan"]>[0]) =>
    Effect.gen(function*() {
      const world = new ModelWorld(Array.from({ length: 15_000 }, (_, index) => ({ key: `a${index + 10_000}` })));
      prepare(world);
      const report = yield* driven(world, options);
      expect(report.imbalances).toEqual([]);
      expect(report.ledger.deleted).toBe(15_000);
      return { report, world };
    });

  it.effect("takes up more batches at once, and no more than the bound", () =>
    Effect.gen(function*() {
      const { report, world } = yield* simulated((world) => {
        world.latency = () => Duration.millis(150);
      }, { concurrency: 8 });
      expect(report.tuning.writers).toBe(8);
      expect(world.mostWriters).toBe(8);
    }));

  it.effect("takes up fewer without breaking one off", () =>
    Effect.gen(function*() {
      const { report, world } = yield* simulated((world) => {
        world.latency = () => Duration.millis(150);
        world.deadlocksAbove = 4;
      }, { concurrency: 8, start: 8 });
      expect(world.mostWriters).toBe(8);
      expect(world.deadlocks).toBeGreaterThan(0);
      expect(report.tuning.writers).toBeLessThanOrEqual(5);
      expect(report.ledger.committed).toBe(15_000);
    }));

  it.effect("the first batch goes alone; others do not wait until it has been taken apart", () =>
    Effect.gen(function*() {
      const items = Array.from({ length: 1000 }, (_, index) => ({
        key: `a${index + 10_000}`,
        ...(index < 50 ? { poison: "Constraint" as const } : {}),
      }));
      const world = new ModelWorld(items);
      world.latency = () => Duration.millis(100);
      const mostWriters: Array<number> = [];
      const { ledger } = yield* driven(world, { max: 50, concurrency: 2 }, () => {
        mostWriters.push(world.mostWriters);
      });
      expect([ledger.rejected, ledger.deleted]).toEqual([50, 950]);
      expect(mostWriters[0]).toBe(1);
      expect(mostWriters.indexOf(2)).toBeLessThan(10);
    }));

  it.effect("a rate that is the limit is no reason for more", () =>
    Effect.gen(function*() {
      const { report } = yield* simulated((world) => {
        world.latency = () => Duration.millis(150);
      }, { concurrency: 8, maxRate: 300 });
      expect(report.tuning.writers).toBe(2);
    }));
});
