import type { Tolerance } from "../engine/Ledger.ts";
import type { Forecast } from "../engine/Report.ts";
import * as AccountText from "./AccountText.ts";
import * as ExitCode from "./ExitCode.ts";
import type { Advise } from "./Invocation.ts";
import { quote } from "./Invocation.ts";
import * as Layout from "./Layout.ts";
import type { Paint } from "./Paint.ts";

const classes = [
  ["would-commit", "would be written to the target"],
  ["would-already", "are there already"],
  ["would-skip", "would be skipped: out of scope, or accepted earlier"],
  ["would-reject", "would be rejected"],
  ["would-conflict", "would conflict with rows that others wrote"],
  ["would-fail", "could not be read"],
  ["would-delete", "would be deleted at the source, once durable"],
] as const;

/** Class by class; what is zero is left out. */
export const counts = (forecast: Pick<Forecast, "counts">): ReadonlyArray<string> =>
  Layout.columns(
    classes.filter(([name]) => forecast.counts[name] > 0).map(([name, meaning]) => [
      Layout.count(forecast.counts[name]),
      meaning,
    ]),
    "  ",
  );

export const remarks = (forecast: Pick<Forecast, "remarks">, paint: Paint): ReadonlyArray<string> =>
  forecast.remarks.map((sentence) => paint.yellow(`  warning  ${sentence}`));

/** The one line that says what a run would come to. */
export const verdict = (forecast: Forecast, tolerate: Tolerance): string => {
  if (forecast.stop !== undefined) return `dry run ended early: ${forecast.stop.reason}`;
  return `dry run: a run of ${forecast.pipeline} would ${
    ExitCode.isClean(forecast, tolerate) ? "succeed" : "leave items behind and end with exit code 1"
  }; nothing was written`;
};

const isEmpty = ({ listed, stop }: Forecast): boolean => listed === 0 && stop === undefined;

/** A dry run, told: what a run would come to. */
export const lines = (
  forecast: Forecast,
  keep: boolean,
  tolerate: Tolerance,
  advise: Advise,
  exitCode: number,
  paint: Paint,
): ReadonlyArray<string> => [
  "",
  `${paint.bold(forecast.pipeline)}  dry run  ${Layout.plural(forecast.listed, "item")} in ${
    Layout.duration(forecast.durationMillis)
  }`,
  ...counts(forecast),
  ...remarks(forecast, paint),
  ...(isEmpty(forecast) ? [AccountText.nothingFound(paint)] : []),
  ...(forecast.incidents.length === 0
    ? []
    : ["", "Would stay behind", ...AccountText.incidents(forecast.incidents, undefined, paint)]),
  "",
  "Next",
  ...(isEmpty(forecast)
    ? Layout.columns([[
      advise(`doctor ${quote(forecast.pipeline)}`),
      paint.dim("says what is there, if there should have been items"),
    ]], "  ")
    : [`  ${advise(`run ${quote(forecast.pipeline)}${keep ? " --keep" : ""}`)}`]),
  "",
  `${(exitCode === 0 ? paint.green : paint.red)(`${exitCode === 0 ? "✔" : "✘"} ${verdict(forecast, tolerate)}`)}${
    exitCode === 0 ? "" : paint.dim(`  (exit ${exitCode})`)
  }`,
];
