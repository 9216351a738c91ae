import * as Args from "@effect/cli/Args";
import { Effect } from "effect";
import * as Answer from "../Answer.ts";
import * as Layout from "../Layout.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

/** `pipeline list`: the pipelines there are. */
export const list = Verb.make({
  name: "list",
  summary: "shows the pipelines there are",
  description:
    "Pipelines are the files in pipelines/ beside the project file, and the packaged ones that have no such file.",
  examples: ["pipeline list"],
  usage: "",
  args: Args.none,
  flags: {},
  run: Effect.fn("Cli.list")(function*(values) {
    const workspace = yield* Workspace.open(values);
    const pipelines = yield* Effect.forEach(
      workspace.pipelines,
      (file) =>
        Effect.map(Workspace.load(workspace, file), ({ explain }) => {
          const summary = explain("summary")[0]?.value;
          return { ...file, summary: typeof summary === "string" ? summary : "" };
        }),
    );
    const from = workspace.isPackaged ? "packaged project file" : workspace.projectFile;
    return Answer.make({
      summary: `${Layout.plural(pipelines.length, "pipeline")}, ${from}, environment ${workspace.environment}`,
      result: { projectFile: workspace.projectFile, environment: workspace.environment, pipelines },
      text: (paint) => [
        ...Layout.columns(
          pipelines.map(({ isPackaged, name, path, summary }) => [
            paint.bold(name),
            summary,
            paint.dim(isPackaged ? "packaged" : path),
          ]),
        ),
        "",
        paint.dim(`${from}, environment ${workspace.environment}`),
        ...pipelines.slice(0, 1).map(({ name }) => `Next: ${workspace.advise(`plan ${name}`)}`),
      ],
    });
  }),
});
