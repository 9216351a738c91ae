import { expect, it } from "@effect/vitest";
import { Chunk, Duration, Effect, Stream } from "effect";
import * as Component from "../../src/core/Component.ts";
import type { Source, Transform } from "../../src/core/Component.ts";
import type { Item, Sifted } from "../../src/core/Item.ts";
import { admit, lockKeyOf } from "../../src/engine/Admission.ts";
import { Watermarks } from "../../src/engine/Watermarks.ts";

const object = (key: string): Item => ({
  key,
  position: key,
  origin: { version: key, sha256: key },
  value: undefined,
  weight: 1,
  bytes: 1,
});

/** Cuts each object into as many parts, of which all but each n-th are dismissed. */
const cut = (of: number, nth: number): Transform => ({
  apply: (items) => {
    const parts = items.flatMap((item) =>
      Array.from({ length: of }, (_, part) => ({ ...item, key: `${item.key}#${part}`, part: { object: item.key, of } }))
    );
    return {
      items: parts.filter((_, index) => index % nth === 0),
      dismissed: parts.filter((_, index) => index % nth > 0)
        .map((part) => Component.dismiss(part, "rejected", "test/odd", "odd")),
    };
  },
  objectOf: (key) => key.replace(/#\d+$/, ""),
});

const admitted = (objects: ReadonlyArray<Item>, transforms: ReadonlyArray<Transform>, pick?: ReadonlyArray<string>) => {
  const picked: Array<string> = [];
  const chunk: Sifted = { items: objects, dismissed: [] };
  const source: Source = {
    caps: { ordered: true, resumable: true, unique: true, countable: true },
    fingerprint: "test",
    partitions: Effect.succeed([""]),
    read: () => Stream.succeed(chunk),
    pick: (keys) => {
      picked.push(...keys);
      return Stream.empty;
    },
    keys: () => Stream.empty,
  };
  const watermarks = new Watermarks();
  return admit({
    source,
    transforms,
    sink: { sift: (items) => ({ items, dismissed: [] }), identify: ({ key }) => key },
    lock: undefined,
    watermarks,
    checkpoints: new Map(),
    pick,
  }).pipe(
    Stream.runCollect,
    Effect.map((chunks) => ({ chunks: Chunk.toReadonlyArray(chunks), picked, watermarks })),
  );
};

it.effect("objects cut into hundreds of thousands of parts come in chunks that a batch can hold", () =>
  Effect.gen(function*() {
    const { chunks, watermarks } = yield* admitted([object("a"), object("b")], [cut(150_000, 2)]);
    expect(Math.max(...chunks.map(({ dismissed, items }) => Math.max(dismissed.length, items.length)))).toBe(1000);
    expect(new Set(chunks.flatMap(({ items }) => items.map(({ item }) => item.key))).size).toBe(150_000);
    expect(new Set(chunks.flatMap(({ dismissed }) => dismissed.map(({ dismissal }) => dismissal.item.key))).size).toBe(
      150_000,
    );
    // All of them are settled before a resumed run may pass the objects they come from.
    for (const { dismissed, items } of chunks) {
      for (const { ticket } of dismissed) ticket.settle(true);
      expect(watermarks.snapshot()).toEqual(new Map());
      for (const { ticket } of items) ticket.settle(true);
    }
    expect(watermarks.snapshot()).toEqual(new Map([["", "b"]]));
  }));

it.effect("a chunk of which nothing is left still lets the watermark pass", () =>
  Effect.gen(function*() {
    const { chunks, watermarks } = yield* admitted([], [cut(1, 1)]);
    expect(chunks).toEqual([{ items: [], dismissed: [] }]);
    expect(watermarks.snapshot()).toEqual(new Map([["", ""]]));
  }));

it.effect("picked parts are read by way of their objects, each once", () =>
  Effect.gen(function*() {
    const { picked } = yield* admitted([], [cut(2, 1)], ["a#1", "b", "a#2", "c#1"]);
    expect(picked).toEqual(["a", "b", "c"]);
  }));

it("a lock key is made of any document, also where its path leads to a map without a prototype", () => {
  const keyOf = lockKeyOf({ key: "a:{name}:{x.n}", ttl: Duration.seconds(1), holdTarget: Duration.millis(1) });
  const of = (value: unknown) => keyOf({ ...object("a"), value });
  expect(of({ name: "b", x: { n: 2n ** 60n } })).toBe("a:b:1152921504606846976");
  expect(of({ name: Object.create(null), x: [Object.create(null)] })).toBe("a::");
  expect(of(null)).toBe("a::");
});
