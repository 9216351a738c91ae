import { expect, it } from "@effect/vitest";
import { Effect, Exit, Option } from "effect";
import { forecast } from "../../src/engine/Forecast.ts";
import { ModelWorld } from "../support/ModelWorld.ts";

const items = Array.from({ length: 50 }, (_, index) => ({ key: `a${String(index).padStart(2, "0")}` }));

it.live("a bug in the source ends a dry run, which does not wait for a signal", () =>
  Effect.gen(function*() {
    const world = new ModelWorld(items);
    world.listingBreaks = { afterChunks: 2, as: "defect" };
    const exit = yield* forecast(world.plan(), ModelWorld.registry, { stop: Effect.never }).pipe(
      Effect.provide(world.layer),
      Effect.exit,
      Effect.timeoutOption("2 seconds"),
    );
    expect(Option.map(exit, Exit.isFailure)).toEqual(Option.some(true));
  }));

it.effect("a listing that breaks off is not taken for the whole", () =>
  Effect.gen(function*() {
    const world = new ModelWorld(items);
    world.listingBreaks = { afterChunks: 2, as: "error" };
    const foreseen = yield* Effect.provide(
      forecast(world.plan(), ModelWorld.registry, { stop: Effect.never }),
      world.layer,
    );
    expect(foreseen.stop).toMatchObject({ kind: "environment", code: "storage/unavailable" });
    expect(foreseen.listed).toBe(14);
  }));
