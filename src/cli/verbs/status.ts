import * as Args from "@effect/cli/Args";
import { Effect, Option } from "effect";
import type { RunRecord } from "../../core/State.ts";
import { State } from "../../core/State.ts";
import * as Answer from "../Answer.ts";
import { quote } from "../Invocation.ts";
import * as Layout from "../Layout.ts";
import type { Paint } from "../Paint.ts";
import { openState } from "../Prepare.ts";
import * as ProgressText from "../ProgressText.ts";
import * as Runs from "../Runs.ts";
import * as Selection from "../Selection.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

/** Recent runs looked at for others that are still under way. */
const recentRuns = 10;

/** Quarantined items are counted up to here; beyond, "more than" says enough. */
const countedAtMost = 10_000;

interface Standing {
  readonly name: string;
  readonly run: RunRecord | undefined;
  /** Older runs that are still under way. */
  readonly beside: ReadonlyArray<RunRecord>;
  readonly waiting: number;
  readonly accepted: number;
}

const standing = (environment: string, pipeline: string) =>
  Effect.gen(function*() {
    const state = yield* State;
    const [run, ...older] = yield* state.runs({ environment, pipeline, limit: recentRuns });
    const beside = older.filter((record) => record.status === "running");
    const held = yield* Selection.first(state, { environment, pipeline }, countedAtMost + 1);
    const accepted = held.filter((record) => record.accepted !== undefined).length;
    return { name: pipeline, run, beside, waiting: held.length - accepted, accepted } satisfies Standing;
  });

const counted = (count: number): string =>
  count > countedAtMost ? `more than ${Layout.count(countedAtMost)}` : Layout.count(count);

const next = ({ name, run, waiting }: Standing): string | undefined => {
  if (run === undefined) return `plan ${quote(name)}`;
  const again = `run ${quote(name)}${Runs.isKeeping(run) ? " --keep" : ""}`;
  if (run.status === "abandoned" || run.status === "interrupted") return again;
  if (waiting > 0) return `quarantine list --pipeline ${quote(name)}`;
  return run.status === "failed" ? again : undefined;
};

const describe = (of: Standing, advise: (words: string) => string, paint: Paint): ReadonlyArray<string> => {
  const { accepted, beside, name, run, waiting } = of;
  const progress = run === undefined ? undefined : Runs.progressOf(run);
  const command = next(of);
  return [
    paint.bold(name),
    ...(run === undefined ? ["  never run"] : [
      `  ${Runs.status(run, paint)}  ${run.kind} ${run.id}, started ${
        Layout.instant(run.startedAt)
      } on ${run.host} (pid ${run.pid})`,
      ...(run.status === "running" && progress !== undefined
        ? [`  ${ProgressText.live(progress, paint)}`]
        : Runs.figures(run) === ""
        ? []
        : [`  ${Runs.figures(run)}`]),
    ]),
    ...beside.map((record) =>
      `  ${Runs.status(record, paint)}  beside it: ${record.id} on ${record.host} (pid ${record.pid})`
    ),
    ...(waiting + accepted === 0
      ? []
      : [`  quarantine: ${counted(waiting)} waiting, ${counted(accepted)} accepted`]),
    ...(command === undefined ? [] : [`  Next: ${advise(command)}`]),
  ];
};

/** `pipeline status`: how things stand. */
export const status = Verb.make({
  name: "status",
  summary: "shows the last run of each pipeline, and what waits in quarantine",
  description:
    "A run whose process has gone without a closing account is shown as abandoned; running again goes on where it was.",
  examples: ["pipeline status", "pipeline status narinfo-to-db --json"],
  usage: "[NAME]",
  args: Args.text({ name: "NAME" }).pipe(Args.optional, Args.map(Option.getOrUndefined)),
  flags: {},
  run: Effect.fn("Cli.status")(function*(values, name) {
    const workspace = yield* Workspace.open(values);
    const files = name === undefined ? workspace.pipelines : [yield* Workspace.file(workspace, name)];
    const state = yield* openState(workspace, "read");
    const standings = yield* Effect.forEach(files, (file) => standing(workspace.environment, file.name)).pipe(
      Effect.provide(state),
    );
    return Answer.make({
      summary: standings.map(({ name, run }) => `${name} ${run?.status ?? "never run"}`).join(", "),
      result: {
        environment: workspace.environment,
        state: workspace.statePath,
        pipelines: standings.map((of) => ({
          name: of.name,
          lastRun: of.run === undefined ? null : Runs.json(of.run),
          beside: of.beside.map(Runs.json),
          quarantine: {
            waiting: of.waiting,
            accepted: of.accepted,
            isComplete: of.waiting + of.accepted <= countedAtMost,
          },
        })),
      },
      text: (paint) => [
        ...standings.flatMap((of) => describe(of, workspace.advise, paint)),
        paint.dim(`environment ${workspace.environment}, state ${workspace.statePath}`),
      ],
    });
  }),
});
