import { describe, expect, it } from "vitest";
import * as AccountText from "../../src/cli/AccountText.ts";
import * as Invocation from "../../src/cli/Invocation.ts";
import * as Paint from "../../src/cli/Paint.ts";
import { empty } from "../../src/engine/Ledger.ts";
import type { Incident, RunReport } from "../../src/engine/Report.ts";

const advise = Invocation.advise({ environment: "prod", project: undefined, state: undefined, sets: [] });

const report = (changes: Partial<RunReport>): RunReport => ({
  runId: "R",
  pipeline: "p",
  environment: "prod",
  planHash: "h",
  mode: "run",
  keep: false,
  status: "succeeded",
  startedAt: "",
  finishedAt: "",
  durationMillis: 1000,
  rate: 1,
  ledger: empty,
  imbalances: [],
  shortfalls: [],
  incidents: [],
  stop: undefined,
  resumed: 0,
  tuning: { batchItems: 500, writers: 2 },
  locks: undefined,
  pauses: [],
  ...changes,
});

const text = (changes: Partial<RunReport>, exitCode: number) =>
  AccountText.lines(report(changes), advise, exitCode, Paint.plain).join("\n");

const incident = (code: string, count: number): Incident => ({
  outcome: "rejected",
  code,
  count,
  samples: Array.from({ length: Math.min(count, 20) }, (_, index) => ({ key: `k${index}`, reason: "broken" })),
});

describe("the closing account", () => {
  it("a ledger that does not close is shown as our bug, whatever else went well", () => {
    expect(text({ imbalances: ["listed 2 ≠ 1"], status: "failed" }, 1)).toContain("a bug of this tool: listed 2 ≠ 1");
  });

  it("every command it names repeats the environment", () => {
    const lines = text({ ledger: { ...empty, listed: 3, rejected: 2, failed: 1 }, status: "failed" }, 1).split("\n");
    const commands = lines.filter((line) => line.includes("pipeline "));
    expect(commands).toHaveLength(3);
    expect(commands.filter((line) => !line.includes("--env prod"))).toEqual([]);
  });

  it("nothing is left to do after a clean run, and after --keep the delete is", () => {
    const clean = { ...empty, listed: 1, committed: 1 };
    expect(text({ ledger: { ...clean, deleted: 1 } }, 0)).not.toContain("Next");
    expect(text({ ledger: { ...clean, kept: 1 }, keep: true }, 0)).toContain("deletes the files that were kept");
  });

  it("says how long locks were held against their target, and what the run waited for", () => {
    const locks = {
      kind: "redis",
      holds: 20,
      heldMillis: { mean: 120, p95: 190, max: 350 },
      holdTargetMillis: 200,
      overTarget: 1,
      contended: 12,
      deferred: { times: 12, meanMillis: 1200 },
    };
    const lines = text({ locks, pauses: [{ reason: "replica-lag", times: 2, millis: 130_000 }] }, 0);
    expect(lines).toContain("locks held for 120ms, 95 of 100 for 190ms at most, the longest for 350ms (target 200ms)");
    expect(lines).toContain("12 keys found held by others, tried again after 1.2s");
    expect(lines).toContain("waited for replica lag 2m10s");
  });

  it("says why it stopped early, and goes on from there", () => {
    const stop = { kind: "environment", code: "sql/environment", reason: "disk is full" } as const;
    const told = text({ ledger: { ...empty, listed: 1, failed: 1 }, status: "failed", stop }, 3);
    expect(told).toContain("Stopped early (sql/environment): disk is full");
    expect(told).toContain("once the cause is mended");
    expect(told).toContain("✘ p stopped after 1 item: 0 in the target, 0 deleted at the source, 1 failed  (exit 3)");
  });

  it("who kept the source is not told to go on with a command that deletes it", () => {
    const stop = { kind: "signal", code: "signal/sigint", reason: "SIGINT was received" } as const;
    const told = text({
      ledger: { ...empty, listed: 1, committed: 1, kept: 1 },
      status: "interrupted",
      keep: true,
      stop,
    }, 130);
    expect(told).toContain("pipeline run p --keep --env prod  goes on with what is left");
    expect(told.match(/pipeline run/g)).toHaveLength(1);
  });

  it("an empty source is told from one where all was accepted: a wrong folder is empty too", () => {
    expect(text({}, 0)).toContain("✔ p succeeded: nothing to do, the source holds no items");
    expect(text({ ledger: { ...empty, listed: 2, skipped: 2 } }, 0)).toContain("nothing to do, all 2 skipped");
  });

  it("keeps to a screen or two however many ways there are to fail", () => {
    const many = Array.from({ length: 40 }, (_, index) => incident(`a/b${index}`, 1_000));
    const ledger = { ...empty, listed: 40_000, rejected: 40_000 };
    expect(text({ incidents: many, ledger, status: "failed" }, 1).split("\n").length).toBeLessThan(100);
    const few = text({ incidents: [incident("a/b", 1_000)], ledger, status: "failed" }, 1);
    expect(few).toContain("… and 997 more: pipeline quarantine list --code a/b --env prod");
  });
});
