import { FastCheck } from "effect";
import { describe, expect, it } from "vitest";
import { Watermarks } from "../../src/engine/Watermarks.ts";

describe("a resumed run skips nothing that was not settled for good", () => {
  it("the mark waits for the slowest chunk before it", () => {
    const marks = new Watermarks();
    const first = marks.open("p", "b", 1);
    const second = marks.open("p", "d", 1);
    second.settle(true);
    expect(marks.snapshot().size).toBe(0);
    first.settle(true);
    expect(marks.snapshot().get("p")).toBe("d");
  });

  it("an item that must be seen again stops the mark before its chunk, for the rest of the run", () => {
    const marks = new Watermarks();
    marks.open("p", "b", 1).settle(true);
    marks.open("p", "d", 2).settle(false);
    marks.open("p", "f", 1).settle(true);
    expect(marks.snapshot().get("p")).toBe("b");
  });

  it("an empty chunk does not hold the mark back", () => {
    const marks = new Watermarks();
    marks.open("p", "b", 0);
    marks.open("p", "d", 1).settle(true);
    expect(marks.snapshot().get("p")).toBe("d");
  });

  it("agrees with a plain recount for any order of settling", () => {
    FastCheck.assert(
      FastCheck.property(
        FastCheck.array(FastCheck.array(FastCheck.integer({ min: 0, max: 9 }), { maxLength: 4 }), { maxLength: 12 }),
        FastCheck.integer({ min: 0, max: 1 << 30 }),
        (chunks, seed) => {
          const marks = new Watermarks();
          const jobs = chunks.flatMap((items, chunk) => {
            const ticket = marks.open("p", String(chunk).padStart(3, "0"), items.length);
            return items.map((draw) => ({ chunk, passed: draw !== 0, ticket }));
          });
          const order = jobs.map((job, index) => ({ job, rank: (seed ^ (index * 2_654_435_761)) >>> 0 }))
            .sort((a, b) => a.rank - b.rank);
          const ended = new Map<(typeof jobs)[number], boolean>();
          for (const { job } of order) {
            job.ticket.settle(job.passed);
            ended.set(job, job.passed);
            const clean = chunks.findIndex((_, chunk) =>
              jobs.some((other) => other.chunk === chunk && ended.get(other) !== true)
            );
            const upTo = clean === -1 ? chunks.length : clean;
            expect(marks.snapshot().get("p")).toBe(upTo === 0 ? undefined : String(upTo - 1).padStart(3, "0"));
          }
        },
      ),
      { seed: 20261121, numRuns: 300 },
    );
  });
});
