/** What only shows when parts of a spec are seen together. Pure and offline. */
import { Duration, Either } from "effect";
import type { Component, Shape } from "../core/Component.ts";
import type { ConnectionKind } from "../core/Connections.ts";
import { nearest } from "../core/Nearest.ts";
import * as Finding from "./Finding.ts";
import * as KeyTemplate from "./KeyTemplate.ts";
import * as Outline from "./Outline.ts";
import * as Settings from "./Settings.ts";
import * as Stage from "./Stage.ts";
import * as Tree from "./Tree.ts";

type Findings = ReadonlyArray<Finding.Finding>;

type UsedConnection = ReturnType<typeof Outline.connections>[number];

/** The connections that stages and throttles name, whether the other settings are right or not. */
export const connectionsOf = (root: Tree.Node, stages: ReadonlyArray<Stage.Draft>): ReadonlyArray<UsedConnection> => [
  ...Outline.connections(pace, root, []),
  ...stages.flatMap((stage) =>
    Outline.connections(Stage.outlineOf(stage.role, stage.component), stage.node, stage.path)
  ),
];

const pace = Outline.fromSchema(Settings.Pace);

/** Every connection that is named exists and is of the kind that is needed. */
export const checkConnections = (
  root: Tree.Node,
  used: ReadonlyArray<UsedConnection>,
  declared: ReadonlyMap<string, ConnectionKind | undefined>,
): Findings =>
  used.flatMap(({ kind, name, path }) => {
    if (!declared.has(name)) {
      const meant = nearest(name, declared.keys());
      return [Finding.inTree(root, "value", {
        code: "spec/unknown-connection",
        path,
        message: `the project file has no connection ${name}`,
        suggestion: meant !== undefined
          ? `did you mean ${meant}?`
          : declared.size === 0
          ? "add it under connections"
          : `known: ${[...declared.keys()].join(", ")}`,
      })];
    }
    const actual = declared.get(name);
    if (actual === undefined || actual === kind) return [];
    const fitting = [...declared].filter(([, other]) => other === kind).map(([other]) => other);
    return [Finding.inTree(root, "value", {
      code: "spec/connection-kind",
      path,
      message: `${name} is a ${actual} connection, and a ${kind} connection is needed`,
      suggestion: fitting.length === 0 ? `add a connection of type ${kind}` : `use ${fitting.join(" or ")}`,
    })];
  });

const emits = (component: Component): Shape | undefined => "emits" in component ? component.emits : undefined;
const accepts = (component: Component): Shape | undefined => "accepts" in component ? component.accepts : undefined;

/** Every stage takes what the one before it emits. */
export const checkShapes = (root: Tree.Node, chain: ReadonlyArray<Stage.Draft>): Findings =>
  chain.slice(1).flatMap((stage, index) => {
    const before = chain[index]!.component;
    if (before === undefined || stage.component === undefined) return [];
    const emitted = emits(before);
    const accepted = accepts(stage.component);
    if (emitted === undefined || accepted === undefined || emitted === accepted) return [];
    return [Finding.inTree(root, "value", {
      code: "spec/shape",
      path: [...stage.path, "type"],
      message: `${stage.component.type} takes ${accepted}, but ${before.type} before it gives ${emitted}`,
      suggestion: `put a transform from ${emitted} to ${accepted} between them, or change their order`,
    })];
  });

const placeholder = /\{([^{}]*)\}/g;

