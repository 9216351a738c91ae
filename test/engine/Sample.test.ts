import { describe, expect, it } from "@effect/vitest";
import { Effect, Stream } from "effect";
import * as Sample from "../../src/engine/Sample.ts";

const keys = Array.from({ length: 10_000 }, (_, index) => `store/narinfo/${String(index).padStart(32, "0")}.narinfo`);
const chunks = (all: ReadonlyArray<string>) =>
  Stream.fromIterable([all.slice(0, 3_000), all.slice(3_000, 3_001), [], all.slice(3_001)]);
const chosen = (sample: Sample.Sample, seed: number, all = keys) =>
  Effect.map(Sample.cutOf(sample, seed, chunks(all)), (cut) => all.filter((key) => Sample.isChosen(cut, seed, key)));
const count = (count: number) => ({ _tag: "Count", count }) as const;
const share = (share: number) => ({ _tag: "Share", share }) as const;

describe("a sample", () => {
  it.effect("holds as many keys as were asked for, in whatever order they come", () =>
    Effect.gen(function*() {
      for (const size of [1, 10, 999, 4_000]) {
        const some = yield* chosen(count(size), 1);
        // Two keys in ten thousand may share a hash of 32 bits, but these do not.
        expect(some).toHaveLength(size);
        expect(new Set(yield* chosen(count(size), 1, keys.toReversed()))).toEqual(new Set(some));
      }
    }));

  it.effect("is all of the keys where there are no more", () =>
    Effect.gen(function*() {
      expect(yield* chosen(count(10_000), 1)).toHaveLength(10_000);
      expect(yield* chosen(count(20_000), 1)).toHaveLength(10_000);
      expect(yield* chosen(share(1), 1)).toHaveLength(10_000);
      expect(yield* chosen(count(5), 1, [])).toEqual([]);
    }));

  it.effect("is spread over keys that differ in their last digits only", () =>
    Effect.gen(function*() {
      for (const seed of [1, 2, 3]) {
        const some = yield* chosen(share(0.1), seed);
        expect(some.length).toBeGreaterThan(850);
        expect(some.length).toBeLessThan(1_150);
        const half = some.filter((key) => key < keys[5_000]!).length / some.length;
        expect(half).toBeGreaterThan(0.42);
        expect(half).toBeLessThan(0.58);
      }
    }));

  it.effect("keeps its keys when others come or go", () =>
    Effect.gen(function*() {
      const before = yield* chosen(share(0.05), 7);
      const after = yield* chosen(share(0.05), 7, keys.slice(100));
      expect(after).toEqual(before.filter((key) => keys.indexOf(key) >= 100));
      expect(yield* chosen(share(0.05), 8)).not.toEqual(before);
    }));
});
