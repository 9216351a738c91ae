/** Every generated file by its path from the root of the repository. */
import { registry } from "../src/builtins.ts";
import * as JsonSchema from "../src/spec/JsonSchema.ts";
import * as Reference from "../src/spec/Reference.ts";

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;

export const files: Readonly<Record<string, string>> = {
  "schemas/pipeline.schema.json": json(JsonSchema.pipelineSchema(registry)),
  "schemas/project.schema.json": json(JsonSchema.projectSchema()),
  "docs/reference/components.md": Reference.components(registry),
  "docs/reference/pipeline.md": Reference.pipeline(),
  "docs/reference/project.md": Reference.project(),
};
