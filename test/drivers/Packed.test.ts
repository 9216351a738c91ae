import { FastCheck } from "effect";
import { describe, expect, it } from "vitest";
import { pack, unpack } from "../../src/drivers/Packed.ts";

const through = (value: unknown): unknown => unpack(structuredClone(pack(value)));

const scalar = FastCheck.oneof(
  FastCheck.string({ unit: "binary" }),
  FastCheck.bigInt(),
  FastCheck.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
  FastCheck.double(),
  FastCheck.constantFrom(null, undefined, true, false, -0, Number.NaN, "\ud800", ""),
);

const likes = FastCheck.oneof(
  FastCheck.array(FastCheck.option(FastCheck.string({ unit: "binary" })), { maxLength: 40 }),
  FastCheck.array(FastCheck.option(FastCheck.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })), { maxLength: 40 }),
  FastCheck.array(FastCheck.double(), { maxLength: 40 }),
  FastCheck.array(
    FastCheck.record({
      key: FastCheck.string(),
      origin: FastCheck.record({ version: FastCheck.string(), sha256: scalar }),
    }),
    { maxLength: 40 },
  ),
);

const anything = FastCheck.letrec((tie) => ({
  value: FastCheck.oneof(
    { maxDepth: 4 },
    scalar,
    likes,
    FastCheck.array(tie("value"), { maxLength: 12 }),
    FastCheck.dictionary(FastCheck.string().filter((key) => key !== "__proto__"), tie("value"), { maxKeys: 5 }),
  ),
})).value;

describe("what crosses threads arrives as it was sent", () => {
  it("whatever it is made of", () => {
    FastCheck.assert(
      FastCheck.property(anything, (value) => {
        expect(through(value)).toStrictEqual(structuredClone(value));
      }),
      { seed: 20261121, numRuns: 2000 },
    );
  });

  it("integers beyond 64 bits are not cut", () => {
    const list = Array.from({ length: 10 }, (_, at) => 2n ** 63n + BigInt(at));
    expect(through(list)).toEqual(list);
  });

  it("lists that only begin alike, and buffers", () => {
    const list = [...Array.from({ length: 9 }, () => "a"), 1];
    expect(through(list)).toEqual(list);
    const records = [...Array.from({ length: 9 }, (_, at) => ({ at })), { at: 1, more: 2 }];
    expect(through(records)).toEqual(records);
    expect(through({ bytes: new Uint8Array([1, 2]) })).toEqual({ bytes: new Uint8Array([1, 2]) });
  });
});
