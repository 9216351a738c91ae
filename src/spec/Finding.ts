import { nearest } from "../core/Nearest.ts";
import type { Problem } from "../core/Problem.ts";
import * as Tree from "./Tree.ts";

/** Invariant 8: what is wrong in a spec or project file, where, and what to do next. */
export interface Finding {
  /** Stable, `area/kebab-case`, e.g. `spec/unknown-key`. */
  readonly code: string;
  readonly severity: "error" | "warning";
  /** Below the root of its file, e.g. `["transforms", 0, "type"]`. */
  readonly path: Tree.Path;
  /** Absent where no file is to blame: a flag, or a file that is not there. */
  readonly place?: Tree.Place;
  /** The flag that supplied the value, e.g. `--set sink.batch.items.max`. */
  readonly flag?: string;
  readonly message: string;
  readonly suggestion?: string;
}

type Report = Omit<Finding, "severity" | "place" | "flag"> & { readonly severity?: Finding["severity"] };

/** The part of a finding that tells where it is. */
export const place = (origin: Tree.Origin): Pick<Finding, "place" | "flag"> =>
  origin._tag === "File" ? { place: origin.place } : { flag: origin.flag };

/** A finding at an origin; an error unless told otherwise. */
export const make = (origin: Tree.Origin | undefined, report: Report): Finding => ({
  severity: "error",
  ...report,
  ...(origin === undefined ? {} : place(origin)),
});

/** A finding at what stands at its path in a tree: its key, or its value. */
export const inTree = (root: Tree.Node, side: "key" | "value", report: Report): Finding =>
  make(Tree.locate(root, report.path, side), report);

/** Problems that a component reports below its own settings, located in the file that names it. */
export const fromProblems = (
  root: Tree.Node,
  at: Tree.Path,
  problems: ReadonlyArray<Problem>,
): ReadonlyArray<Finding> =>
  problems.map((problem) => inTree(root, "key", { ...problem, path: [...at, ...problem.path] }));

export const isError = (finding: Finding): boolean => finding.severity === "error";

/** In reading order: by file, line and column; those without a place first. */
export const sorted = (findings: ReadonlyArray<Finding>): ReadonlyArray<Finding> =>
  [...findings].sort((a, b) =>
    (a.place?.file ?? "").localeCompare(b.place?.file ?? "", "en")
    || (a.place?.line ?? 0) - (b.place?.line ?? 0)
    || (a.place?.col ?? 0) - (b.place?.col ?? 0)
  );

/** `pipelines/x.yaml:3:5: error spec/unknown-key at source.prefx: unknown key; did you mean prefix?` */
export const format = (finding: Finding): string => {
  const { place, flag, path, suggestion } = finding;
  const where = place !== undefined
    ? `${place.file}:${place.line}:${place.col}: `
    : flag !== undefined
    ? `${flag}: `
    : "";
  const at = path.length === 0 ? "" : ` at ${Tree.showPath(path)}`;
  const remedy = suggestion === undefined ? "" : `; ${suggestion}`;
  return `${where}${finding.severity} ${finding.code}${at}: ${finding.message}${remedy}`;
};

/** For a word that is none of those known. */
export const didYouMean = (word: string, known: ReadonlyArray<string>): string => {
  const meant = nearest(word, known);
  return meant !== undefined
    ? `did you mean ${meant}?`
    : known.length === 0
    ? "there are none"
    : `known: ${known.join(", ")}`;
};
