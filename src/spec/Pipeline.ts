import { Either } from "effect";
import type { SinkComponent, SourceComponent } from "../core/Component.ts";
import type { ConnectionKind } from "../core/Connections.ts";
import * as Field from "../core/Field.ts";
import type { Registry } from "../core/Registry.ts";
import * as Decode from "./Decode.ts";
import * as Finding from "./Finding.ts";
import * as Lint from "./Lint.ts";
import * as Outline from "./Outline.ts";
import * as Settings from "./Settings.ts";
import type { Spec } from "./Spec.ts";
import * as Stage from "./Stage.ts";
import * as Tree from "./Tree.ts";

export interface Decoded {
  /** Present where no finding is an error. */
  readonly spec: Spec | undefined;
  /** In reading order. */
  readonly findings: ReadonlyArray<Finding.Finding>;
  /** What may stand where, for explain; of unknown components only what is known. */
  readonly outline: Outline.Outline;
  /** Names of the connections it uses, known or not. */
  readonly connections: ReadonlySet<string>;
}

/** Reads the list of stages under a key; absent is empty. */
const stagesUnder = (root: Tree.Node, key: "transforms" | "postSteps") => {
  const node = Tree.child(root, key);
  return node === undefined || node._tag === "List"
    ? { items: node?.items ?? [], findings: [] }
    : {
      items: [],
      findings: [Finding.inTree(root, "value", {
        code: "spec/wrong-type",
        path: [key],
        message: `expected a list, found ${Field.kindOf(Tree.plain(node))}`,
        suggestion: `write ${key}: [] or a list of maps, each with a type`,
      })],
    };
};

const missing = (root: Tree.Node, key: "source" | "sink", types: Iterable<string>): Finding.Finding =>
  Finding.inTree(root, "key", {
    code: "spec/missing-key",
    path: [key],
    message: `the key ${key} is missing`,
    suggestion: `add ${key}: with a type, one of ${[...types].join(", ")}`,
  });

/**
 * Makes a spec of a tree that is merged, interpolated and free of references to secrets. `declared`: connections and their kinds, where
 * the project file could be read.
 */
export const decode = (
  name: string,
  root: Tree.MapNode,
  registry: Registry,
  declared: ReadonlyMap<string, ConnectionKind | undefined> | undefined,
): Decoded => {
  const one = Tree.child(root, "source");
  const source = one && Stage.decode<SourceComponent>("source", registry.sources, registry, root, ["source"], one);
  const listed = stagesUnder(root, "transforms");
  const transforms = listed.items.map((node, index) =>
    Stage.decode("transform", registry.transforms, registry, root, ["transforms", index], node)
  );
  const target = Tree.child(root, "sink");
  const sink = target && Stage.decode<SinkComponent>("sink", registry.sinks, registry, root, ["sink"], target);
  const after = stagesUnder(root, "postSteps");
  const postSteps = after.items.map((node, index) =>
    Stage.decode("post-step", registry.postSteps, registry, root, ["postSteps", index], node)
  );

  const stages: ReadonlyArray<Stage.Draft> = [
    ...(source ? [source] : []),
    ...transforms,
    ...(sink ? [sink] : []),
    ...postSteps,
  ];
  const chain = stages.filter((stage) => stage.role !== "post-step");
  const own = Decode.decode(
    Settings.Pipeline,
    root,
    Tree.without(root, new Set(Settings.stageKeys)),
    [],
    Settings.stageKeys,
  );
  const engine = sink === undefined ? Either.left([]) : Stage.decodeSinkSettings(root, sink);
  const emitted = chain.filter((stage) => stage.role === "transform").at(-1)?.component;
  const used = Lint.connectionsOf(root, stages);
  const paths = emitted !== undefined && "paths" in emitted ? emitted.paths : undefined;

  const findings = Finding.sorted([
    ...(source ? [] : [missing(root, "source", registry.sources.keys())]),
    ...(sink ? [] : [missing(root, "sink", registry.sinks.keys())]),
    ...listed.findings,
    ...after.findings,
    ...stages.flatMap((stage) => stage.findings),
    ...Either.match(own, {
      onLeft: (found) => found,
      onRight: ({ orphans, throttles }) => [
        ...Lint.checkOrphans(root, orphans),
        ...Lint.checkHours(root, throttles),
      ],
    }),
    ...Either.match(engine, {
      onLeft: (found) => found,
      onRight: (settings) => [
        ...Lint.checkLock(root, ["sink"], settings, paths),
        ...Lint.checkStarts(root, ["sink"], settings),
      ],
    }),
    ...(declared === undefined ? [] : Lint.checkConnections(root, used, declared)),
    ...Lint.checkShapes(root, chain),
  ]);
  const outline = Outline.struct(
    {
      ...(source ? { source: Outline.required(Stage.outlineOf("source", source.component)) } : {}),
      transforms: Outline.required({
        _tag: "Tuple",
        items: transforms.map((stage) => Stage.outlineOf("transform", stage.component)),
      }),
      ...(sink ? { sink: Outline.required(Stage.outlineOf("sink", sink.component)) } : {}),
      postSteps: Outline.required({
        _tag: "Tuple",
        items: postSteps.map((stage) => Stage.outlineOf("post-step", stage.component)),
      }),
    },
    Outline.fromSchema(Settings.Pipeline),
  );
  const connections = new Set(used.map(({ name }) => name));
  if (
    source === undefined || sink === undefined || Either.isLeft(own) || Either.isLeft(engine)
    || findings.some(Finding.isError)
  ) {
    return { spec: undefined, findings, outline, connections };
  }
  const { batch, concurrency, lock, retry, statementTimeout } = engine.right;
  const bounded = ({ max, start }: { readonly start: number; readonly max: number }) => ({
    start: Math.min(start, max),
    max,
  });
  const { maxRate, throttles } = own.right;
  const spec: Spec = {
    name,
    ...own.right,
    maxRate,
    pace: Decode.canonical(Settings.Pace, { throttles, ...(maxRate === undefined ? {} : { maxRate }) }),
    source: stageOf(source),
    transforms: transforms.map(stageOf),
    sink: {
      ...stageOf(sink),
      lock,
      batch: { ...batch, items: bounded(batch.items) },
      concurrency: bounded(concurrency),
      statementTimeout,
      retry,
    },
    postSteps: postSteps.map(stageOf),
  };
  return { spec, findings, outline, connections };
};

/** Only for drafts without errors: there the component is known. */
const stageOf = <C extends NonNullable<Stage.Draft["component"]>>(draft: Stage.Draft<C>) => ({
  component: draft.component!,
  options: draft.options,
  path: draft.path,
  canonical: draft.canonical,
});
