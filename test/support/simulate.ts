/** A run in the model world, its clock moved for it. */
import { Effect, Fiber, TestClock } from "effect";
import { expect } from "vitest";
import type { RunReport } from "../../src/engine/Report.ts";
import { run } from "../../src/engine/Run.ts";
import { ModelWorld } from "./ModelWorld.ts";
import type { ModelItem } from "./ModelWorld.ts";

type PlanOptions = Parameters<ModelWorld["plan"]>[0];

const quiet = { keep: false, stop: Effect.never, onProgress: () => Effect.void };

/** Lets a run end by moving the clock through every pause it takes. */
export const simulate = (world: ModelWorld, options: PlanOptions = {}, run_: Partial<Parameters<typeof run>[2]> = {}) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.fork(
      run(world.plan(options), ModelWorld.registry, { ...quiet, ...run_ }).pipe(Effect.provide(world.layer)),
    );
    while ((yield* Fiber.poll(fiber))._tag === "None") yield* TestClock.adjust("250 millis");
    return yield* Fiber.join(fiber);
  });

export const keys = (
  count: number,
  more: (index: number) => Partial<ModelItem> = () => ({}),
): ReadonlyArray<ModelItem> =>
  Array.from({ length: count }, (_, index) => ({
    key: `${"abc"[index % 3]}${String(index).padStart(5, "0")}`,
    ...more(index),
  })).sort((a, b) => (a.key < b.key ? -1 : 1));

export const balanced = (report: RunReport) => expect(report.imbalances).toEqual([]);
