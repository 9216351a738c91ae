import { Duration } from "effect";
import { describe, expect, it } from "vitest";
import type { Admitted } from "../../src/engine/Admission.ts";
import { Deferrals } from "../../src/engine/Deferrals.ts";
import { Ticket } from "../../src/engine/Watermarks.ts";

const admitted = (key: string, bytes = 1): Admitted => ({
  item: { key, position: key, origin: { version: "", sha256: "" }, value: undefined, weight: 1, bytes },
  identity: key,
  lockKey: undefined,
  ticket: new Ticket("", 1, () => {}),
  listed: true,
  deferrals: 0,
  deferredSince: 0,
});

const retry = {
  attempts: 5,
  backoff: Duration.millis(100),
  maxBackoff: Duration.seconds(1),
  deadline: Duration.seconds(3),
};

describe("items that wait for another try", () => {
  it("come back when they are due, and give up when their time is spent", () => {
    const deferrals = new Deferrals(retry, { items: 10, bytes: 100 });
    const item = admitted("a");
    let now = 0;
    while (deferrals.push(item, now, 1)) {
      expect(deferrals.due(now)).toEqual([]);
      now = deferrals.nextDue;
      expect(deferrals.due(now)).toEqual([item]);
    }
    expect(now).toBeGreaterThan(1_000);
    expect(now).toBeLessThanOrEqual(3_000);
    expect(deferrals.size).toBe(0);
    expect(deferrals.nextDue).toBe(Number.POSITIVE_INFINITY);
  });

  for (const [what, bytes, count] of [["many", 1, 10], ["large", 25, 4]] as const) {
    it(`Invariant 4: ${what} items fill it, and what is taken out makes room`, () => {
      const deferrals = new Deferrals(retry, { items: 10, bytes: 100 });
      for (let i = 0; i < count; i++) {
        expect(deferrals.full).toBe(false);
        deferrals.push(admitted(String(i), bytes), i, 1);
      }
      expect(deferrals.full).toBe(true);
      expect(deferrals.due(100)).toHaveLength(1);
      expect(deferrals.full).toBe(false);
      expect(deferrals.drain()).toHaveLength(count - 1);
      expect(deferrals.size).toBe(0);
    });
  }
});
