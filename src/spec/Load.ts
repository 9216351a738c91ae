/** From texts to values: the one way from YAML, variables and flags to a project and its specs. */
import { Effect } from "effect";
import { nearest } from "../core/Nearest.ts";
import type { Registry } from "../core/Registry.ts";
import * as Explain from "./Explain.ts";
import * as Finding from "./Finding.ts";
import { type Env, interpolateTree } from "./Interpolate.ts";
import * as Lint from "./Lint.ts";
import * as Overlay from "./Overlay.ts";
import * as Pipeline from "./Pipeline.ts";
import * as Project from "./Project.ts";
import { type ReadSecretFile, resolve } from "./Secrets.ts";
import type { Spec } from "./Spec.ts";
import * as Tree from "./Tree.ts";
import * as Yaml from "./Yaml.ts";

export interface Text {
  /** As findings show it; relative paths inside a project file resolve against its folder. */
  readonly path: string;
  readonly text: string;
}

export interface Surroundings {
  readonly project: Text;
  readonly env: Env;
  /** What `--env` says; else `PIPELINE_ENV` does, else it is `default`. */
  readonly environment?: string | undefined;
  /** `--set path=value`, in the order given: the last one wins. */
  readonly sets: ReadonlyArray<string>;
  readonly readSecretFile: ReadSecretFile;
  /** Names of the pipelines there are, so that overrides of others are found. */
  readonly pipelines?: ReadonlyArray<string>;
}

export interface LoadedProject {
  readonly environment: string;
  /** Absent where the file is no YAML. Present beside errors, so that verbs that need only part of it can go on. */
  readonly project: Project.Project | undefined;
  /** Of the file itself; those of connections and locks are in `project.faults` and come with the pipelines that use them. */
  readonly findings: ReadonlyArray<Finding.Finding>;
  /** Every value of connections, lock and state. */
  readonly entries: ReadonlyArray<Explain.Entry>;
  /** What pipelines are loaded with. */
  readonly surroundings: Surroundings;
  readonly tree: Tree.MapNode | undefined;
  readonly overrides: Tree.Node | undefined;
}

export interface LoadedPipeline {
  readonly name: string;
  /** Present where no finding is an error, nor one of the project about a connection that it uses. */
  readonly spec: Spec | undefined;
  /** Present where its own file has no errors, whatever is wrong with connections and locks. */
  readonly draft: Spec | undefined;
  readonly findings: ReadonlyArray<Finding.Finding>;
  /** Effective values of the pipeline and of the project's sections, or those at or below a path. */
  readonly explain: (path?: string) => ReadonlyArray<Explain.Entry>;
  /** Names of the connections it uses. */
  readonly connections: ReadonlySet<string>;
}

interface Sets {
  readonly project: ReadonlyArray<Overlay.Set>;
  readonly pipeline: ReadonlyArray<Overlay.Set>;
  readonly findings: ReadonlyArray<Finding.Finding>;
}

const readSets = (sets: ReadonlyArray<string>): Sets => {
  const parsed = sets.map(Overlay.parseSet);
  const good = parsed.filter((set): set is Overlay.Set => !("code" in set));
  const reachesProject = (set: Overlay.Set) => Project.sections.some((section) => section === set.path[0]);
  return {
    project: good.filter(reachesProject),
    pipeline: good.filter((set) => !reachesProject(set)),
    findings: parsed.filter((set): set is Finding.Finding => "code" in set),
  };
};

/** Overlays have been merged; now flags, variables and secrets, in that order. */
const complete = Effect.fnUntraced(
  function*(tree: Tree.MapNode, sets: ReadonlyArray<Overlay.Set>, surroundings: Surroundings) {
    const findings: Array<Finding.Finding> = [];
    let merged: Tree.Node = tree;
    for (const set of sets) {
      const next = Overlay.applySet(merged, set);
      if ("code" in next) findings.push(next);
      else merged = next;
    }
    const interpolated = interpolateTree(merged, surroundings.env);
    const resolved = yield* resolve(interpolated.tree, surroundings.env, surroundings.readSecretFile);
    return {
      // Leaves are replaced by leaves, and the root is no leaf.
      tree: resolved.tree as Tree.MapNode,
      findings: [...findings, ...interpolated.findings, ...resolved.findings],
    };
  },
);

const pick = (tree: Tree.MapNode, keys: ReadonlyArray<string>): Tree.MapNode => ({
  ...tree,
  entries: new Map([...tree.entries].filter(([key]) => keys.includes(key))),
});

