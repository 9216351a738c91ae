/**
 * Invariant 3: a process killed at any instant loses and doubles nothing. One cache is migrated by a row of processes, each of which is
 * killed with SIGKILL: at every boundary of a batch in turn, then at random instants; a last one is left alone.
 */
import { describe, expect, it } from "vitest";
import type { FaultPoint } from "../../src/core/Faults.ts";
import * as Cache from "./Cache.ts";
import * as Random from "./Random.ts";
import { accountOf, boundaries, locks, run, small } from "./Runner.ts";

const points: ReadonlyArray<FaultPoint> = [...boundaries, "before-report", "after-report"];
/** Reached by long runs only: the first heartbeat comes after five seconds. */
const pulsePoints: ReadonlyArray<FaultPoint> = ["before-checkpoint", "after-checkpoint"];

/** Of one process after the other, over one cache. */
const wantedDeaths = 210;

describe("Invariant 3: killed over and over", () => {
  it("at every boundary and at random instants, with and without locks, nothing is lost or doubled", async () => {
    const total = 8000;
    const cache = Cache.make(total);
    const random = Random.from(Random.seed);
    try {
      let deaths = 0;
      for (const lock of [...locks, ...locks, ...locks, ...locks]) {
        for (const point of points) {
          // A report comes at the end of a run only, which would use the cache up: a random instant instead.
          const death = point.endsWith("report")
            ? { afterMillis: 250 + random(400) }
            : { fault: `${point}:${1 + random(5)}` };
          const { output, signal } = await run(cache, [...small, lock], death);
          if ("fault" in death) expect(signal, `${death.fault}: ${output}`).toBe("SIGKILL");
          if (signal === "SIGKILL") deaths++;
          expect(cache.damage(), `seed ${Random.seed}, ${lock}, ${JSON.stringify(death)}`).toEqual([]);
        }
      }
      for (let attempt = 0; deaths < wantedDeaths && attempt < 2 * wantedDeaths; attempt++) {
        const afterMillis = 150 + random(400);
        const { signal } = await run(cache, [...small, locks[attempt % 2]!], { afterMillis });
        if (signal === "SIGKILL") deaths++;
        if (attempt % 8 === 0) {
          expect(cache.damage(), `seed ${Random.seed}, killed after ${afterMillis} ms`).toEqual([]);
        }
      }
      expect(deaths).toBeGreaterThanOrEqual(wantedDeaths);
      const left = cache.remaining();
      expect(left, "the cache was used up too early for the last deaths to mean anything").toBeGreaterThan(0);
      const end = await run(cache, small, undefined);
      expect(end.code, end.output).toBe(0);
      const { imbalances, ledger } = accountOf(end);
      expect(imbalances).toEqual([]);
      expect(ledger["listed"]).toBe(left);
      expect(cache.damage()).toEqual([]);
      expect(cache.remaining()).toBe(0);
      expect(cache.rows()).toMatchObject({
        narinfos: total,
        narinfo_signatures: total,
        nar_files: total,
        narinfo_nar_files: total,
      });
    } finally {
      cache.remove();
    }
  }, 600_000);
});

describe("Invariant 3: killed at the end of a run", () => {
  it.each(["before-report", "after-report"] as const)("%s: the next run finds nothing to do", async (point) => {
    const cache = Cache.make(60);
    try {
      const killed = await run(cache, small, { fault: `${point}:1` });
      expect(killed.signal, killed.output).toBe("SIGKILL");
      expect(cache.damage()).toEqual([]);
      const next = await run(cache, small, undefined);
      expect(next.code, next.output).toBe(0);
      expect(cache.damage()).toEqual([]);
      expect(cache.rows()["narinfos"]).toBe(60);
    } finally {
      cache.remove();
    }
  }, 60_000);

  it.each(pulsePoints)("%s: a resumed run skips nothing that is not settled", async (point) => {
    const total = 30_000;
    const cache = Cache.make(total);
    // One item per transaction keeps the run going until its first heartbeat.
    const slow = ["sink.batch.items.start=1", "sink.batch.items.max=1", "sink.concurrency.max=1"];
    try {
      const killed = await run(cache, slow, { fault: `${point}:1` });
      expect(killed.signal, killed.output).toBe("SIGKILL");
      const end = await run(cache, [], undefined);
      expect(end.code, end.output).toBe(0);
      expect(cache.damage()).toEqual([]);
      expect(cache.remaining()).toBe(0);
      expect(cache.rows()["narinfos"]).toBe(total);
    } finally {
      cache.remove();
    }
  }, 120_000);
});

describe("two runners at once", () => {
  it.each(locks)("killed in turn with %s: nothing is lost or doubled", async (lock) => {
    const total = 1500;
    const cache = Cache.make(total);
    const random = Random.from(Random.seed + 1);
    const settings = [...small, lock];
    try {
      for (let round = 0; round < 12; round++) {
        await Promise.all([
          run(cache, settings, { afterMillis: 250 + random(500) }),
          run(cache, settings, { fault: `${points[random(points.length - 2)]!}:${1 + random(5)}` }),
        ]);
        expect(cache.damage(), `seed ${Random.seed}, round ${round}`).toEqual([]);
      }
      const ends = await Promise.all([run(cache, settings, undefined), run(cache, settings, undefined)]);
      for (const { code, output } of ends) expect(code, output).toBe(0);
      expect(cache.damage()).toEqual([]);
      expect(cache.remaining()).toBe(0);
      expect(cache.rows()["narinfos"]).toBe(total);
    } finally {
      cache.remove();
    }
  }, 300_000);
});

it("the drill names a boundary that exists, else it is refused", async () => {
  const cache = Cache.make(1);
  try {
    const { code, output } = await run(cache, [], { fault: "sometimes:1" });
    expect(code, output).toBe(2);
    expect(cache.remaining()).toBe(1);
  } finally {
    cache.remove();
  }
}, 30_000);