/** The lock outlives the slowest batch (design §6), and its key is made of paths that exist. */
export const checkLock = (
  root: Tree.Node,
  path: Tree.Path,
  settings: typeof Settings.Sink.Type,
  paths: ReadonlyArray<string> | undefined,
): Findings => {
  const { lock, statementTimeout } = settings;
  if (lock === undefined) return [];
  const findings: Array<Finding.Finding> = [];
  const least = 2 * (Duration.toMillis(statementTimeout) + Duration.toMillis(lock.holdTarget));
  if (Duration.toMillis(lock.ttl) < least) {
    findings.push(Finding.inTree(root, "value", {
      code: "spec/lock-ttl",
      path: [...path, "lock", "ttl"],
      message: `a lock of ${Duration.format(lock.ttl)} could expire while its batch is written`,
      suggestion: `write at least ${least}ms, twice statementTimeout and holdTarget together, or lower these`,
    }));
  }
  const report = (code: string, message: string, suggestion: string) => {
    findings.push(Finding.inTree(root, "value", { code, path: [...path, "lock", "key"], message, suggestion }));
  };
  const names = [...lock.key.matchAll(placeholder)].map((match) => match[1]!);
  if (/[{}]/.test(lock.key.replace(placeholder, ""))) {
    report("spec/bad-value", "a brace has no partner", "write it like migration:{hash}");
  } else if (names.length === 0) {
    report(
      "spec/bad-value",
      "all items would share one key",
      "name a path of the item in braces, like migration:{hash}",
    );
  }
  for (const name of names) {
    if (paths === undefined || paths.includes(name)) continue;
    const meant = nearest(name, paths);
    report(
      "spec/unknown-path",
      `items have no ${JSON.stringify(name)}`,
      meant === undefined ? `known: ${paths.join(", ")}` : `did you mean ${meant}?`,
    );
  }
  return findings;
};

/** Where a start is above its bound: a slip in one file, but no more than a bound where an overlay lowers it. */
const checkStart = (
  root: Tree.Node,
  path: Tree.Path,
  { max, start }: { readonly start: number; readonly max: number },
  describe: (start: number, max: number) => string,
): Findings => {
  const [from, to] = ["start", "max"].map((key) => Tree.at(root, [...path, key])?.origin);
  if (start <= max || from === undefined) return [];
  const isSlip = from._tag === "File" && to?._tag === "File" && from.place.file === to.place.file;
  return [Finding.inTree(root, "value", {
    code: "spec/bad-value",
    severity: isSlip || to === undefined ? "error" : "warning",
    path: [...path, "start"],
    message: describe(start, max),
    suggestion: isSlip || to === undefined ? `write ${max} or less` : `they start with ${max}`,
  })];
};

/** No batch starts larger, nor do more start side by side, than there may be. */
export const checkStarts = (root: Tree.Node, path: Tree.Path, settings: typeof Settings.Sink.Type): Findings => [
  ...checkStart(
    root,
    [...path, "batch", "items"],
    settings.batch.items,
    (start, max) => `batches cannot start with ${start} items and hold ${max} at most`,
  ),
  ...checkStart(
    root,
    [...path, "concurrency"],
    settings.concurrency,
    (start, max) => `no ${start} batches can be in flight where ${max} are the most`,
  ),
];

/** Hours that last all day, or not at all, are no hours. */
export const checkHours = (root: Tree.Node, throttles: typeof Settings.Pace.Type["throttles"]): Findings =>
  throttles.flatMap((throttle, index) =>
    "hours" in throttle && throttle.hours.from === throttle.hours.to
      ? [Finding.inTree(root, "value", {
        code: "spec/bad-value",
        path: ["throttles", index, "hours", "to"],
        message: "these hours begin and end at the same time",
        suggestion: "write two different times of day",
      })]
      : []
  );

/** The key of an object that a row waits for is made of its columns. */
export const checkOrphans = (root: Tree.Node, orphans: typeof Settings.Pipeline.Type["orphans"]): Findings =>
  orphans === undefined ? [] : Either.match(KeyTemplate.parse(orphans.key), {
    onLeft: (message) => [Finding.inTree(root, "value", {
      code: "spec/bad-value",
      path: ["orphans", "key"],
      message,
      suggestion: "write it like store/{hash:1}/{hash}.narinfo",
    })],
    onRight: () => [],
  });

/** Connections that none of these pipelines names. */
export const checkUnused = (
  project: Tree.Node,
  declared: Iterable<string>,
  used: ReadonlySet<string>,
): Findings =>
  [...declared].filter((name) => !used.has(name)).map((name) =>
    Finding.inTree(project, "key", {
      code: "spec/unused-connection",
      severity: "warning",
      path: ["connections", name],
      message: `no pipeline uses the connection ${name}`,
      suggestion: "remove it, or name it in a pipeline",
    })
  );
