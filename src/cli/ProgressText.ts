import * as Ledger from "../engine/Ledger.ts";
import type { Progress } from "../engine/Report.ts";
import * as Layout from "./Layout.ts";
import type { Paint } from "./Paint.ts";

/** What a progress line says; the words are those of ncps' own migration. */
const figures = ({ batchItems, elapsedMillis, ledger, rate, total }: Progress) => {
  const processed = Ledger.processed(ledger);
  const succeeded = ledger.committed + ledger.already;
  const found = total ?? ledger.listed;
  const left = found - processed;
  return {
    found,
    processed,
    succeeded,
    skipped: ledger.skipped,
    rejected: ledger.rejected,
    conflict: ledger.conflict,
    /** Whatever is neither done nor judged for good: unreadable, or held by others for too long. */
    failed: processed - succeeded - ledger.skipped - ledger.rejected - ledger.conflict,
    elapsed: Layout.duration(elapsedMillis),
    rate,
    batchItems,
    percent: total === undefined || found === 0 ? undefined : Layout.percent(processed, found),
    eta: total === undefined || left === 0 || rate === 0 ? undefined : Layout.duration(left / rate * 1000),
  };
};

/** For logs: `progress found=… processed=… …`. */
export const line = (progress: Progress): string => {
  const { batchItems, conflict, elapsed, eta, failed, found, percent, processed, rate, rejected, skipped, succeeded } =
    figures(progress);
  const { maxRate, paused, writers } = progress;
  return [
    "progress",
    `found=${found}`,
    `processed=${processed}`,
    `succeeded=${succeeded}`,
    `failed=${failed}`,
    ...(rejected === 0 ? [] : [`rejected=${rejected}`]),
    ...(conflict === 0 ? [] : [`conflict=${conflict}`]),
    `skipped=${skipped}`,
    `elapsed=${elapsed}`,
    `rate=${rate.toFixed(1)}`,
    `batch=${batchItems}`,
    `writers=${writers}`,
    ...(maxRate === undefined ? [] : [`max-rate=${maxRate}/s`]),
    ...(percent === undefined ? [] : [`percent=${percent}`]),
    ...(eta === undefined ? [] : [`eta=${eta}`]),
    ...(paused === undefined ? [] : [`paused: ${paused}`]),
  ].join(" ");
};

/** For a terminal, to be overwritten by the next one. */
export const live = (progress: Progress, paint: Paint): string => {
  const { conflict, elapsed, eta, failed, found, percent, processed, rate, rejected, skipped } = figures(progress);
  return [
    ...(percent === undefined ? [] : [paint.bold(percent)]),
    `${Layout.count(processed)} of ${Layout.count(found)}${percent === undefined ? " so far" : ""}`,
    ...(failed === 0 ? [] : [paint.red(`${Layout.count(failed)} failed`)]),
    ...(rejected === 0 ? [] : [paint.yellow(`${Layout.count(rejected)} rejected`)]),
    ...(conflict === 0 ? [] : [paint.yellow(`${Layout.count(conflict)} in conflict`)]),
    ...(skipped === 0 ? [] : [`${Layout.count(skipped)} skipped`]),
    `${Layout.rate(rate)}${progress.maxRate === undefined ? "" : paint.dim(` of ${progress.maxRate}/s at most`)}`,
    paint.dim(eta === undefined ? elapsed : `${elapsed}, ${eta} left`),
    ...(progress.paused === undefined ? [] : [paint.yellow(`paused: ${progress.paused}`)]),
  ].join("  ");
};
