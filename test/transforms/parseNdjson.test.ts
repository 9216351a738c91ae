import { Effect, Either, Schema } from "effect";
import { describe, expect, it } from "vitest";
import type { ObjectValue } from "../../src/core/Component.ts";
import type { Item, Sifted } from "../../src/core/Item.ts";
import { parseNdjson } from "../../src/transforms/parseNdjson.ts";

const objectOf = (key: string, text: string): Item<ObjectValue> => {
  const bytes = new TextEncoder().encode(text);
  return {
    key,
    position: key,
    origin: { version: `v:${key}`, sha256: key },
    value: { bytes },
    weight: 1,
    bytes: bytes.length,
  };
};

const apply = (objects: ReadonlyArray<Item<ObjectValue>>, options: object = {}) => {
  const decoded = Either.getOrThrow(Schema.decodeUnknownEither(parseNdjson.options)(options));
  return Effect.runPromise(parseNdjson.make(decoded).apply(objects) as Effect.Effect<Sifted>);
};

describe("parse-ndjson", () => {
  it("gives an item per line, with the origin and position of its object and a part of it", async () => {
    const { dismissed, items } = await apply([objectOf("a.ndjson", '{"n":1}\n\n{"n":22}\n')]);
    expect(dismissed).toEqual([]);
    const common = {
      position: "a.ndjson",
      origin: { version: "v:a.ndjson", sha256: "a.ndjson" },
      weight: 1,
      part: { object: "a.ndjson", of: 2 },
    };
    expect(items.map((item) => ({ ...item, value: { ...(item.value as object) } }))).toEqual([
      { ...common, key: "a.ndjson#1", bytes: 7, value: { n: 1 } },
      { ...common, key: "a.ndjson#3", bytes: 8, value: { n: 22 } },
    ]);
  });

  it("a broken line is one reject, a part like its siblings, which go on", async () => {
    const { dismissed, items } = await apply([objectOf("a", '{"n":1}\n{"n":\n{"n":3}'), objectOf("b", '{"n":1}')]);
    expect(items.map(({ key }) => key)).toEqual(["a#1", "a#3", "b#1"]);
    expect(dismissed).toEqual([{
      item: {
        key: "a#2",
        position: "a",
        origin: { version: "v:a", sha256: "a" },
        weight: 1,
        bytes: 5,
        part: { object: "a", of: 3 },
      },
      outcome: "rejected",
      code: "ndjson/syntax",
      reason: expect.stringMatching(/^line 2, column 6: expected a value, found the end\. /),
    }]);
  });

  it("an object without lines is skipped, so that it is never deleted", async () => {
    const { dismissed, items } = await apply([objectOf("a", ""), objectOf("b", "\uFEFF\r\n\n")]);
    expect(items).toEqual([]);
    expect(dismissed).toMatchObject([
      { item: { key: "a" }, outcome: "skipped", code: "ndjson/empty" },
      { item: { key: "b" }, outcome: "skipped", code: "ndjson/empty" },
    ]);
  });

  it("a line of exactly the limit passes, a longer one is rejected alone", async () => {
    const { dismissed, items } = await apply([objectOf("a", '{"a":"1234"}\n{"a":"12345"}')], { maxLineSize: "12B" });
    expect(items).toHaveLength(1);
    expect(dismissed).toMatchObject([{ item: { key: "a#2", bytes: 13 }, code: "ndjson/line-too-long" }]);
  });

  it("an object of more lines than memory should hold is rejected whole", async () => {
    const { dismissed, items } = await apply([objectOf("a", "{}\n".repeat(500_001)), objectOf("b", "{}")]);
    expect(items.map(({ key }) => key)).toEqual(["b#1"]);
    expect(dismissed).toMatchObject([{ item: { key: "a" }, outcome: "rejected", code: "ndjson/too-many-lines" }]);
    expect(dismissed[0]!.item.part).toBeUndefined();
  });

  it("leads from a line's key back to its object, whose own key it leaves alone", () => {
    const { objectOf: back } = parseNdjson.make(Either.getOrThrow(Schema.decodeUnknownEither(parseNdjson.options)({})));
    expect(["a#1", "a.ndjson#120", "a#b.ndjson#7", "a.ndjson", "a#0", "a#b"].map((key) => back!(key))).toEqual([
      "a",
      "a.ndjson",
      "a#b.ndjson",
      "a.ndjson",
      "a#0",
      "a#b",
    ]);
  });
});
