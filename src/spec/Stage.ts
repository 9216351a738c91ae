import { Either } from "effect";
import type { Component } from "../core/Component.ts";
import * as Field from "../core/Field.ts";
import { nearest } from "../core/Nearest.ts";
import type { Registry } from "../core/Registry.ts";
import * as Decode from "./Decode.ts";
import * as Finding from "./Finding.ts";
import * as Outline from "./Outline.ts";
import * as Settings from "./Settings.ts";
import * as Tree from "./Tree.ts";

/** One stage as far as it could be read; lint needs no more of it than is right. */
export interface Draft<C extends Component = Component> {
  readonly role: C["role"];
  readonly path: Tree.Path;
  readonly node: Tree.Node;
  readonly component: C | undefined;
  /** `undefined` where the settings are wrong. */
  readonly options: unknown;
  readonly canonical: unknown;
  readonly findings: ReadonlyArray<Finding.Finding>;
}

const registered = (
  registry: Registry,
): ReadonlyArray<readonly [Component["role"], ReadonlyMap<string, Component>]> => [
  ["source", registry.sources],
  ["transform", registry.transforms],
  ["sink", registry.sinks],
  ["post-step", registry.postSteps],
];

const typeField: Outline.Outline = {
  _tag: "Field",
  about: { name: "text" },
  jsonSchema: { type: "string" },
  description: "Which component it is",
};

const engineSinkKeys = Object.keys(Settings.Sink.fields);

/** Keys of a stage that are not its component's own. */
const engineKeys = (role: Component["role"]): ReadonlyArray<string> =>
  role === "sink" ? ["type", ...engineSinkKeys] : ["type"];

/** What may stand in a stage; of an unknown component only its type is known, and nothing else is shown. */
export const outlineOf = (role: Component["role"], component: Component | undefined): Outline.Outline =>
  Outline.struct(
    { type: Outline.required(typeField) },
    ...(component === undefined ? [] : [Outline.fromSchema(component.options)]),
    ...(role === "sink" ? [Outline.fromSchema(Settings.Sink)] : []),
  );

/** Picks the component by `type` and decodes the remaining keys by its schema. */
export const decode = <C extends Component>(
  role: C["role"],
  known: ReadonlyMap<string, C>,
  registry: Registry,
  root: Tree.Node,
  path: Tree.Path,
  node: Tree.Node,
): Draft<C> => {
  const unread = (finding: Finding.Finding): Draft<C> => ({
    role,
    path,
    node,
    component: undefined,
    options: undefined,
    canonical: undefined,
    findings: [finding],
  });
  const types = [...known.keys()].join(", ");
  if (node._tag !== "Map") {
    return unread(Finding.inTree(root, "value", {
      code: "spec/wrong-type",
      path,
      message: `expected a map with a type, found ${Field.kindOf(Tree.plain(node))}`,
      suggestion: `write type: one of ${types}`,
    }));
  }
  const type = Tree.child(node, "type");
  if (type === undefined) {
    return unread(Finding.inTree(root, "key", {
      code: "spec/missing-key",
      path: [...path, "type"],
      message: "the key type is missing",
      suggestion: `add one of ${types}`,
    }));
  }
  const name = type._tag === "Leaf" && typeof type.value === "string" ? type.value : undefined;
  const component = name === undefined ? undefined : known.get(name);
  if (component === undefined) {
    return unread(Finding.inTree(root, "value", {
      code: name === undefined ? "spec/wrong-type" : "spec/unknown-type",
      path: [...path, "type"],
      message: name === undefined
        ? `expected the name of a ${role}, found ${Field.kindOf(Tree.plain(type))}`
        : `there is no ${role} ${name}`,
      suggestion: name === undefined ? `known: ${types}` : insteadOf(name, role, known, registry),
    }));
  }
  const engine = new Set(engineKeys(role));
  const result = Decode.decode(component.options, root, Tree.without(node, engine), path, [...engine]);
  const problems = Either.isRight(result) ? component.check?.(result.right) ?? [] : [];
  return {
    role,
    path,
    node,
    component,
    options: Either.getOrUndefined(result),
    canonical: Either.isRight(result) ? Decode.canonical(component.options, result.right) : undefined,
    findings: [
      ...Either.match(result, { onLeft: (findings) => findings, onRight: () => [] }),
      ...Finding.fromProblems(root, path, problems),
    ],
  };
};

const insteadOf = (
  name: string,
  role: Component["role"],
  known: ReadonlyMap<string, Component>,
  registry: Registry,
): string => {
  const meant = nearest(name, known.keys());
  if (meant !== undefined) return `did you mean ${meant}?`;
  const elsewhere = registered(registry).find(([other, components]) => other !== role && components.has(name));
  return elsewhere === undefined
    ? `known: ${[...known.keys()].join(", ")}`
    : `${name} is a ${elsewhere[0]}; known here: ${[...known.keys()].join(", ")}`;
};

/** Decodes the engine's part of a sink. */
export const decodeSinkSettings = (
  root: Tree.Node,
  draft: Draft,
): Either.Either<typeof Settings.Sink.Type, ReadonlyArray<Finding.Finding>> => {
  if (draft.node._tag !== "Map") return Either.left([]);
  const own = [...draft.node.entries.keys()].filter((key) => !engineSinkKeys.includes(key));
  return Decode.decode(Settings.Sink, root, Tree.without(draft.node, new Set(own)), draft.path);
};
