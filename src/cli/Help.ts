import type { Flags } from "./Flag.ts";
import * as Layout from "./Layout.ts";
import type { Paint } from "./Paint.ts";
import { common } from "./Verb.ts";
import type { Verb } from "./Verb.ts";

const exitCodes = [
  ["0", "done, and the ledger is clean"],
  ["1", "the run failed, or left items behind"],
  ["2", "configuration: command line, project file, pipeline"],
  ["3", "environment: a server or file that cannot be reached or used"],
  ["130, 143", "ended by SIGINT or SIGTERM, after the report"],
];

const flagRows = (flags: Flags, paint: Paint): ReadonlyArray<ReadonlyArray<string>> =>
  Object.values(flags).map(({ name, summary, value }) => [
    paint.bold(`--${name}${value === undefined ? "" : ` ${value}`}`),
    summary,
  ]);

const section = (title: string, lines: ReadonlyArray<string>, paint: Paint): ReadonlyArray<string> =>
  lines.length === 0 ? [] : ["", paint.bold(title), ...lines];

/** `pipeline --help`. */
export const overview = (verbs: ReadonlyArray<Verb>, version: string, paint: Paint): ReadonlyArray<string> => [
  `${paint.bold("pipeline")} ${version}: moves data between stores and loses nothing`,
  ...section("Usage", ["  pipeline VERB [ARGUMENTS] [OPTIONS]"], paint),
  ...section(
    "Verbs",
    Layout.columns(verbs.map(({ name, summary, usage }) => [`${paint.bold(name)} ${usage}`.trim(), summary]), "  "),
    paint,
  ),
  ...section("Options of every verb", Layout.columns(flagRows(common, paint), "  "), paint),
  ...section("Exit codes", Layout.columns(exitCodes, "  "), paint),
  ...section("First steps", [
    "  CACHE_STORAGE_LOCAL=/var/lib/ncps CACHE_DATABASE_URL=sqlite:/var/lib/ncps/db/db.sqlite pipeline plan narinfo-to-db",
    "  pipeline run --help",
  ], paint),
];

/** `pipeline VERB --help`. */
export const ofVerb = (verb: Verb, paint: Paint): ReadonlyArray<string> => [
  `${paint.bold(`pipeline ${verb.name}`)}: ${verb.summary}`,
  ...section(
    "Usage",
    [`  ${["pipeline", verb.name, verb.usage, "[OPTIONS]"].filter((word) => word !== "").join(" ")}`],
    paint,
  ),
  ...(verb.description === "" ? [] : ["", verb.description]),
  ...section("Examples", verb.examples.map((line) => `  ${line}`), paint),
  ...section("Options", Layout.columns(flagRows(verb.flags, paint), "  "), paint),
  ...section("Options of every verb", Layout.columns(flagRows(common, paint), "  "), paint),
];

/** `pipeline quarantine --help`: the verbs that begin with a word. */
export const ofGroup = (group: string, verbs: ReadonlyArray<Verb>, paint: Paint): ReadonlyArray<string> => [
  ...section(
    `Verbs of ${group}`,
    Layout.columns(verbs.map(({ name, summary, usage }) => [`${paint.bold(name)} ${usage}`.trim(), summary]), "  "),
    paint,
  ).slice(1),
  "",
  `pipeline ${verbs[0]!.name} --help says more.`,
];
