import * as Args from "@effect/cli/Args";
import { Effect, Layer, Option } from "effect";
import type { Check } from "../../core/Check.ts";
import * as Checkup from "../../engine/Checkup.ts";
import * as Finding from "../../spec/Finding.ts";
import type { LoadedPipeline } from "../../spec/Load.ts";
import type { Spec } from "../../spec/Spec.ts";
import type { Answer } from "../Answer.ts";
import * as DoctorText from "../DoctorText.ts";
import type { Subject } from "../DoctorText.ts";
import * as ExitCode from "../ExitCode.ts";
import * as FindingText from "../FindingText.ts";
import { Host } from "../Host.ts";
import { placed } from "../Prepare.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

const ofFinding = (finding: Finding.Finding): Check => ({
  name: finding.code,
  status: Finding.isError(finding) ? "fail" : "warn",
  detail: FindingText.headline(finding),
  ...(finding.suggestion === undefined ? {} : { remedy: finding.suggestion }),
});

const concerns = (section: string) => (finding: Finding.Finding): boolean => finding.path[0] === section;

/** Findings of pipelines that are about a section of the project file, each once: pipelines share connections, and what is wrong there. */
const sectionFindings = (
  pipelines: ReadonlyArray<LoadedPipeline>,
  section: string,
): ReadonlyArray<Finding.Finding> => [
  ...new Map(
    pipelines.flatMap(({ findings }) => findings).filter(concerns(section))
      .map((finding) => [Finding.format(finding), finding]),
  ).values(),
];

const unopened = (pipeline: LoadedPipeline, examined: ReadonlyMap<string, Checkup.Examined>) =>
  [...pipeline.connections].filter((name) => examined.get(name)?.isOpen === false);

/** `pipeline doctor`. */
export const doctor = Verb.make({
  name: "doctor",
  summary: "checks everything that pipelines depend on: files, connections, permissions, versions, disks, clocks",
  description:
    "Each connection is looked at by itself, with the permissions that the pipelines need. Warnings do not fail; exit code 2 means that\n"
    + "a file must be mended, 3 that a server or disk must. Nothing is written, but for an object on S3 that shows whether it can be\n"
    + "deleted on condition, and that is removed at once.",
  examples: ["pipeline doctor", "pipeline doctor narinfo-to-db --env production", "pipeline doctor --json"],
  usage: "[NAME]",
  args: Args.text({ name: "NAME" }).pipe(Args.optional, Args.map(Option.getOrUndefined)),
  flags: {},
  run: Effect.fn("Cli.doctor")(function*(values, name) {
    const host = yield* Host;
    const workspace = yield* Workspace.look(values);
    const files = name === undefined
      ? yield* Workspace.loadAll(workspace)
      : [yield* Workspace.loadNamed(workspace, name)];
    const pipelines = files.map(({ loaded }) => loaded);
    const specs = pipelines.flatMap(({ draft }): ReadonlyArray<Spec> => draft === undefined ? [] : [draft]);
    const { project } = workspace.loaded;
    const registry = yield* host.registry;
    const connections = project === undefined
      ? undefined
      : yield* Layer.build(host.connections(Workspace.connectionsOf(project)));

    const [examined, lock, state] = yield* Effect.all([
      connections === undefined || project === undefined
        ? Effect.succeed(new Map<string, Checkup.Examined>())
        : Effect.provide(Checkup.connections(specs, project.connections), connections),
      connections === undefined || specs.length === 0 || project?.faults.lock.some(Finding.isError) === true
        ? Effect.succeed({ checks: [], isOpen: false, isConfiguration: false })
        : Effect.provide(Checkup.lock, connections),
      host.checkupState(workspace.statePath),
    ], { concurrency: "unbounded" });

    const surroundings = (pipeline: LoadedPipeline) =>
      Effect.gen(function*(): Effect.fn.Return<ReadonlyArray<Check>> {
        const lacking = unopened(pipeline, examined);
        const found = pipeline.spec === undefined || connections === undefined || lacking.length > 0
          ? undefined
          : yield* Effect.provide(Checkup.surroundings(pipeline.spec, registry), connections);
        if (found !== undefined) return found.problems.map((problem) => ofFinding(placed(pipeline, problem)));
        return [{
          name: "pipeline/not-inspected",
          status: "warn",
          detail: `what it needs of its target was not looked at: ${
            lacking.length > 0 ? `see ${lacking.join(", ")}` : "mend what is wrong first"
          }`,
        }];
      });
    const ofPipeline = (pipeline: LoadedPipeline) =>
      Effect.map(surroundings(pipeline), (found): Subject => {
        const own = pipeline.findings.filter((finding) =>
          !concerns("connections")(finding) && !concerns("lock")(finding)
        );
        const checks = [...own.map(ofFinding), ...found];
        return {
          kind: "pipeline",
          name: pipeline.name,
          area: "configuration",
          checks: checks.length > 0
            ? checks
            : [{ name: "pipeline/valid", status: "pass", detail: "valid, and its target has what it writes" }],
        };
      });

    const connectionFindings = sectionFindings(pipelines, "connections");
    const lockFindings = sectionFindings(pipelines, "lock");
    const names = [...new Set([...examined.keys(), ...connectionFindings.map(({ path }) => String(path[1]))])];
    const subjects: ReadonlyArray<Subject> = [
      {
        kind: "project",
        name: workspace.projectFile,
        area: "configuration",
        checks: workspace.loaded.findings.length > 0
          ? workspace.loaded.findings.map(ofFinding)
          : [{ name: "project/valid", status: "pass", detail: `environment ${workspace.environment}` }],
      },
      ...names.map((name): Subject => {
        const findings = connectionFindings.filter(({ path }) => path[1] === name);
        const found = examined.get(name);
        return {
          kind: "connection",
          name,
          area: findings.some(Finding.isError) || found?.isConfiguration === true ? "configuration" : "environment",
          checks: [...findings.map(ofFinding), ...(found?.checks ?? [])],
        };
      }),
      {
        kind: "lock",
        // What stands in for a lock that could not be read is not what a run would take.
        name: project === undefined || project.faults.lock.some(Finding.isError) ? "unknown" : project.lock.type,
        area: lockFindings.some(Finding.isError) || lock.isConfiguration ? "configuration" : "environment",
        checks: [...lockFindings.map(ofFinding), ...lock.checks],
      },
      { kind: "state", name: workspace.statePath, area: "environment", checks: state },
      ...(yield* Effect.forEach(pipelines, ofPipeline, { concurrency: "unbounded" })),
    ];
    const shown = subjects.filter(({ checks }) => checks.length > 0);
    const failing = shown.filter((subject) => DoctorText.withStatus([subject], "fail").length > 0);
    const outcome = {
      _tag: "Diagnosed",
      fault: failing.find(({ area }) => area === "configuration")?.area ?? failing[0]?.area,
    } as const;
    const summary = DoctorText.verdict(shown);
    const [first] = failing.flatMap(({ checks }) => checks.filter(({ status }) => status === "fail"));
    return {
      outcome,
      summary,
      result: {
        projectFile: workspace.projectFile,
        environment: workspace.environment,
        pipelines: pipelines.map(({ name }) => name),
        subjects: shown,
      },
      ...(first === undefined ? {} : {
        problem: {
          code: first.name,
          message: first.detail,
          ...(first.remedy === undefined ? {} : { remedy: first.remedy }),
        },
      }),
      text: (paint) => DoctorText.lines(shown, ExitCode.of(outcome), paint),
    } satisfies Answer;
  }),
});
