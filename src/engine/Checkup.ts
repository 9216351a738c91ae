/** What `doctor` finds of the connections that pipelines use: each looked at by itself, so that one which hangs or fails hides no other. */
import { Duration, Effect } from "effect";
import type { Check } from "../core/Check.ts";
import type { Need } from "../core/Component.ts";
import { Connections } from "../core/Connections.ts";
import type { Registry } from "../core/Registry.ts";
import type { Spec } from "../spec/Spec.ts";
import { canonicalJson } from "./Compile.ts";
import { inspect } from "./Inspect.ts";
import type { Inspections } from "./Inspect.ts";
import * as Retry from "./Retry.ts";

/** What was found of one connection, or of the lock. */
export interface Examined {
  readonly checks: ReadonlyArray<Check>;
  /** Whether it could be opened and asked. */
  readonly isOpen: boolean;
  /** Whether it is the project file that must be mended, not the world. */
  readonly isConfiguration: boolean;
}

/** A server that takes longer than this to connect and answer a dozen questions is of no use to a run. */
const patience = Duration.seconds(20);

const failed = (failure: Retry.Failure): Examined => ({
  isOpen: false,
  isConfiguration: failure._tag === "ConnectionError" && failure.reason !== "Unreachable",
  checks: [{
    name: Retry.code(failure),
    status: "fail",
    detail: failure.detail,
    ...(failure.remedy === undefined ? {} : { remedy: failure.remedy }),
  }],
});

const silent: Examined = {
  isOpen: false,
  isConfiguration: false,
  checks: [{
    name: "connection/timeout",
    status: "fail",
    detail: `no answer within ${Duration.format(patience)}`,
    remedy: "Check that host and port are right, and that no firewall drops what is sent there",
  }],
};

/** A driver that cannot be interrupted is left behind: it ends with the process. */
const bounded = <R>(checks: Effect.Effect<ReadonlyArray<Check>, Retry.Failure, R>): Effect.Effect<Examined, never, R> =>
  checks.pipe(
    Effect.map((found): Examined => ({ checks: found, isOpen: true, isConfiguration: false })),
    Effect.catchAll((failure) => Effect.succeed(failed(failure))),
    Effect.disconnect,
    Effect.timeoutTo({ duration: patience, onSuccess: (found) => found, onTimeout: () => silent }),
  );

/** All that a pipeline will ask of its connections. Whether objects are deleted is up to the post-steps, but asked of the source's storage. */
const needsOf = (spec: Spec): ReadonlyArray<Need> => {
  const deletes = spec.postSteps.some(({ component }) => component.deletes);
  const source = spec.source.component.needs?.(spec.source.options) ?? [];
  return [
    ...source.map((need) => need.kind === "storage" ? { ...need, needs: { ...need.needs, deletes } } : need),
    ...(spec.sink.component.needs?.(spec.sink.options) ?? []),
    ...spec.throttles.flatMap((throttle): ReadonlyArray<Need> =>
      "replicaLag" in throttle
        ? [{
          kind: "sql",
          connection: throttle.replicaLag.connection,
          needs: { tables: [], access: "read" },
        }]
        : []
    ),
    ...spec.transforms.flatMap(({ component, options }) => component.needs?.(options) ?? []),
    ...spec.postSteps.flatMap(({ component, options }) => component.needs?.(options) ?? []),
  ];
};

const checkupOf = (need: Need, statementTimeout: Duration.Duration) =>
  Effect.scoped(Effect.gen(function*() {
    const connections = yield* Connections;
    if (need.kind === "storage") {
      return yield* (yield* connections.storage(need.connection)).checkup(need.needs);
    }
    // Invariant 10: opened for reading, and asked whether it could be written.
    const sql = yield* connections.sql(need.connection, { access: "read", statementTimeout });
    return yield* sql.checkup(need.needs);
  }));

const unique = <A>(values: ReadonlyArray<A>): ReadonlyArray<A> => [
  ...new Map(values.map((value) => [canonicalJson(value), value])).values(),
];

/** The connections of these pipelines by name, in parallel; those that are not `known` cannot be opened at all. */
export const connections = Effect.fn("Checkup.connections")(function*(
  specs: ReadonlyArray<Spec>,
  known: ReadonlyMap<string, unknown>,
) {
  const asked = new Map<string, { readonly needs: Array<Need>; timeout: Duration.Duration }>();
  for (const spec of specs) {
    for (const need of needsOf(spec)) {
      if (!known.has(need.connection)) continue;
      const so = asked.get(need.connection) ?? { needs: [], timeout: spec.sink.statementTimeout };
      so.needs.push(need);
      asked.set(need.connection, so);
    }
  }
  const examined = yield* Effect.forEach(asked, ([name, { needs, timeout }]) =>
    Effect.map(
      // Pipelines that ask the same get one answer.
      Effect.forEach(unique(needs), (need) => bounded(checkupOf(need, timeout))),
      (all) =>
        [name, {
          checks: unique(all.flatMap(({ checks }) => checks)),
          isOpen: all.every(({ isOpen }) => isOpen),
          isConfiguration: all.some(({ isConfiguration }) => isConfiguration),
        }] as const,
    ), { concurrency: "unbounded" });
  return new Map<string, Examined>(examined);
});

/** Where keys are locked. */
export const lock: Effect.Effect<Examined, never, Connections> = Effect.flatMap(
  Connections,
  (connections) => bounded(Effect.scoped(Effect.flatMap(connections.lock, ({ checkup }) => checkup))),
);

/** What keeps the sink from being written. */
export const sinkFaults = Effect.fn("Checkup.sinkFaults")(function*(spec: Spec) {
  const needs = spec.sink.component.needs?.(spec.sink.options) ?? [];
  const examined = yield* Effect.forEach(needs, (need) => bounded(checkupOf(need, spec.sink.statementTimeout)));
  return examined.flatMap(({ checks }) => checks.filter(({ status }) => status === "fail"));
});

/** What the stages find of their surroundings; nothing where a connection that they use cannot be opened. */
export const surroundings = (
  spec: Spec,
  registry: Registry,
): Effect.Effect<Inspections | undefined, never, Connections> =>
  Effect.scoped(inspect(spec, registry)).pipe(
    Effect.disconnect,
    Effect.timeout(patience),
    Effect.orElseSucceed(() => undefined),
  );
