import { Either } from "effect";
import { describe, expect, it } from "vitest";
import * as Narinfo from "../../src/formats/Narinfo.ts";
import * as NarinfoDocument from "../../src/formats/NarinfoDocument.ts";
import * as NarinfoKey from "../../src/formats/NarinfoKey.ts";
import { generate, KINDS, tally } from "./SampleCache.ts";

/** What parsing and validation say of a file: a code, or nothing. */
const verdict = (key: string, content: Uint8Array): string | undefined => {
  const document = Either.flatMap(
    Narinfo.parse(content),
    (narinfo) => Either.flatMap(NarinfoKey.hashOf(key), (hash) => NarinfoDocument.make(narinfo, hash)),
  );
  return Either.isLeft(document) ? document.left.code : undefined;
};

describe("the sample cache", () => {
  it("is the same for the same seed, and another for another", () => {
    expect([...generate({ seed: 1, count: 200 })]).toEqual([...generate({ seed: 1, count: 200 })]);
    expect([...generate({ seed: 2, count: 1 })][0]?.key).not.toBe([...generate({ seed: 1, count: 1 })][0]?.key);
  });

  it("has every kind once before it repeats any, and no key twice", () => {
    const samples = [...generate({ seed: 3, count: 3_000 })];
    expect(new Set(samples.slice(0, KINDS).map(({ kind }) => kind)).size).toBe(KINDS);
    expect(new Set(samples.map(({ key }) => key)).size).toBe(3_000);
    const counts = tally(samples);
    expect(Object.values(counts).reduce((sum, count) => sum + count)).toBe(3_000);
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(3);
  });

  for (const sample of generate({ seed: 4, count: KINDS })) {
    const { code, content, expected, key, kind } = sample;
    if (!(content instanceof Uint8Array)) continue;
    it(`is judged as it says: ${kind}`, () => {
      expect(verdict(key, content)).toBe(expected === "rejected" ? code : undefined);
    });
  }
});
