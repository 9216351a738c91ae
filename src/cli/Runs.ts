/** Runs as the state remembers them. */
import type { RunRecord } from "../core/State.ts";
import * as Ledger from "../engine/Ledger.ts";
import type { Progress, RunReport } from "../engine/Report.ts";
import * as AccountText from "./AccountText.ts";
import * as Layout from "./Layout.ts";
import type { Paint } from "./Paint.ts";

/** Whatever a run has recorded of itself so far; our own JSON, hence trusted. */
const recorded = ({ report }: RunRecord): Progress | RunReport | undefined =>
  typeof report === "object" && report !== null && "ledger" in report ? report as Progress | RunReport : undefined;

/** The closing account of a run that has one. */
export const reportOf = (record: RunRecord): RunReport | undefined => {
  const report = recorded(record);
  return report !== undefined && "runId" in report ? report : undefined;
};

/** Its last progress, where it has no closing account. */
export const progressOf = (record: RunRecord): Progress | undefined => {
  const report = recorded(record);
  return report !== undefined && !("runId" in report) ? report : undefined;
};

/** It deletes nothing; one that was killed before it had recorded anything is known by the post-steps that it began with. */
export const isKeeping = (record: RunRecord): boolean => recorded(record)?.keep ?? record.postSteps === "[]";

/** `4,987 listed, 4,900 in the target, 4,900 deleted, 87 left behind`. */
export const figures = (record: RunRecord): string => {
  const ledger = recorded(record)?.ledger;
  if (ledger === undefined) return "";
  const durable = ledger.committed + ledger.already;
  const left = Ledger.processed(ledger) - durable - ledger.skipped;
  const undeleted = ledger.changed + ledger.undeleted;
  return [
    `${Layout.count(ledger.listed)} listed`,
    `${Layout.count(durable)} in the target`,
    ...(ledger.deleted > 0 ? [`${Layout.count(ledger.deleted)} deleted`] : []),
    ...(undeleted > 0 ? [`${Layout.count(undeleted)} not deleted`] : []),
    ...(ledger.kept > 0 ? [`${Layout.count(ledger.kept)} kept`] : []),
    ...(ledger.skipped > 0 ? [`${Layout.count(ledger.skipped)} skipped`] : []),
    ...(left > 0 ? [`${Layout.count(left)} left behind`] : []),
  ].join(", ");
};

/** As the run itself has said it. */
export const status = (record: RunRecord, paint: Paint): string => {
  const report = reportOf(record);
  const word = report === undefined || record.status === "abandoned" ? record.status : AccountText.word(report);
  return (record.status === "succeeded" ? paint.green : record.status === "running" ? paint.cyan : paint.red)(word);
};

/** As `--json` shows it. */
export const json = (record: RunRecord) => ({
  id: record.id,
  environment: record.environment,
  pipeline: record.pipeline,
  kind: record.kind,
  status: record.status,
  startedAt: Layout.iso(record.startedAt),
  finishedAt: record.finishedAt === undefined ? null : Layout.iso(record.finishedAt),
  host: record.host,
  pid: record.pid,
  planHash: record.planHash,
  report: record.report ?? null,
});
