import { Effect } from "effect";
import type { Inspection, SinkSettings } from "../core/Component.ts";
import type { Problem } from "../core/Problem.ts";
import type { Registry } from "../core/Registry.ts";
import type { Spec } from "../spec/Spec.ts";
import * as Brake from "./Brake.ts";

/** What a read-only look at the world found for each stage of a spec, with problems placed in the spec. */
export interface Inspections {
  readonly source: Inspection;
  readonly sink: Inspection;
  readonly postSteps: ReadonlyArray<Inspection>;
  /** Of all stages and throttles, their paths from the root of the spec. */
  readonly problems: ReadonlyArray<Problem>;
}

/** What the engine tells the sink of its surroundings. */
export const sinkSettings = (spec: Spec, registry: Registry): SinkSettings => ({
  statementTimeout: spec.sink.statementTimeout,
  paths: spec.transforms.at(-1)?.component.paths,
  comparators: registry.comparators,
});

/** Invariant 10: opens everything for reading and writes nothing. */
export const inspect = Effect.fn("Engine.inspect")(function*(spec: Spec, registry: Registry) {
  const source = yield* spec.source.component.inspect(spec.source.options);
  const opened = yield* spec.source.component.open(spec.source.options);
  const sink = yield* spec.sink.component.inspect(spec.sink.options, sinkSettings(spec, registry));
  const postSteps = yield* Effect.forEach(
    spec.postSteps,
    (step) => step.component.inspect(step.options, opened),
  );
  const throttles = yield* Brake.inspect(spec.throttles, spec.sink.statementTimeout);
  const placed = (path: ReadonlyArray<string | number>, inspection: Inspection): ReadonlyArray<Problem> =>
    inspection.problems.map((problem) => ({ ...problem, path: [...path, ...problem.path] }));
  const inspections: Inspections = {
    source,
    sink,
    postSteps,
    problems: [
      ...placed(spec.source.path, source),
      ...placed(spec.sink.path, sink),
      ...postSteps.flatMap((inspection, index) => placed(["postSteps", index], inspection)),
      ...throttles,
    ],
  };
  return inspections;
});
