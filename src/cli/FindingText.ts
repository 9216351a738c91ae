import type { Finding } from "../spec/Finding.ts";
import * as Tree from "../spec/Tree.ts";
import * as Layout from "./Layout.ts";
import type { Paint } from "./Paint.ts";

const where = ({ flag, place }: Finding): string =>
  place !== undefined ? `${place.file}:${place.line}:${place.col}` : flag ?? "";

/** Where and what, in one line. */
export const headline = (finding: Finding): string => {
  const { message, path } = finding;
  const at = path.length === 0 ? "" : `${Tree.showPath(path)}: `;
  return [where(finding), `${at}${message}`].filter((part) => part !== "").join("  ");
};

/** `file:line:col  error  code  message`, and below it what to do. */
const one = (finding: Finding, paint: Paint): ReadonlyArray<string> => {
  const { code, message, path, severity, suggestion } = finding;
  const mark = severity === "error" ? paint.red("error") : paint.yellow("warning");
  const at = path.length === 0 ? "" : `${Tree.showPath(path)}: `;
  return [
    [where(finding), mark, code, `${at}${message}`].filter((part) => part !== "").join("  "),
    ...(suggestion === undefined ? [] : [paint.dim(`    → ${suggestion}`)]),
  ];
};

/** `2 errors, 1 warning`. */
export const tally = (findings: ReadonlyArray<Finding>): string => {
  const errors = findings.filter(({ severity }) => severity === "error").length;
  const warnings = findings.length - errors;
  return [
    ...(errors > 0 || warnings === 0 ? [Layout.plural(errors, "error")] : []),
    ...(warnings > 0 ? [Layout.plural(warnings, "warning")] : []),
  ].join(", ");
};

export const list = (findings: ReadonlyArray<Finding>, paint: Paint): ReadonlyArray<string> =>
  findings.flatMap((finding) => one(finding, paint));

/** All of them, then their number. */
export const lines = (findings: ReadonlyArray<Finding>, paint: Paint): ReadonlyArray<string> => [
  ...list(findings, paint),
  "",
  tally(findings),
];
