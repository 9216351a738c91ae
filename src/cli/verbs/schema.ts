import * as Args from "@effect/cli/Args";
import { FileSystem } from "@effect/platform/FileSystem";
import { Effect, Schema } from "effect";
import { join } from "node:path";
import * as Answer from "../Answer.ts";
import { Host } from "../Host.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

const kinds = ["pipeline", "project"] as const;

const decode = Schema.decodeUnknown(Schema.parseJson());

/** `pipeline schema`: the JSON Schemas that editors check the files with. */
export const schema = Verb.make({
  name: "schema",
  summary: "prints the JSON Schema of pipeline files, or of the project file",
  description:
    "Editors with a YAML language server check and complete the files with it; pipeline init puts both schemas beside them.",
  examples: ["pipeline schema pipeline > pipeline.schema.json", "pipeline schema project > project.schema.json"],
  usage: "pipeline|project",
  args: Args.choice(kinds.map((kind) => [kind, kind] as const), { name: "KIND" }),
  flags: {},
  run: Effect.fn("Cli.schema")(function*(_, kind) {
    const host = yield* Host;
    const fs = yield* FileSystem;
    const path = join(host.packageRoot, "schemas", `${kind}.schema.json`);
    const text = yield* Effect.mapError(fs.readFileString(path), Workspace.unreadable(path));
    return Answer.make({
      summary: `JSON Schema of the ${kind} file`,
      // A file of our own package: that it is no JSON would be a defect.
      result: yield* Effect.orDie(decode(text)),
      text: () => [text.trimEnd()],
    });
  }),
});
