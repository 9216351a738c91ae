import * as Args from "@effect/cli/Args";
import { Effect, Option } from "effect";
import { nearest } from "../../core/Nearest.ts";
import * as Explain from "../../spec/Explain.ts";
import * as Finding from "../../spec/Finding.ts";
import * as Tree from "../../spec/Tree.ts";
import * as Answer from "../Answer.ts";
import { UsageError } from "../Failure.ts";
import * as FindingText from "../FindingText.ts";
import * as Layout from "../Layout.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

/** The nearest of all paths that there are, those of whole maps included. */
const suggestion = (path: string, entries: ReadonlyArray<Explain.Entry>): string | undefined => {
  const known = new Set(
    entries.flatMap((entry) => entry.path.map((_, depth) => Tree.showPath(entry.path.slice(0, depth + 1)))),
  );
  const meant = nearest(path, known);
  return meant === undefined ? undefined : `did you mean ${meant}?`;
};

/** `pipeline explain`: every effective setting and where it comes from. */
export const explain = Verb.make({
  name: "explain",
  summary: "shows every setting in force, and the file, variable or flag it came from",
  description: "With a path, only what stands at or below it. Secrets are shown as <redacted>.",
  examples: [
    "pipeline explain narinfo-to-db",
    "pipeline explain narinfo-to-db sink.batch",
    "pipeline explain narinfo-to-db connections",
  ],
  usage: "NAME [PATH]",
  args: Args.all([
    Args.text({ name: "NAME" }),
    Args.text({ name: "PATH" }).pipe(Args.optional, Args.map(Option.getOrUndefined)),
  ]),
  flags: {},
  run: Effect.fn("Cli.explain")(function*(values, [name, path]) {
    const workspace = yield* Workspace.look(values);
    const pipeline = yield* Effect.flatMap(Workspace.file(workspace, name), (file) => Workspace.load(workspace, file));
    const entries = pipeline.explain(path);
    if (path !== undefined && entries.length === 0) {
      return yield* new UsageError({
        reason: "argument",
        detail: `${name} has no setting at ${path}`,
        remedy: suggestion(path, pipeline.explain()) ?? `see ${workspace.advise(`explain ${name}`)}`,
      });
    }
    const findings = [...workspace.loaded.findings, ...pipeline.findings];
    return Answer.make({
      summary: `${Layout.plural(entries.length, "setting")} of ${name}, environment ${workspace.environment}`,
      result: {
        pipeline: name,
        environment: workspace.environment,
        entries: entries.map((entry) => ({
          path: Tree.showPath(entry.path),
          value: entry.value,
          origin: Explain.formatOrigin(entry),
          variables: entry.variables,
        })),
      },
      text: (paint) => [
        ...Layout.columns(entries.map((entry) => [
          paint.bold(Tree.showPath(entry.path)),
          entry.value === "" ? "''" : typeof entry.value === "string" ? entry.value : JSON.stringify(entry.value),
          paint.dim(Explain.formatOrigin(entry)),
        ])),
        ...(findings.some(Finding.isError)
          ? ["", paint.yellow(`${FindingText.tally(findings)}: ${workspace.advise(`validate ${name}`)}`)]
          : []),
      ],
    });
  }),
});
