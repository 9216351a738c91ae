import { Duration, FastCheck } from "effect";
import { describe, expect, it } from "vitest";
import { Holds } from "../../src/engine/Holds.ts";

const none = { times: 0, millis: 0 };

describe("how long locks are held", () => {
  it("p95 is no less than 95 of 100 holds, and at most a fifth above what it should be", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.double({ min: 1, max: 10_000_000, noNaN: true }), { minLength: 1, maxLength: 400 }),
        (millis) => {
          const holds = new Holds(Duration.millis(200));
          for (const one of millis) holds.held(one);
          const { heldMillis: { max, mean, p95 }, overTarget } = holds.report("redis", none);
          const sorted = [...millis].sort((a, b) => a - b);
          const exact = sorted[Math.ceil(sorted.length * 0.95) - 1]!;
          expect(p95).toBeGreaterThanOrEqual(Math.min(exact, 2 ** (87 / 4)) - 0.1);
          expect(p95).toBeLessThanOrEqual(exact * 2 ** 0.25 + 0.1);
          expect(max).toBeCloseTo(sorted.at(-1)!, 0);
          expect(mean).toBeLessThanOrEqual(max + 0.1);
          expect(overTarget).toBe(millis.filter((one) => one > 200).length);
        },
      ),
    );
  });

  it("nothing held is nothing told, and no division by it", () => {
    expect(new Holds(undefined).report("local", none)).toMatchObject({
      holds: 0,
      heldMillis: { mean: 0, p95: 0, max: 0 },
      deferred: { times: 0, meanMillis: 0 },
    });
    const instant = new Holds(Duration.millis(200));
    instant.held(0);
    expect(instant.report("local", none).heldMillis).toEqual({ mean: 0, p95: 0, max: 0 });
  });
});
