import { describe, expect, it } from "@effect/vitest";
import { Effect, Schema } from "effect";
import { readdirSync, readFileSync } from "node:fs";
import { registry } from "../../src/builtins.ts";
import type { Component } from "../../src/core/Component.ts";
import * as Finding from "../../src/spec/Finding.ts";
import * as JsonSchema from "../../src/spec/JsonSchema.ts";
import * as Load from "../../src/spec/Load.ts";
import * as Outline from "../../src/spec/Outline.ts";
import * as Reference from "../../src/spec/Reference.ts";
import * as Stage from "../../src/spec/Stage.ts";
import * as Yaml from "../../src/spec/Yaml.ts";

const root = new URL("../../", import.meta.url);
const text = (path: string) => readFileSync(new URL(path, root), "utf8");
const components: ReadonlyArray<Component> = [
  ...registry.sources.values(),
  ...registry.transforms.values(),
  ...registry.sinks.values(),
  ...registry.postSteps.values(),
];

const loadShipped = (name: string, environment: string | undefined, sets: ReadonlyArray<string> = []) =>
  Effect.runSync(Effect.gen(function*() {
    const loaded = yield* Load.loadProject({
      project: { path: "ncps-pipeline.yaml", text: text("ncps-pipeline.yaml") },
      env: { CACHE_STORAGE_LOCAL: "/var/lib/ncps", CACHE_DATABASE_URL: "sqlite:/var/lib/ncps/db.sqlite" },
      environment,
      sets,
      readSecretFile: () => Effect.fail("there is no such file"),
    });
    const path = `pipelines/${name}.yaml`;
    const pipeline = yield* Load.loadPipeline(loaded, { name, path, text: text(path) }, registry);
    return { loaded, pipeline };
  }));

const shipped = readdirSync(new URL("pipelines", root)).map((file) => file.replace(/\.yaml$/, ""));

describe("what is shipped", () => {
  it.each(shipped.flatMap((name) => [undefined, "demo", "single"].map((environment) => [name, environment] as const)))(
    "decodes %s in environment %s without a finding",
    (name, environment) => {
      const { loaded, pipeline } = loadShipped(name, environment);
      expect([...loaded.findings, ...pipeline.findings].map(Finding.format)).toEqual([]);
      expect(pipeline.spec?.name).toBe(name);
    },
  );

  it("writes the same canonical settings however a value was spelt, so that the plan hash stays", () => {
    const canonical = (sets: ReadonlyArray<string>) =>
      loadShipped("narinfo-to-db", undefined, sets).pipeline.spec?.source.canonical;
    expect(canonical(["source.maxObjectSize=16384KiB"])).toEqual(canonical(["source.maxObjectSize=16MiB"]));
    expect(canonical([])).toMatchObject({ maxObjectSize: "16MiB" });
  });

  it.each(components.flatMap((component) => component.examples.map((example) => [component, example] as const)))(
    "decodes its own examples ($type)",
    (component, { yaml }) => {
      const { findings, tree } = Yaml.parse(
        "example.yaml",
        /^type:/m.test(yaml) ? yaml : `type: ${component.type}\n${yaml}`,
      );
      const known = new Map([[component.type, component]]);
      const stage = Stage.decode(component.role, known, registry, tree!, [], tree!);
      expect([...findings, ...stage.findings].map(Finding.format)).toEqual([]);
      expect(stage.options).toBeDefined();
    },
  );

  it.each(components)("$type describes every setting", (component) => {
    const undescribed = (outline: Outline.Outline): ReadonlyArray<string> =>
      outline._tag === "Struct"
        ? [...outline.fields].flatMap(([key, field]) => [
          ...(field.outline.description === undefined ? [key] : []),
          ...undescribed(field.outline),
        ])
        : outline._tag === "List"
        ? undescribed(outline.item)
        : [];
    expect(undescribed(Outline.fromSchema(component.options))).toEqual([]);
  });

  it.each(components)("$type writes no secret in the clear (Invariant 9)", (component) => {
    // Effect's own Redacted schema would write the value; Field.secret writes `<redacted>`.
    expect(String(Schema.encodedSchema(component.options))).not.toContain("Redacted");
  });

  it("has the schemas and the reference that the declarations make", () => {
    const json = (value: unknown) => `${JSON.stringify(value, null, 2)}\n`;
    expect(text("schemas/pipeline.schema.json")).toBe(json(JsonSchema.pipelineSchema(registry)));
    expect(text("schemas/project.schema.json")).toBe(json(JsonSchema.projectSchema()));
    expect(text("docs/reference/components.md")).toBe(Reference.components(registry));
    expect(text("docs/reference/pipeline.md")).toBe(Reference.pipeline());
    expect(text("docs/reference/project.md")).toBe(Reference.project());
  });
});