/** Reads the project file for one environment. */
export const loadProject = Effect.fn("Load.project")(
  function*(surroundings: Surroundings): Effect.fn.Return<LoadedProject> {
    const { env, pipelines, project: text } = surroundings;
    const environment = surroundings.environment ?? (env["PIPELINE_ENV"] || Project.DEFAULT_ENVIRONMENT);
    const parsed = Yaml.parse(text.path, text.text);
    const sets = readSets(surroundings.sets);
    if (parsed.tree === undefined) {
      const findings = [...parsed.findings, ...sets.findings];
      return {
        environment,
        project: undefined,
        findings,
        entries: [],
        surroundings,
        tree: undefined,
        overrides: undefined,
      };
    }
    const selected = Project.select(parsed.tree, environment);
    const { findings: filling, tree } = yield* complete(
      pick(selected.tree, Project.sections),
      sets.project,
      surroundings,
    );
    const decoded = Project.decode(environment, tree, filling);
    const overrides = Tree.child(selected.tree, "pipelines");
    return {
      environment,
      project: decoded.project,
      findings: Finding.sorted([
        ...parsed.findings,
        ...sets.findings,
        ...selected.findings,
        ...decoded.findings,
        ...checkOverrides(selected.tree, overrides, pipelines),
      ]),
      entries: Explain.explain(tree, Project.outlineOf(tree)),
      surroundings,
      tree,
      overrides,
    };
  },
);

const checkOverrides = (
  root: Tree.Node,
  overrides: Tree.Node | undefined,
  pipelines: ReadonlyArray<string> | undefined,
): ReadonlyArray<Finding.Finding> => {
  if (overrides === undefined) return [];
  if (overrides._tag !== "Map") {
    return [Finding.inTree(root, "value", {
      code: "spec/wrong-type",
      path: ["pipelines"],
      message: "expected a map of pipelines by name",
      suggestion: "write pipelines: { narinfo-to-db: { … } }",
    })];
  }
  return [...overrides.entries.keys()].filter((name) => pipelines?.includes(name) === false).map((name) => ({
    ...unknownPipeline(name, pipelines!),
    ...Finding.place(Tree.locate(root, ["pipelines", name], "key")),
    path: ["pipelines", name],
  }));
};

/** What a verb answers that is given the name of no pipeline. */
export const unknownPipeline = (name: string, pipelines: ReadonlyArray<string>): Finding.Finding => {
  const meant = nearest(name, pipelines);
  return Finding.make(undefined, {
    code: "project/unknown-pipeline",
    path: [],
    message: `there is no pipeline ${name}`,
    suggestion: meant !== undefined
      ? `did you mean ${meant}?`
      : pipelines.length === 0
      ? "there are no files in pipelines/"
      : `known: ${pipelines.join(", ")}`,
  });
};

/** Reads one pipeline file within its project. */
export const loadPipeline = Effect.fn("Load.pipeline")(function*(
  loaded: LoadedProject,
  pipeline: Text & { readonly name: string },
  registry: Registry,
): Effect.fn.Return<LoadedPipeline> {
  const { project, surroundings } = loaded;
  const parsed = Yaml.parse(pipeline.path, pipeline.text);
  if (parsed.tree === undefined) {
    return {
      name: pipeline.name,
      spec: undefined,
      draft: undefined,
      findings: parsed.findings,
      explain: (path) => Explain.below(loaded.entries, path),
      connections: new Set(),
    };
  }
  const override = Tree.child(loaded.overrides, pipeline.name);
  const merged = override?._tag === "Map" ? Overlay.merge(parsed.tree, override) as Tree.MapNode : parsed.tree;
  const { findings: filling, tree } = yield* complete(merged, readSets(surroundings.sets).pipeline, surroundings);
  const decoded = Pipeline.decode(pipeline.name, tree, registry, project?.declared);
  const used = [...decoded.connections].flatMap((name) => project?.faults.connections.get(name) ?? []);
  const findings = Finding.sorted([
    ...parsed.findings,
    ...wrongOverride(pipeline.name, override),
    ...filling,
    // What could not be filled in has been reported; its emptiness is no second fault.
    ...decoded.findings.filter(({ path }) => !filling.some((gap) => Tree.isSamePath(gap.path, path))),
    ...used,
    ...(project?.faults.lock ?? []),
  ]);
  const entries = [...Explain.explain(tree, decoded.outline), ...loaded.entries];
  const isConnected = [...decoded.connections].every((name) => project?.connections.has(name) !== false);
  return {
    name: pipeline.name,
    spec: isConnected && !findings.some(Finding.isError) ? decoded.spec : undefined,
    draft: decoded.spec,
    findings,
    explain: (path) => Explain.below(entries, path),
    connections: decoded.connections,
  };
});

const wrongOverride = (name: string, override: Tree.Node | undefined): ReadonlyArray<Finding.Finding> =>
  override === undefined || override._tag === "Map" ? [] : [
    Finding.make(override.origin, {
      code: "spec/wrong-type",
      path: ["pipelines", name],
      message: "expected a map of settings",
      suggestion: `write ${name}: { sink: { … } }`,
    }),
  ];

/** Connections of the project that none of these pipelines, all there are, uses. */
export const unusedConnections = (
  loaded: LoadedProject,
  pipelines: ReadonlyArray<LoadedPipeline>,
): ReadonlyArray<Finding.Finding> =>
  loaded.tree === undefined || loaded.project === undefined ? [] : Lint.checkUnused(
    loaded.tree,
    loaded.project.declared.keys(),
    new Set(pipelines.flatMap((pipeline) => [...pipeline.connections])),
  );
