import { FastCheck } from "effect";
import { describe, expect, it } from "vitest";
import type { Admitted } from "../../src/engine/Admission.ts";
import { Batcher } from "../../src/engine/Batcher.ts";
import { Ticket } from "../../src/engine/Watermarks.ts";

const admitted = (identity: string, bytes: number): Admitted => ({
  item: { key: identity, position: identity, origin: { version: "", sha256: "" }, value: undefined, weight: 1, bytes },
  identity,
  lockKey: undefined,
  ticket: new Ticket("", 1, () => {}),
  listed: false,
  deferrals: 0,
  deferredSince: 0,
});

const chunks = FastCheck.array(
  FastCheck.array(FastCheck.tuple(FastCheck.integer({ min: 0, max: 12 }), FastCheck.integer({ min: 1, max: 60 })), {
    maxLength: 20,
  }),
  { maxLength: 8 },
);

describe("batches", () => {
  it("hold every item exactly once, each identity once, within both bounds", () => {
    FastCheck.assert(
      FastCheck.property(chunks, FastCheck.integer({ min: 1, max: 9 }), (input, max) => {
        const batcher = new Batcher({ items: max, bytes: 100 });
        const all = input.map((chunk) => chunk.map(([identity, bytes]) => admitted(String(identity), bytes)));
        const batches: Array<ReadonlyArray<Admitted>> = [];
        for (const chunk of all) {
          batcher.offer(chunk);
          for (let batch = batcher.full(); batch !== undefined; batch = batcher.full()) batches.push(batch);
        }
        for (let batch = batcher.rest(); batch !== undefined; batch = batcher.rest()) batches.push(batch);
        const out = batches.flat();
        expect(new Set(out).size).toBe(out.length);
        expect(new Set(out)).toEqual(new Set(all.flat()));
        expect(batcher.size).toBe(0);
        for (const batch of batches) {
          expect(batch.length).toBeLessThanOrEqual(max);
          expect(new Set(batch.map(({ identity }) => identity)).size).toBe(batch.length);
          const bytes = batch.reduce((sum, { item }) => sum + item.bytes, 0);
          expect(batch.length === 1 || bytes <= 100).toBe(true);
        }
      }),
      { seed: 20261121, numRuns: 500 },
    );
  });

  it("the second of two equal identities keeps its place behind the first", () => {
    const batcher = new Batcher({ items: 10, bytes: 1000 });
    const [first, second] = [admitted("x", 1), admitted("x", 1)];
    batcher.offer([first, second]);
    expect(batcher.rest()).toEqual([first]);
    expect(batcher.rest()).toEqual([second]);
  });

  it("Invariant 4: a source of nothing but equal identities is held a batch and a chunk at a time", () => {
    const batcher = new Batcher({ items: 10, bytes: 1000 });
    let most = 0;
    for (let offered = 0; offered < 100; offered++) {
      batcher.offer(Array.from({ length: 20 }, () => admitted("x", 1)));
      most = Math.max(most, batcher.size);
      for (let batch = batcher.full(); batch !== undefined; batch = batcher.full()) expect(batch.length).toBe(1);
    }
    expect(most).toBeLessThanOrEqual(30);
    batcher.offer(Array.from({ length: 20 }, () => admitted("x", 500)));
    expect([batcher.full(), batcher.hungry]).toMatchObject([{ length: 1 }, false]);
  });

  it("Invariant 4: while a lock is held, those that wait for it are a batch's worth, and then nothing more is asked for", () => {
    const batcher = new Batcher({ items: 10, bytes: 1000 });
    const locked = (identity: string) => ({ ...admitted(identity, 1), lockKey: "all" });
    const first = [locked("first")];
    batcher.offer(first);
    const batch = batcher.rest()!;
    expect(batch).toEqual(first);
    for (let offered = 0; batcher.hungry; offered++) {
      expect(offered).toBeLessThan(10);
      batcher.offer(Array.from({ length: 5 }, (_, index) => locked(`${offered}-${index}`)));
      expect(batcher.rest()).toBeUndefined();
    }
    expect(batcher.size).toBe(10);
    batcher.release(batch);
    expect(batcher.full()).toHaveLength(10);
  });
});
