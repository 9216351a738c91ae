import { Effect, Layer } from "effect";
import type { Access } from "../core/Access.ts";
import type { Problem } from "../core/Problem.ts";
import { sinkFaults } from "../engine/Checkup.ts";
import { compile } from "../engine/Compile.ts";
import { inspect } from "../engine/Inspect.ts";
import type { Plan } from "../engine/Plan.ts";
import * as Finding from "../spec/Finding.ts";
import type { LoadedPipeline } from "../spec/Load.ts";
import { FindingsError } from "./Failure.ts";
import { Host } from "./Host.ts";
import type { Common } from "./Verb.ts";
import * as Workspace from "./Workspace.ts";

/** Where a problem of the surroundings stands in the files: at the nearest setting that there is on its path. */
export const placed = (pipeline: LoadedPipeline, problem: Problem): Finding.Finding => {
  const entries = pipeline.explain();
  for (let depth = problem.path.length; depth > 0; depth--) {
    const entry = entries.find(({ from, path }) =>
      from._tag !== "Default"
      && problem.path.slice(0, depth).every((part, index) => String(path[index]) === String(part))
    );
    if (entry !== undefined && entry.from._tag !== "Default") return Finding.make(entry.from, problem);
  }
  return Finding.make(undefined, problem);
};

/** Everything up to the plan: project and pipeline read, surroundings inspected, all findings or none that is an error. */
export const prepare = Effect.fn("Prepare.prepare")(function*(
  values: Common,
  name: string,
  options: { readonly keep: boolean },
) {
  const host = yield* Host;
  const workspace = yield* Workspace.open(values);
  const pipeline = yield* Effect.flatMap(Workspace.file(workspace, name), (file) => Workspace.load(workspace, file));
  const project = workspace.loaded.project;
  const offline = [...workspace.loaded.findings, ...pipeline.findings];
  if (project === undefined || pipeline.spec === undefined) return yield* new FindingsError({ findings: offline });
  const registry = yield* host.registry;
  const connections = yield* Layer.build(host.connections(Workspace.connectionsOf(project)));
  const inspections = yield* Effect.provide(inspect(pipeline.spec, registry), connections);
  const findings: ReadonlyArray<Finding.Finding> = [
    ...offline,
    ...inspections.problems.map((problem) => placed(pipeline, problem)),
    ...(yield* host.checkState(workspace.statePath)).map((problem) => Finding.make(undefined, problem)),
  ];
  if (findings.some(Finding.isError)) return yield* new FindingsError({ findings });
  const plan: Plan = compile(pipeline.spec, workspace.environment, inspections, host.version, options);
  return { workspace, plan, registry, connections, warnings: findings };
});

/** What would keep a run from writing to its target: a plan and a dry run, which only read, would not notice. */
export const unwritable = (
  { connections, plan }: Effect.Effect.Success<ReturnType<typeof prepare>>,
): Effect.Effect<ReadonlyArray<Finding.Finding>> =>
  Effect.map(
    Effect.provide(sinkFaults(plan.spec), connections),
    (checks) =>
      checks.map(({ detail, name, remedy }) =>
        Finding.make(undefined, {
          code: name,
          severity: "warning",
          path: plan.spec.sink.path,
          message: `a run would fail: ${detail}`,
          ...(remedy === undefined ? {} : { suggestion: remedy }),
        })
      ),
  );

/** The state file of a workspace, until the scope closes. */
export const openState = (workspace: Workspace.Workspace, access: Access) =>
  Effect.flatMap(Host, (host) => Layer.build(host.state({ path: workspace.statePath, access })));
