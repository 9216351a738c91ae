import Database from "better-sqlite3";
import { describe, expect, it } from "vitest";
import * as Cache from "./Cache.ts";
import { pipeline, start } from "./Pipeline.ts";

const run = ["run", "narinfo-to-db"];

/** Small batches, one at a time: then there is always something left to be stopped. */
const slowly = ["sink.batch.items.max=5", "sink.batch.items.start=5", "sink.concurrency.max=1"].flatMap((
  set,
) => ["--set", set]);

const lastRun = async (cache: Cache.Cache) =>
  JSON.parse((await pipeline(cache, ["status", "--json"])).stdout).result.pipelines[0].lastRun;

describe("signals", () => {
  it.each(
    [
      { signal: "SIGINT", code: 130 },
      { signal: "SIGTERM", code: 143 },
    ] as const,
  )(
    "$signal ends a run with $code after its batches and its report; running again finishes",
    async ({ code, signal }) => {
      const cache = Cache.make({ narinfos: 3_000 });
      const running = start(cache, [...run, ...slowly, "--json"]);
      await running.says("running narinfo-to-db");
      while (cache.rows("narinfos") < 20) await new Promise((resolve) => setTimeout(resolve, 5));
      running.child.kill(signal);
      const ended = await running.ended;
      expect(ended).toMatchObject({ code, signal: null });
      expect(ended.stderr).toContain("stopping after the batches in flight; again to end at once");
      const { error, result } = JSON.parse(ended.stdout);
      expect(error.code).toBe(`signal/${signal.toLowerCase()}`);
      expect(result).toMatchObject({ status: "interrupted", imbalances: [] });
      expect(result.ledger.deleted).toBe(cache.rows("narinfos"));
      expect(result.ledger.deleted + cache.files().length).toBe(3_000);
      expect(await lastRun(cache)).toMatchObject({ status: "interrupted" });
      expect(await pipeline(cache, run)).toMatchObject({ code: 0 });
      expect(cache.rows("narinfos")).toBe(3_000);
    },
  );

  it("a second signal ends at once, and what it leaves is finished by the next run", async () => {
    const cache = Cache.make({ narinfos: 1_000 });
    const running = start(cache, [...run, ...slowly]);
    await running.says("running narinfo-to-db");
    running.child.kill("SIGINT");
    running.child.kill("SIGTERM");
    const { signal } = await running.ended;
    expect(["SIGINT", "SIGTERM"]).toContain(signal);
    expect(await pipeline(cache, run)).toMatchObject({ code: 0 });
    expect(cache.rows("narinfos")).toBe(1_000);
    expect(cache.files()).toEqual([]);
  });

  it("a second signal does not wait for a database that another process has locked", async () => {
    const cache = Cache.make({ narinfos: 10 });
    const running = start(cache, [...run, "--set", "sink.lock=null", "--set", "sink.statementTimeout=20s"]);
    await running.says("running narinfo-to-db");
    const other = new Database(cache.database);
    other.exec("BEGIN IMMEDIATE");
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    running.child.kill("SIGINT");
    await running.says("again to end at once");
    const asked = performance.now();
    running.child.kill("SIGINT");
    expect(await running.ended).toMatchObject({ code: null, signal: "SIGINT" });
    expect(performance.now() - asked).toBeLessThan(5_000);
    other.close();
  });

  it("a drill kills the process where it is told to, and the next run finishes", async () => {
    const cache = Cache.make({ narinfos: 50 });
    for (const point of ["after-commit:1", "before-delete:1", "before-report:1"]) {
      const killed = await pipeline(cache, [...run, ...slowly], { env: { NCPS_PIPELINE_FAULT: point } });
      expect([point, killed.signal]).toEqual([point, "SIGKILL"]);
      expect(await lastRun(cache)).toMatchObject({ status: "abandoned" });
    }
    expect(await pipeline(cache, run)).toMatchObject({ code: 0 });
    expect(cache.rows("narinfos")).toBe(50);
    expect(cache.files()).toEqual([]);
  });
});
