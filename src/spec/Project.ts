import { Either, Schema } from "effect";
import * as Config from "../core/Config.ts";
import type { ConnectionKind } from "../core/Connections.ts";
import * as Field from "../core/Field.ts";
import * as Decode from "./Decode.ts";
import * as Finding from "./Finding.ts";
import * as Outline from "./Outline.ts";
import * as Overlay from "./Overlay.ts";
import * as ProjectConnection from "./ProjectConnection.ts";
import * as ProjectLock from "./ProjectLock.ts";
import * as Tree from "./Tree.ts";

type Findings = ReadonlyArray<Finding.Finding>;

/** The project file, decoded for one environment. */
export interface Project {
  readonly environment: string;
  readonly state: Config.StateConfig;
  /** Those without errors. */
  readonly connections: ReadonlyMap<string, Config.ConnectionConfig>;
  /** Every connection by name, with its kind where that is right. */
  readonly declared: ReadonlyMap<string, ConnectionKind | undefined>;
  readonly lock: Config.LockConfig;
  /** What is wrong with connections and locks: of weight to the pipelines that use them, and to nothing else. */
  readonly faults: { readonly connections: ReadonlyMap<string, Findings>; readonly lock: Findings };
}

/** Sections that environments may override and `--set` reaches from any verb. */
export const sections = ["connections", "lock", "state"] as const;
const topKeys = [...sections, "environments", "pipelines"];

/** By `type` of a connection. */
export const connectionSettings = { storage: Config.StorageSettings, sql: Config.SqlSettings } as const;
/** The name an environment has when none is chosen. */
export const DEFAULT_ENVIRONMENT = "default";

/** The base of the project file with one environment merged over it; nothing is interpolated yet. */
export const select = (
  root: Tree.MapNode,
  environment: string,
): { readonly tree: Tree.MapNode; readonly findings: Findings } => {
  const findings: Array<Finding.Finding> = [];
  const unknownKeys = (node: Tree.Node, path: Tree.Path, known: ReadonlyArray<string>) => {
    for (const key of node._tag === "Map" ? node.entries.keys() : []) {
      if (known.includes(key)) continue;
      findings.push(Finding.inTree(root, "key", {
        code: "spec/unknown-key",
        path: [...path, key],
        message: `unknown key ${key}`,
        suggestion: Finding.didYouMean(key, known),
      }));
    }
  };
  const wrongType = (node: Tree.Node, path: Tree.Path) => {
    findings.push(Finding.inTree(root, "value", {
      code: "spec/wrong-type",
      path,
      message: `expected a map, found ${Field.kindOf(Tree.plain(node))}`,
    }));
  };
  unknownKeys(root, [], topKeys);
  const environments = Tree.child(root, "environments");
  if (environments !== undefined && environments._tag !== "Map") wrongType(environments, ["environments"]);
  const known = environments?._tag === "Map" ? environments.entries : new Map<string, { readonly node: Tree.Node }>();
  for (const [name, { node }] of known) {
    if (node._tag === "Map") unknownKeys(node, ["environments", name], [...sections, "pipelines"]);
    else wrongType(node, ["environments", name]);
  }
  if (!known.has(environment) && environment !== DEFAULT_ENVIRONMENT) {
    findings.push(Finding.inTree(root, "key", {
      code: "project/unknown-environment",
      path: ["environments"],
      message: `there is no environment ${environment}`,
      suggestion: Finding.didYouMean(environment, [...known.keys()]),
    }));
  }
  const over = known.get(environment)?.node;
  const base = Tree.without(root, new Set(["environments"]));
  return { tree: over?._tag === "Map" ? Overlay.merge(base, over) as Tree.MapNode : base, findings };
};

/** What may stand in the sections of a project file. */
export const outlineOf = (root: Tree.Node): Outline.Outline => {
  const connections = Tree.child(root, "connections");
  const fields: Record<string, Outline.StructField> = {};
  for (const [name, { node }] of connections?._tag === "Map" ? connections.entries : []) {
    const type = Tree.child(node, "type");
    const kind = type?._tag === "Leaf" && ProjectConnection.isKind(type.value) ? type.value : undefined;
    fields[name] = Outline.required(connectionOutline(kind));
  }
  return Outline.struct({
    connections: Outline.required(Outline.struct(fields)),
    lock: Outline.required(Outline.fromSchema(Config.LockSettings)),
    state: Outline.required(Outline.fromSchema(Config.StateSettings)),
  });
};

export const connectionOutline = (kind: ConnectionKind | undefined): Outline.Outline =>
  Outline.struct(
    {
      type: Outline.required({
        _tag: "Field",
        about: { name: "`storage` or `sql`" },
        jsonSchema: { enum: ProjectConnection.kinds },
        description: "What is connected to",
      }),
    },
    ...(kind === undefined ? [] : [Outline.fromSchema(connectionSettings[kind])]),
  );

/** Decodes the sections; `earlier` are findings about the same tree, which are sorted to what they concern. */
export const decode = (
  environment: string,
  root: Tree.MapNode,
  earlier: Findings,
): { readonly project: Project; readonly findings: Findings } => {
  const connections = new Map<string, Config.ConnectionConfig>();
  const declared = new Map<string, ConnectionKind | undefined>();
  const perConnection = new Map<string, Findings>();
  const section = Tree.child(root, "connections");
  const general = earlier.filter(({ path }) =>
    path[0] !== "lock" && (path[0] !== "connections" || Tree.child(section, String(path[1])) === undefined)
  );
  if (section !== undefined && section._tag !== "Map") {
    general.push(Finding.inTree(root, "value", {
      code: "spec/wrong-type",
      path: ["connections"],
      message: `expected a map, found ${Field.kindOf(Tree.plain(section))}`,
    }));
  }
  const entries: Tree.MapNode["entries"] = section?._tag === "Map" ? section.entries : new Map();
  for (const [name, { node }] of entries) {
    const { config, kind, findings } = ProjectConnection.decode([...entries.keys()], root, name, node);
    const concerning = earlier.filter(({ path }) => path[0] === "connections" && path[1] === name);
    // What could not be filled in has been reported; its emptiness is no second fault.
    const all = concerning.some(Finding.isError) ? concerning : findings;
    declared.set(name, kind);
    // Declared nowhere: a flag or an environment means another one, and would be without effect.
    const isStray = Tree.child(node, "type") === undefined;
    if (isStray) general.push(...all);
    perConnection.set(name, isStray ? [] : all);
    if (config !== undefined && !all.some(Finding.isError)) connections.set(name, config);
  }
  const lock = ProjectLock.decode(root, [...declared.keys()], connections);
  const empty: Tree.Node = { _tag: "Map", entries: new Map(), origin: root.origin };
  const state = Decode.decode(Config.StateSettings, root, Tree.child(root, "state") ?? empty, ["state"]);
  return {
    project: {
      environment,
      state: Either.getOrElse(state, () => Schema.decodeUnknownSync(Config.StateSettings)({})),
      connections,
      declared,
      lock: lock.config,
      faults: {
        connections: perConnection,
        lock: [...earlier.filter(({ path }) => path[0] === "lock"), ...lock.findings],
      },
    },
    findings: [...general, ...Either.match(state, { onLeft: (found) => found, onRight: () => [] })],
  };
};
