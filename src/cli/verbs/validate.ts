import * as Args from "@effect/cli/Args";
import { Effect } from "effect";
import * as Finding from "../../spec/Finding.ts";
import * as Load from "../../spec/Load.ts";
import type { Answer } from "../Answer.ts";
import * as FindingText from "../FindingText.ts";
import * as Layout from "../Layout.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

/** `pipeline validate`: everything that is wrong in the files, offline. */
export const validate = Verb.make({
  name: "validate",
  summary: "checks the project file and pipelines, and lists everything that is wrong in them",
  description: "Nothing is connected to: what the target lacks is said by plan.",
  examples: ["pipeline validate", "pipeline validate narinfo-to-db --env production"],
  usage: "[NAME…]",
  args: Args.text({ name: "NAME" }).pipe(Args.repeated),
  flags: {},
  run: Effect.fn("Cli.validate")(function*(values, names) {
    const workspace = yield* Workspace.look(values);
    const checkedFiles = names.length === 0
      ? yield* Workspace.loadAll(workspace)
      : yield* Effect.forEach(new Set(names), (name) => Workspace.loadNamed(workspace, name));
    const files = checkedFiles.map(({ file }) => file);
    const loaded = checkedFiles.map((checked) => checked.loaded);
    const all = [
      ...workspace.loaded.findings,
      ...loaded.flatMap(({ findings }) => findings),
      // The packaged project file serves every ncps: what one of them leaves unused is no slip.
      ...(names.length === 0 && !workspace.isPackaged ? Load.unusedConnections(workspace.loaded, loaded) : []),
    ];
    // Pipelines share connections, and with them what is wrong there.
    const findings = Finding.sorted([...new Map(all.map((finding) => [Finding.format(finding), finding])).values()]);
    const isValid = !findings.some(Finding.isError);
    const checked = `${workspace.projectFile} and ${Layout.plural(files.length, "pipeline")} checked`;
    const summary = findings.length === 0 ? `${checked}: all valid` : `${checked}: ${FindingText.tally(findings)}`;
    const next = files[0]?.name ?? "NAME";
    return {
      outcome: isValid ? { _tag: "Answered" } : { _tag: "Refused" },
      summary,
      result: {
        projectFile: workspace.projectFile,
        environment: workspace.environment,
        pipelines: files.map(({ name, path }) => ({ name, path })),
        findings,
      },
      problem: { code: "spec/findings", message: FindingText.tally(findings) },
      text: (paint) => [
        ...FindingText.list(findings, paint),
        ...(findings.length === 0 ? [] : [""]),
        isValid ? paint.green(`✔ ${summary}`) : paint.red(`✘ ${summary}`),
        ...(isValid ? [`Next: ${workspace.advise(`plan ${next}`)}`] : []),
      ],
    } satisfies Answer;
  }),
});
