import type { Pause } from "../engine/Gate.ts";
import * as Ledger from "../engine/Ledger.ts";
import type { Incident, RunReport } from "../engine/Report.ts";
import { quote } from "./Invocation.ts";
import type { Advise } from "./Invocation.ts";
import * as Layout from "./Layout.ts";
import type { Paint } from "./Paint.ts";

/** Samples shown per code while codes are few; the report and the quarantine hold more. */
const samplesShown = 3;
/** Codes that are few: beyond, one sample each keeps the account on a screen or two. */
const fewCodes = 5;

/** `480 committed + 20 already`: what is zero adds nothing to an equation. */
const sum = (ledger: Ledger.Ledger, names: ReadonlyArray<Exclude<keyof Ledger.Ledger, "listed">>): string => {
  const terms = names.filter((name) => ledger[name] > 0).map((name) => `${Layout.count(ledger[name])} ${name}`);
  return terms.length === 0 ? "0" : terms.join(" + ");
};

const equations = (ledger: Ledger.Ledger): ReadonlyArray<string> =>
  Layout.columns([
    ["listed", Layout.count(ledger.listed), `= ${sum(ledger, Ledger.admissions)}`],
    ["in the target", Layout.count(ledger.committed + ledger.already), `= ${sum(ledger, Ledger.disposals)}`],
  ], "  ");

const isQuarantined = (outcome: string): boolean => outcome === "rejected" || outcome === "conflict";

/** Where the reason says what is wrong, but not what to do: a row and an object that say different things are both left as they are. */
const remedies: Readonly<Record<string, string>> = {
  conflict:
    "find out which of the two is right: remove the object if the row is, the row if the object is, then run again",
};

const one = (
  incident: Incident<string>,
  isFew: boolean,
  advise: Advise | undefined,
  paint: Paint,
): ReadonlyArray<string> => {
  const { code, count, outcome, samples } = incident;
  // In the order of keys: batches end in any order.
  const shown = [...samples].sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, isFew ? samplesShown : 1);
  const isAlike = samples.every(({ reason }) => reason === samples[0]?.reason);
  const rest = count - shown.length;
  const command = advise !== undefined && isQuarantined(outcome)
    ? `: ${advise(`quarantine list --code ${quote(code)}`)}`
    : "";
  const remedy = remedies[outcome];
  return [
    `  ${paint.yellow(`${Layout.count(count)} ${outcome}`)}  ${code}${isAlike ? `  ${samples[0]?.reason ?? ""}` : ""}`,
    ...shown.map(({ key, reason }) => `    ${key}${isAlike ? "" : `  ${paint.dim(reason)}`}`),
    ...(remedy === undefined ? [] : [paint.dim(`    → ${remedy}`)]),
    ...(rest > 0 && isFew ? [paint.dim(`    … and ${Layout.count(rest)} more${command}`)] : []),
  ];
};

/** Every code with its number and first samples; the rest is a command away. */
export const incidents = (
  list: ReadonlyArray<Incident<string>>,
  advise: Advise | undefined,
  paint: Paint,
): ReadonlyArray<string> => list.flatMap((incident) => one(incident, list.length <= fewCodes, advise, paint));

/** How long batches held their locks, and what they had to wait for; nothing where nothing was locked. */
const locking = ({ locks }: RunReport): ReadonlyArray<string> => {
  if (locks === undefined || locks.holds === 0) return [];
  const { contended, deferred, heldMillis, holdTargetMillis } = locks;
  const waits = contended === 0
    ? ""
    : `; ${Layout.plural(contended, "key")} found held by others, tried again after ${
      Layout.duration(deferred.meanMillis)
    }`;
  return [
    `  locks held for ${Layout.duration(heldMillis.mean)}, 95 of 100 for ${
      Layout.duration(heldMillis.p95)
    } at most, the longest for ${Layout.duration(heldMillis.max)} (target ${
      Layout.duration(holdTargetMillis)
    })${waits}`,
  ];
};

const reasons: Record<Pause["reason"], string> = {
  "replica-lag": "replica lag",
  "load": "load",
  "hours": "hours",
  "max-rate": "the rate",
};

const pauses = ({ pauses }: RunReport): ReadonlyArray<string> =>
  pauses.length === 0 ? [] : [
    `  waited for ${pauses.map(({ millis, reason }) => `${reasons[reason]} ${Layout.duration(millis)}`).join(", ")}`,
  ];

/** All is done, or a prefix, suffix, folder or bucket is not the one that was meant: nobody can tell. */
export const nothingFound = (paint: Paint): string =>
  paint.yellow("  warning  nothing was found in the source: all has been migrated, or the items are elsewhere");

