import { describe, expect, it } from "vitest";
import * as ExitCode from "../../src/cli/ExitCode.ts";
import { FileError, FindingsError, UsageError } from "../../src/cli/Failure.ts";
import type { Failure } from "../../src/cli/Failure.ts";
import { ConnectionError, LockError, SqlError, StateError, StorageError } from "../../src/core/Errors.ts";
import type { Stop } from "../../src/engine/Report.ts";

const stop = (kind: Stop["kind"], code: string): Stop => ({ kind, code, reason: "" });
const counts = {
  "would-commit": 1,
  "would-already": 0,
  "would-conflict": 0,
  "would-reject": 0,
  "would-skip": 0,
  "would-fail": 0,
  "would-delete": 1,
};
const none = { rejected: 0, conflict: 0 };
const place = { connection: "c", detail: "d" };

describe("exit codes of runs", () => {
  it.each(
    [
      ["a clean run", { status: "succeeded", stop: undefined }, 0],
      ["an unclean ledger", { status: "failed", stop: undefined }, 1],
      ["cut short by --max-runtime", { status: "failed", stop: stop("limit", "run/max-runtime") }, 1],
      ["a full disk on the way", { status: "failed", stop: stop("environment", "sql/environment") }, 3],
      ["a bug of ours on the way, which is nobody's environment", {
        status: "failed",
        stop: stop("environment", "run/defect"),
      }, 1],
      ["SIGINT", { status: "interrupted", stop: stop("signal", "signal/sigint") }, 130],
      ["SIGTERM", { status: "interrupted", stop: stop("signal", "signal/sigterm") }, 143],
    ] as const,
  )("%s", (_, report, code) => {
    expect(ExitCode.of({ _tag: "Ran", report })).toBe(code);
  });
});

describe("exit codes of dry runs say what a run would come to", () => {
  it.each([
    ["nothing would stay behind", {}, none, 0],
    ["a reject that nobody tolerates", { "would-reject": 1 }, none, 1],
    ["a reject that is tolerated", { "would-reject": 1 }, { rejected: 1, conflict: 0 }, 0],
    ["a conflict that nobody tolerates", { "would-conflict": 1 }, { rejected: 1, conflict: 0 }, 1],
    ["an unreadable file, which nothing tolerates", { "would-fail": 1 }, { rejected: 9, conflict: 9 }, 1],
  ])("%s", (_, changed, tolerate, code) => {
    const forecast = { counts: { ...counts, ...changed }, stop: undefined };
    expect(ExitCode.of({ _tag: "Foresaw", forecast, tolerate })).toBe(code);
  });

  it("one that could not read to the end is no forecast", () => {
    const forecast = { counts, stop: stop("environment", "storage/missing") };
    expect(ExitCode.of({ _tag: "Foresaw", forecast, tolerate: none })).toBe(3);
  });
});

describe("exit codes of what never began", () => {
  const failures: ReadonlyArray<readonly [Failure, number]> = [
    [new UsageError({ reason: "flag", detail: "d" }), 2],
    [new FindingsError({ findings: [] }), 2],
    [new ConnectionError({ ...place, reason: "Config" }), 2],
    [new ConnectionError({ ...place, reason: "Unsupported" }), 2],
    [new ConnectionError({ ...place, reason: "Unreachable" }), 3],
    [new FileError({ reason: "read", path: "p", detail: "d" }), 3],
    [new StorageError({ ...place, reason: "Missing" }), 3],
    [new SqlError({ ...place, reason: "Environment", code: "SQLITE_FULL" }), 3],
    [new LockError({ ...place, reason: "Unavailable" }), 3],
    [new StateError({ ...place, reason: "Broken" }), 3],
  ];
  it.each(
    failures.map(([failure, code]) =>
      [failure._tag, "reason" in failure ? failure.reason : "", failure, code] as const
    ),
  )(
    "%s %s",
    (_tag, _reason, failure, code) => {
      expect(ExitCode.of({ _tag: "Failed", failure })).toBe(code);
    },
  );
});
