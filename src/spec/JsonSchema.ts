/** JSON Schemas (draft-07, which YAML language servers know best) of pipeline and project files. */
import type { Component } from "../core/Component.ts";
import * as Config from "../core/Config.ts";
import type { Registry } from "../core/Registry.ts";
import * as Outline from "./Outline.ts";
import * as Project from "./Project.ts";
import * as Settings from "./Settings.ts";
import * as Stage from "./Stage.ts";

type Json = Readonly<Record<string, unknown>>;

const DRAFT = "http://json-schema.org/draft-07/schema#";

/** The schema of an outline; those that contain themselves go to `definitions`. */
const of = (outline: Outline.Outline, definitions: Record<string, Json>): Json => ({
  ...(outline.description === undefined ? {} : { description: outline.description }),
  ...(outline.examples === undefined ? {} : { examples: outline.examples }),
  ...shape(outline, definitions),
});

const shape = (outline: Outline.Outline, definitions: Record<string, Json>): Json => {
  switch (outline._tag) {
    case "Field":
      return { ...outline.jsonSchema };
    case "Struct":
      return {
        type: "object",
        properties: Object.fromEntries([...outline.fields].map(([key, field]) => [key, property(field, definitions)])),
        ...required([...outline.fields].filter(([, field]) => !field.isOptional).map(([key]) => key)),
        additionalProperties: outline.rest === undefined ? false : of(outline.rest, definitions),
      };
    case "List": {
      const list = { type: "array", items: of(outline.item, definitions) };
      return outline.orText ? { anyOf: [list, { type: "string" }] } : list;
    }
    case "Tuple":
      return { type: "array", items: outline.items.map((item) => of(item, definitions)) };
    case "Union":
      return { anyOf: outline.members.map((member) => of(member, definitions)) };
    case "Literal":
      return { const: outline.value };
    case "Reference":
      if (!(outline.name in definitions)) {
        definitions[outline.name] = {};
        definitions[outline.name] = of(outline.to(), definitions);
      }
      return { $ref: `#/definitions/${outline.name}` };
    case "Any":
      return {};
  }
};

const required = (keys: ReadonlyArray<string>): Json => (keys.length === 0 ? {} : { required: keys });

const property = (field: Outline.StructField, definitions: Record<string, Json>): Json => ({
  ...of(field.outline, definitions),
  ...("default" in field ? { default: field.default } : {}),
});

/** A map whose `type` decides which other keys it has. */
const byType = (
  description: string,
  alternatives: ReadonlyArray<readonly [type: string, summary: string, outline: Outline.Outline]>,
  definitions: Record<string, Json>,
  prefix: string,
): Json => {
  for (const [type, summary, outline] of alternatives) {
    const { properties, ...rest } = of(outline, definitions) as { readonly properties: Json };
    definitions[`${prefix}-${type}`] = {
      description: summary,
      ...rest,
      properties: { ...properties, type: { const: type, description: summary } },
    };
  }
  return {
    description,
    type: "object",
    properties: { type: { enum: alternatives.map(([type]) => type) } },
    required: ["type"],
    allOf: alternatives.map(([type]) => ({
      if: { properties: { type: { const: type } }, required: ["type"] },
      // oxlint-disable-next-line unicorn/no-thenable -- a keyword of JSON Schema
      then: { $ref: `#/definitions/${prefix}-${type}` },
    })),
  };
};

const stage = (
  description: string,
  components: ReadonlyMap<string, Component>,
  definitions: Record<string, Json>,
): Json => {
  const all = [...components.values()];
  const role = all[0]?.role ?? "stage";
  return byType(
    description,
    all.map((component) => [component.type, component.summary, Stage.outlineOf(component.role, component)]),
    definitions,
    role,
  );
};

/** Of `pipelines/<name>.yaml`, with all components of the registry. */
export const pipelineSchema = (registry: Registry): Json => {
  const definitions: Record<string, Json> = {};
  const own = of(Outline.fromSchema(Settings.Pipeline), definitions) as { readonly properties: Json };
  const list = (description: string, items: Json) => ({ description, type: "array", items });
  return {
    $schema: DRAFT,
    title: "A pipeline of ncps-pipeline",
    type: "object",
    properties: {
      ...own.properties,
      source: stage("Where items come from", registry.sources, definitions),
      transforms: list("What is done with items, in order", stage("One step", registry.transforms, definitions)),
      sink: stage("Where items are written, durably", registry.sinks, definitions),
      postSteps: list(
        "What is done with items that are durable in the sink, in order",
        stage("One step", registry.postSteps, definitions),
      ),
    },
    required: ["source", "sink"],
    additionalProperties: false,
    definitions,
  };
};

const orRemoved = (schema: Json): Json => ({ anyOf: [schema, { type: "null" }] });

/** What an overlay may hold of a schema: any part of it, and `null` where a setting is removed. */
const partial = (schema: Json): Json => {
  const { required: _, default: __, ...rest } = schema;
  const { properties } = rest as { readonly properties?: Readonly<Record<string, Json>> };
  return properties === undefined ? rest : {
    ...rest,
    properties: Object.fromEntries(
      Object.entries(properties).map(([key, inner]) => [key, orRemoved(partial(inner))]),
    ),
  };
};

/** Of `ncps-pipeline.yaml`. */
export const projectSchema = (): Json => {
  const definitions: Record<string, Json> = {};
  const lock = of(Outline.fromSchema(Config.LockSettings), definitions);
  const state = of(Outline.fromSchema(Config.StateSettings), definitions);
  const connection = byType(
    "A storage or a database",
    [
      ["storage", "Objects by key, in a folder or a bucket", Project.connectionOutline("storage")],
      ["sql", "A database", Project.connectionOutline("sql")],
    ],
    definitions,
    "connection",
  );
  const anyConnection = of(
    Outline.struct({}, Project.connectionOutline("storage"), Project.connectionOutline("sql")),
    definitions,
  );
  const described = (description: string, schema: Json) => ({ description, ...schema });
  const byName = (description: string, values: Json) =>
    described(description, { type: "object", additionalProperties: values });
  const pipelines = byName("Settings merged over those of a pipeline, by its name", {
    type: "object",
    properties: Object.fromEntries(
      [...Object.keys(Settings.Pipeline.fields), ...Settings.stageKeys].map((key) => [key, {}]),
    ),
    additionalProperties: false,
  });
  const environment = {
    type: "object",
    properties: {
      connections: byName("Connections merged over those of the same name", orRemoved(partial(anyConnection))),
      lock: orRemoved(partial(lock)),
      state: orRemoved(partial(state)),
      pipelines,
    },
    additionalProperties: false,
  };
  return {
    $schema: DRAFT,
    title: "The project file of ncps-pipeline",
    type: "object",
    properties: {
      connections: byName("Storages and databases, by the names that pipelines use", connection),
      lock: described("Where keys are locked while they are written", lock),
      state: described("Where runs, quarantine and checkpoints are kept", state),
      environments: byName(
        "What differs from the settings beside it, by the name that --env or PIPELINE_ENV chooses",
        environment,
      ),
      pipelines,
    },
    additionalProperties: false,
    definitions,
  };
};
