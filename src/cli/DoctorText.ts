import type { Check } from "../core/Check.ts";
import * as Layout from "./Layout.ts";
import type { Paint } from "./Paint.ts";

/** What was looked at: a connection, the lock, the state, a pipeline, the project file. */
export interface Subject {
  readonly kind: "project" | "pipeline" | "connection" | "lock" | "state";
  readonly name: string;
  /** Who must act where a check failed: whoever writes the files, or whoever runs the servers. */
  readonly area: "configuration" | "environment";
  readonly checks: ReadonlyArray<Check>;
}

const mark = (status: Check["status"], paint: Paint): string =>
  status === "pass" ? paint.green("✔") : status === "warn" ? paint.yellow("!") : paint.red("✘");

export const withStatus = (subjects: ReadonlyArray<Subject>, status: Check["status"]): ReadonlyArray<Check> =>
  subjects.flatMap(({ checks }) => checks.filter((check) => check.status === status));

const tally = (subjects: ReadonlyArray<Subject>): string => {
  const of = (status: Check["status"]) => withStatus(subjects, status).length;
  return [
    `${Layout.count(of("pass"))} passed`,
    ...(of("warn") > 0 ? [Layout.plural(of("warn"), "warning")] : []),
    ...(of("fail") > 0 ? [`${Layout.count(of("fail"))} failed`] : []),
  ].join(", ");
};

export const verdict = (subjects: ReadonlyArray<Subject>): string =>
  withStatus(subjects, "fail").length > 0
    ? `not ready: ${tally(subjects)}`
    : `ready: ${tally(subjects)}`;

/** Subject by subject; what did not pass with what to do about it. */
export const lines = (subjects: ReadonlyArray<Subject>, exitCode: number, paint: Paint): ReadonlyArray<string> => {
  const rows = subjects.flatMap(({ checks }) => checks);
  const columns = Layout.columns(rows.map(({ detail, name, status }) => [mark(status, paint), name, detail]), "  ");
  let next = 0;
  return [
    ...subjects.flatMap(({ checks, kind, name }) => [
      paint.bold(kind === name ? kind : `${kind} ${name}`),
      ...checks.flatMap(({ remedy }) => [
        columns[next++]!,
        ...(remedy === undefined ? [] : [paint.dim(`      → ${remedy}`)]),
      ]),
    ]),
    "",
    `${(exitCode === 0 ? paint.green : paint.red)(`${exitCode === 0 ? "✔" : "✘"} ${verdict(subjects)}`)}${
      exitCode === 0 ? "" : paint.dim(`  (exit ${exitCode})`)
    }`,
  ];
};
