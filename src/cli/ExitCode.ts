import type { Tolerance } from "../engine/Ledger.ts";
import type { Forecast, RunReport, Verification } from "../engine/Report.ts";
import type { Failure } from "./Failure.ts";

/** How a command ended: all that its exit code depends on. */
export type Outcome =
  /** It answered what was asked. */
  | { readonly _tag: "Answered" }
  /** It refuses: findings, usage, another plan than approved. */
  | { readonly _tag: "Refused" }
  | { readonly _tag: "Ran"; readonly report: Pick<RunReport, "status" | "stop"> }
  | { readonly _tag: "Foresaw"; readonly forecast: Pick<Forecast, "counts" | "stop">; readonly tolerate: Tolerance }
  | {
    readonly _tag: "Verified";
    readonly verification: Pick<Verification, "counts" | "stop">;
    readonly tolerate: Tolerance;
  }
  /** Looked at without running: whose the worst fault is, if there is one. */
  | { readonly _tag: "Diagnosed"; readonly fault: "configuration" | "environment" | undefined }
  | { readonly _tag: "Failed"; readonly failure: Failure }
  /** Ended by a signal before a run began. */
  | { readonly _tag: "Signalled"; readonly signal: string }
  /** A bug of ours. */
  | { readonly _tag: "Died" };

const success = 0;
const unclean = 1;
const configuration = 2;
export const environment = 3;

/** 128 + the signal's number, as shells have it. */
export const ofSignal = (signal: string): number => /sigterm/i.test(signal) ? 143 : 130;

/** Whether a dry run says that the run would be clean: nothing unreadable, and no more left behind than the spec tolerates. */
export const isClean = (forecast: Pick<Forecast, "counts">, tolerate: Tolerance): boolean =>
  forecast.counts["would-fail"] === 0
  && forecast.counts["would-reject"] <= tolerate.rejected
  && forecast.counts["would-conflict"] <= tolerate.conflict;

/**
 * Whether all of the source is in the target: nothing is missing or could not be read, and no more differs or is rejected than the spec
 * tolerates. Objects that only wait to be deleted, and rows whose object is gone, lose nothing.
 */
export const isWhole = ({ counts }: Pick<Verification, "counts">, tolerate: Tolerance): boolean =>
  counts.missing === 0
  && counts.failed === 0
  && counts.rejected <= tolerate.rejected
  && counts.differing <= tolerate.conflict;

/** 0 ok · 1 failed or not clean · 2 configuration · 3 environment · 130/143 signal. */
export const of = (outcome: Outcome): number => {
  switch (outcome._tag) {
    case "Answered":
      return success;
    case "Refused":
      return configuration;
    case "Ran":
      return ofStop(outcome.report.stop) ?? (outcome.report.status === "succeeded" ? success : unclean);
    case "Foresaw":
      return ofStop(outcome.forecast.stop) ?? (isClean(outcome.forecast, outcome.tolerate) ? success : unclean);
    case "Verified":
      return ofStop(outcome.verification.stop)
        ?? (outcome.verification.stop === undefined && isWhole(outcome.verification, outcome.tolerate)
          ? success
          : unclean);
    case "Diagnosed":
      return outcome.fault === undefined ? success : outcome.fault === "configuration" ? configuration : environment;
    case "Failed":
      return ofFailure(outcome.failure);
    case "Signalled":
      return ofSignal(outcome.signal);
    case "Died":
      return unclean;
  }
};

const ofStop = (stop: RunReport["stop"]): number | undefined => {
  switch (stop?.kind) {
    case undefined:
    case "limit":
      return undefined;
    case "signal":
      return ofSignal(stop.code);
    case "environment":
      // A defect is nobody's surroundings.
      return stop.code === "run/defect" ? unclean : environment;
  }
};

const ofFailure = (failure: Failure): number => {
  switch (failure._tag) {
    case "UsageError":
    case "FindingsError":
      return configuration;
    case "ConnectionError":
      return failure.reason === "Unreachable" ? environment : configuration;
    case "FileError":
    case "StorageError":
    case "SqlError":
    case "LockError":
    case "StateError":
      return environment;
  }
};
