import { it } from "@effect/vitest";
import { Duration, Effect, Fiber, TestClock } from "effect";
import { describe, expect } from "vitest";
import { Adapt } from "../../src/engine/Adapt.ts";
import { run } from "../../src/engine/Run.ts";
import { ModelWorld } from "../support/ModelWorld.ts";

/** A sink that takes 20 ms per transaction and 0.1 ms per item, and stalls for a while. */
const latencyOf = (items: number, transaction: number, stall?: { readonly from: number; readonly to: number }) =>
  Duration.millis(
    20 + Math.round(items / 10)
      + (stall !== undefined && transaction >= stall.from && transaction < stall.to ? 3000 : 0),
  );

const sizes = (
  total: number,
  options: {
    readonly stall?: { readonly from: number; readonly to: number };
    readonly max?: number;
    readonly concurrency?: number;
  },
) =>
  Effect.gen(function*() {
    const items = Array.from({ length: total }, (_, index) => ({ key: `a${String(index).padStart(7, "0")}` }));
    const world = new ModelWorld(items);
    world.latency = (batch, transaction) => latencyOf(batch, transaction, options.stall);
    const fiber = yield* Effect.fork(
      run(
        world.plan({ batch: 100, max: options.max ?? 100_000, concurrency: options.concurrency ?? 1, chunk: 500 }),
        ModelWorld.registry,
        {
          keep: false,
          stop: Effect.never,
          onProgress: () => Effect.void,
        },
      ).pipe(Effect.provide(world.layer)),
    );
    while ((yield* Fiber.poll(fiber))._tag === "None") yield* TestClock.adjust("20 millis");
    expect((yield* Fiber.join(fiber)).ledger.deleted).toBe(total);
    return world.batches.map((batch) => batch.length).slice(0, -1);
  });

/** Of 200 ms, at 20 ms + 0.1 ms per item. */
const ideal = 1800;

describe("batch size", () => {
  it.effect("finds the hold target from far below within a dozen batches", () =>
    Effect.gen(function*() {
      const found = yield* sizes(60_000, {});
      expect(found[0]).toBe(100);
      for (const size of found.slice(12)) expect(size).toBeGreaterThan(ideal * 0.7);
      for (const size of found) expect(size).toBeLessThanOrEqual(ideal * 1.1);
    }));

  it.effect("does not swing once it is there", () =>
    Effect.gen(function*() {
      const settled = (yield* sizes(90_000, {})).slice(15);
      expect(Math.max(...settled) / Math.min(...settled)).toBeLessThan(1.25);
    }));

  it.effect("shrinks in a stall and comes back after it", () =>
    Effect.gen(function*() {
      const found = yield* sizes(120_000, { stall: { from: 20, to: 24 } });
      expect(Math.min(...found.slice(20, 30))).toBeLessThan(ideal / 4);
      expect(found.at(-1)).toBeGreaterThan(ideal * 0.7);
    }));

  it.effect("loses half to a stall of all batches in flight, not half to each", () =>
    Effect.gen(function*() {
      const found = yield* sizes(150_000, { stall: { from: 48, to: 52 }, concurrency: 4 });
      const before = found[47]!;
      expect(before).toBeGreaterThan(ideal / 2);
      expect(Math.min(...found.slice(48, 60))).toBeGreaterThan(before * 0.45);
    }));

  it.effect("stays within the bounds of the spec", () =>
    Effect.gen(function*() {
      expect(Math.max(...(yield* sizes(20_000, { max: 700 })))).toBe(700);
    }));
});

/** For which concurrency is none of its business. */
const single = { start: 1, max: 1 };

describe("one attempt", () => {
  const adapt = () => new Adapt({ start: 100, max: 1000 }, Duration.millis(200), single);

  it("the first batch of each writer is cold: it may be cut, and does not end the doubling", () => {
    const size = new Adapt({ start: 100, max: 1000 }, Duration.millis(200), { start: 2, max: 2 });
    size.observe({ at: 0, items: 100, heldMillis: 180, succeeded: true });
    expect(size.items).toBe(100);
    size.observe({ at: 0, items: 100, heldMillis: 250, succeeded: true });
    expect(size.items).toBe(72);
    size.observe({ at: 0, items: 72, heldMillis: 30, succeeded: true });
    expect(size.items).toBe(144);
    size.observe({ at: 0, items: 144, heldMillis: 120, succeeded: true });
    expect(size.items).toBe(153);
  });

  it("the very first goes alone until it has been tried, and its failure is not laid to others", () => {
    const size = new Adapt({ start: 100, max: 1000 }, Duration.millis(200), { start: 4, max: 4 });
    size.observe({ at: 0, items: 100, heldMillis: 0, succeeded: false });
    expect([size.items, size.writers]).toEqual([50, 1]);
    size.ended();
    expect(size.writers).toBe(4);
  });

  it("a failure halves, and ends the doubling", () => {
    const size = adapt();
    size.observe({ at: 0, items: 100, heldMillis: 10, succeeded: false });
    expect(size.items).toBe(50);
    size.observe({ at: 0, items: 50, heldMillis: 10, succeeded: true });
    expect(size.items).toBe(54);
  });

  it("batches that were in flight beside one that took too long, or failed, do not cut it again", () => {
    for (const succeeded of [true, false]) {
      const size = adapt();
      for (let number = 0; number < 4; number++) size.observe({ at: 0, items: 100, heldMillis: 3000, succeeded });
      expect(size.items).toBe(50);
      size.observe({ at: 0, items: 50, heldMillis: 3000, succeeded });
      expect(size.items).toBe(25);
    }
    const size = adapt();
    for (let number = 0; number < 4; number++) size.observe({ at: 0, items: 100, heldMillis: 240, succeeded: true });
    expect(size.items).toBe(75);
  });

  it("a batch that was not full does not make the next one larger", () => {
    const size = adapt();
    size.observe({ at: 0, items: 99, heldMillis: 1, succeeded: true });
    expect(size.items).toBe(100);
  });

  it("never falls below a tenth of the start", () => {
    const size = adapt();
    for (let number = 0; number < 20; number++) {
      size.observe({ at: 0, items: size.items, heldMillis: 60_000, succeeded: true });
    }
    expect(size.items).toBe(10);
  });

  it("without a target it grows to the maximum", () => {
    const size = new Adapt({ start: 100, max: 1000 }, undefined, single);
    for (let number = 0; number < 5; number++) {
      size.observe({ at: 0, items: size.items, heldMillis: 60_000, succeeded: true });
    }
    expect(size.items).toBe(1000);
  });
});
