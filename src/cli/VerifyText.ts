import type { Tolerance } from "../engine/Ledger.ts";
import type { Verification } from "../engine/Report.ts";
import type { VerifyProgress } from "../engine/Verify.ts";
import * as AccountText from "./AccountText.ts";
import * as ExitCode from "./ExitCode.ts";
import { quote } from "./Invocation.ts";
import type { Advise } from "./Invocation.ts";
import * as Layout from "./Layout.ts";
import type { Paint } from "./Paint.ts";

const classes = [
  ["missing", "not migrated: absent in the target"],
  ["undeleted", "migrated but not deleted: the row says the same, the object is still there"],
  ["differing", "differing: the row says something else"],
  ["rejected", "rejected: a run would leave them where they are"],
  ["failed", "failed: could not be read"],
  ["accepted", "accepted: left where they are by somebody's word"],
  ["skipped", "skipped: out of scope, or gone meanwhile"],
] as const;

const percent = (share: number): string => `${Number((share * 100).toPrecision(6))}%`;

const scope = ({ sample }: Verification): string =>
  sample === null
    ? "the whole source"
    : `a sample of ${
      sample.count === undefined ? percent(sample.share ?? 0) : Layout.plural(sample.count, "key")
    }, seed ${sample.seed}`;

/** `progress examined=… missing=…`, for logs and terminals alike. */
export const progress = ({ counts, elapsedMillis, examined, total }: VerifyProgress): string =>
  [
    "progress",
    ...(total === undefined ? [] : [`found=${Math.max(total, examined)}`]),
    `examined=${examined}`,
    ...classes.filter(([name]) => counts[name] > 0).map(([name]) => `${name}=${counts[name]}`),
    `elapsed=${Layout.duration(elapsedMillis)}`,
    `rate=${(elapsedMillis > 0 ? examined * 1000 / elapsedMillis : 0).toFixed(1)}`,
    ...(total === undefined || total === 0 ? [] : [`percent=${Layout.percent(examined, Math.max(total, examined))}`]),
  ].join(" ");

/** The one line that says how it went. */
export const verdict = (verification: Verification, tolerate: Tolerance): string => {
  const { counts, examined, pipeline, stop } = verification;
  if (stop !== undefined) return `verify ended early after ${Layout.plural(examined, "item")}: ${stop.reason}`;
  if (examined === 0) {
    return `${pipeline}: ${
      verification.sample?.share === undefined
        ? "nothing is left in the source"
        : "no key is in the sample: nothing was compared"
    }`;
  }
  // Of what is out of scope, or was gone before it was read, nothing has been compared.
  const of = Layout.plural(examined - counts.skipped, "item");
  const aside = counts.skipped === 0 ? "" : `; ${Layout.count(counts.skipped)} skipped`;
  const bad = (["missing", "differing", "rejected", "failed"] as const).filter((name) => counts[name] > 0)
    .map((name) => `${Layout.count(counts[name])} ${name}`);
  if (!ExitCode.isWhole(verification, tolerate)) return `${pipeline}: ${bad.join(", ")} of ${of}${aside}`;
  return examined === counts.skipped
    ? `${pipeline}: nothing was compared${aside}`
    : `${pipeline}: all of ${of} ${
      bad.length === 0 ? "" : `but ${bad.join(", ")} (tolerated) `
    }in the target as in the source${aside}`;
};

const orphans = ({ orphans }: Verification): string =>
  "unknown" in orphans
    ? `  rows without an object: unknown, ${orphans.unknown}`
    : `  ${Layout.plural(orphans.stubs, "row")} ${orphans.stubs === 1 ? "waits" : "wait"} to be filled, ${
      orphans.orphans === 0 ? "none" : Layout.count(orphans.orphans)
    } of them without an object`;

const steps = (
  { counts, orphans, pipeline, stop }: Verification,
  advise: Advise,
): ReadonlyArray<readonly [string, string]> => [
  ...(stop === undefined && counts.missing + counts.failed > 0
    ? [[advise(`run ${quote(pipeline)} --keep`), "migrates what is missing and deletes nothing"]] as const
    : []),
  ...(counts.differing + counts.rejected > 0
    ? [[advise("quarantine list"), "what a run has left behind, and why"]] as const
    : []),
  ...(counts.undeleted > 0 && counts.missing + counts.failed + counts.differing === 0
    ? [[advise(`run ${quote(pipeline)}`), "deletes objects whose rows are durable"]] as const
    : []),
  ...("orphans" in orphans && orphans.orphans > 0
    ? [[
      advise(`verify ${quote(pipeline)} --json`),
      "names the first of the rows without an object; whoever owns the target may drop them",
    ]] as const
    : []),
];

/** Class by class with the first of each; what is zero is left out. */
export const lines = (
  verification: Verification,
  tolerate: Tolerance,
  advise: Advise,
  paint: Paint,
): ReadonlyArray<string> => {
  const { counts, durationMillis, examined, incidents, pipeline, stop } = verification;
  const exitCode = ExitCode.of({ _tag: "Verified", verification, tolerate });
  const next = steps(verification, advise);
  // That an object only waits to be deleted is no trouble, and there may be millions.
  const shown = incidents.filter(({ outcome }) => outcome !== "undeleted");
  return [
    "",
    `${paint.bold(pipeline)}  verify  ${Layout.plural(examined, "item")}, ${scope(verification)}, in ${
      Layout.duration(durationMillis)
    }`,
    ...Layout.columns(
      classes.filter(([name]) => counts[name] > 0).map(([name, meaning]) => [Layout.count(counts[name]), meaning]),
      "  ",
    ),
    orphans(verification),
    ...(shown.length === 0 ? [] : ["", "For example", ...AccountText.incidents(shown, undefined, paint)]),
    ...(stop === undefined ? [] : ["", paint.red(`Stopped early (${stop.code}): ${stop.reason}`)]),
    ...(next.length === 0
      ? []
      : ["", "Next", ...Layout.columns(next.map(([command, why]) => [command, paint.dim(why)]), "  ")]),
    "",
    `${(exitCode === 0 ? paint.green : paint.red)(`${exitCode === 0 ? "✔" : "✘"} ${verdict(verification, tolerate)}`)}${
      exitCode === 0 ? "" : paint.dim(`  (exit ${exitCode})`)
    }`,
  ];
};
