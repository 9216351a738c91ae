import * as Args from "@effect/cli/Args";
import { FileSystem } from "@effect/platform/FileSystem";
import { Effect } from "effect";
import { dirname, join } from "node:path";
import * as Answer from "../Answer.ts";
import { UsageError } from "../Failure.ts";
import { Host } from "../Host.ts";
import * as Layout from "../Layout.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

/** What a project of one's own is made of: copies of what is packaged. */
const copied = (name: string): boolean => name.endsWith(".yaml") || name.endsWith(".schema.json");

/** `pipeline init`: a project file and pipelines to edit. */
export const init = Verb.make({
  name: "init",
  summary: "writes a project file and pipelines to edit into the working folder",
  description:
    "Copies of what is packaged, with the schemas that editors check them with. Existing files are never overwritten. "
    + "Beside an ncps that is configured by variables nothing needs to be edited, and init is not needed.",
  examples: ["pipeline init", "pipeline init && $EDITOR ncps-pipeline.yaml && pipeline validate"],
  usage: "",
  args: Args.none,
  flags: {},
  run: Effect.fn("Cli.init")(function*(values) {
    const host = yield* Host;
    const fs = yield* FileSystem;
    const folders = [Workspace.pipelinesFolder, "schemas"];
    const files = [Workspace.projectFileName];
    for (const folder of folders) {
      const path = join(host.packageRoot, folder);
      const names = yield* Effect.mapError(fs.readDirectory(path), Workspace.unreadable(path));
      files.push(...names.filter(copied).sort().map((name) => join(folder, name)));
    }
    const target = (file: string) => join(host.workingFolder, file);
    const present = yield* Effect.filter(files, (file) => Effect.orElseSucceed(fs.exists(target(file)), () => false));
    if (present.length > 0) {
      return yield* new UsageError({
        reason: "exists",
        detail: `nothing was written, because there is already ${present.join(", ")}`,
        remedy: "edit what is there, or call init in another folder",
      });
    }
    for (const file of files) {
      yield* fs.makeDirectory(dirname(target(file)), { recursive: true }).pipe(
        Effect.zipRight(fs.readFileString(join(host.packageRoot, file))),
        // Not over a file that came into being meanwhile.
        Effect.flatMap((text) => fs.writeFileString(target(file), text, { flag: "wx" })),
        Effect.mapError(Workspace.unwritable(file)),
      );
    }
    const { advise } = yield* Workspace.look(values);
    return Answer.make({
      summary: `${Layout.plural(files.length, "file")} written`,
      result: { files },
      text: () => [
        ...files,
        "",
        `Next: edit ${Workspace.projectFileName}, then ${advise("validate")}`,
      ],
    });
  }),
});