/** What to do about what is left, as commands; empty when nothing is. */
const steps = (report: RunReport, advise: Advise): ReadonlyArray<readonly [command: string, why: string]> => {
  const { keep, ledger, pipeline, stop } = report;
  // Who kept the source is never handed a command that deletes it as the way to go on.
  const onwards = advise(`run ${quote(pipeline)}${keep ? " --keep" : ""}`);
  const again = ledger.failed + ledger.contended + ledger.changed + ledger.undeleted > 0 || stop !== undefined;
  return [
    ...(ledger.rejected + ledger.conflict > 0
      ? [
        [advise("quarantine list"), "all that was left behind, and why; mend or remove those files"],
        [
          advise("quarantine accept --code CODE --note WHY"),
          "or leave them where they are, for good (--all: all of them)",
        ],
      ] as const
      : []),
    ...(again
      ? [[
        onwards,
        stop === undefined
          ? "tries again what is left"
          : stop.kind === "environment"
          ? "goes on with what is left, once the cause is mended"
          : "goes on with what is left",
      ]] as const
      : ledger.listed === 0
      ? [[advise(`doctor ${quote(pipeline)}`), "says what is there, if there should have been items"]] as const
      : keep && ledger.kept > 0
      ? [[advise(`run ${quote(pipeline)}`), "deletes the files that were kept"]] as const
      : []),
  ];
};

/** How a run ended, in the word that every verb uses for it. */
export const word = ({ status, stop }: Pick<RunReport, "status" | "stop">): string =>
  status === "succeeded"
    ? "succeeded"
    : status === "interrupted"
    ? "interrupted"
    : stop === undefined
    ? "not clean"
    : "stopped";

/** `7 rejected, 2 failed`: what keeps a run from being clean. */
const lacking = (ledger: Ledger.Ledger): string =>
  (["rejected", "conflict", "contended", "failed", "changed", "undeleted"] as const)
    .filter((name) => ledger[name] > 0)
    .map((name) => `, ${Layout.count(ledger[name])} ${name}`).join("");

/** The one line that says how it went. */
export const verdict = (report: RunReport): string => {
  const { keep, ledger, pipeline, status, stop } = report;
  const skipped = ledger.skipped === 0 ? "" : `, ${Layout.count(ledger.skipped)} skipped`;
  const wanted = ledger.listed - ledger.skipped;
  if (status === "succeeded" && wanted === 0) {
    return `${pipeline} succeeded: nothing to do, ${
      ledger.listed === 0 ? "the source holds no items" : `all ${Layout.count(ledger.skipped)} skipped`
    }`;
  }
  const durable = Layout.count(ledger.committed + ledger.already);
  const items = Layout.plural(wanted, "item");
  // What a run that ended early has listed is not what there is.
  return `${pipeline} ${word(report)}${
    stop === undefined ? `: ${durable} of ${items}` : ` after ${items}: ${durable}`
  } in the target, ${keep ? "source kept" : `${Layout.count(ledger.deleted)} deleted at the source`}${skipped}${
    lacking(ledger)
  }`;
};

/** The closing account: equations, what stayed behind, what to do next, and the verdict last. */
export const lines = (report: RunReport, advise: Advise, exitCode: number, paint: Paint): ReadonlyArray<string> => {
  const { imbalances, ledger, resumed, stop } = report;
  const next = steps(report, advise);
  const colour = exitCode === 0 ? paint.green : paint.red;
  return [
    "",
    `${paint.bold(report.pipeline)}  ${report.mode} ${report.runId}  ${Layout.duration(report.durationMillis)}  ${
      Layout.rate(report.rate)
    }${resumed > 0 ? `  resumed ${Layout.plural(resumed, "partition")}` : ""}`,
    ...equations(ledger),
    ...locking(report),
    ...pauses(report),
    ...imbalances.map((sentence) => paint.red(`  the ledger does not close, which is a bug of this tool: ${sentence}`)),
    ...(ledger.listed === 0 && stop === undefined
      ? [nothingFound(paint)]
      : []),
    ...(report.incidents.length === 0
      ? []
      : ["", "Not migrated, or not deleted", ...incidents(report.incidents, advise, paint)]),
    ...(stop === undefined ? [] : ["", paint.red(`Stopped early (${stop.code}): ${stop.reason}`)]),
    ...(next.length === 0
      ? []
      : ["", "Next", ...Layout.columns(next.map(([command, why]) => [command, paint.dim(why)]), "  ")]),
    "",
    `${colour(`${exitCode === 0 ? "✔" : "✘"} ${verdict(report)}`)}${
      exitCode === 0 ? "" : paint.dim(`  (exit ${exitCode})`)
    }`,
  ];
};
