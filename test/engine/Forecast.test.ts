import { expect, it } from "@effect/vitest";
import { Effect, Exit, Option } from "effect";
import { forecast } from "../../src/engine/Forecast.ts";
import { type ModelItem, ModelWorld } from "../support/ModelWorld.ts";

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

it.effect("no object is foreseen to be deleted of which one part will not be durable", () =>
  Effect.gen(function*() {
    const parts = (object: string, one: Partial<ModelItem> = {}): ReadonlyArray<ModelItem> => [
      { key: `${object}#1`, parts: { object, of: 2 } },
      { key: `${object}#2`, parts: { object, of: 2 }, ...one },
    ];
    const world = new ModelWorld([
      ...parts("a1"),
      ...parts("a2", { dismissed: "rejected" }),
      ...parts("a3", { rival: "different" }),
      ...parts("a4", { rival: "same" }),
    ]);
    const { counts } = yield* Effect.provide(
      forecast(world.plan({ chunk: 3 }), ModelWorld.registry, { stop: Effect.never }),
      world.layer,
    );
    expect(counts).toMatchObject({ "would-commit": 5, "would-already": 1, "would-reject": 1, "would-conflict": 1 });
    expect(counts["would-delete"]).toBe(4);
  }));
