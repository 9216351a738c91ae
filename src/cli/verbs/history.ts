import * as Args from "@effect/cli/Args";
import { Effect, Option } from "effect";
import type { RunRecord } from "../../core/State.ts";
import { State } from "../../core/State.ts";
import * as Answer from "../Answer.ts";
import * as Flag from "../Flag.ts";
import * as Layout from "../Layout.ts";
import { openState } from "../Prepare.ts";
import * as Runs from "../Runs.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

const byDefault = 20;

const elapsed = (record: RunRecord): string => {
  const millis = Runs.reportOf(record)?.durationMillis ?? Runs.progressOf(record)?.elapsedMillis;
  return millis === undefined ? "?" : Layout.duration(millis);
};

/** `pipeline history`: the runs there were. */
export const history = Verb.make({
  name: "history",
  summary: "lists past runs, newest first",
  description: "Runs are remembered per environment. With --json, each with its whole closing account.",
  examples: ["pipeline history", "pipeline history narinfo-to-db --limit 5"],
  usage: "[NAME]",
  args: Args.text({ name: "NAME" }).pipe(Args.optional, Args.map(Option.getOrUndefined)),
  flags: { limit: Flag.count("limit", "runs shown", byDefault) },
  run: Effect.fn("Cli.history")(function*(values, name) {
    const workspace = yield* Workspace.open(values);
    if (name !== undefined) yield* Workspace.file(workspace, name);
    const state = yield* openState(workspace, "read");
    const runs = yield* Effect.flatMap(State, (port) =>
      port.runs({
        environment: workspace.environment,
        limit: values.limit,
        ...(name === undefined ? {} : { pipeline: name }),
      })).pipe(Effect.provide(state));
    return Answer.make({
      summary: `${Layout.plural(runs.length, "run")}, environment ${workspace.environment}`,
      result: { environment: workspace.environment, runs: runs.map(Runs.json) },
      text: (paint) =>
        runs.length === 0
          ? [`no run in environment ${workspace.environment} yet`]
          : Layout.columns(runs.map((record) => [
            Layout.instant(record.startedAt),
            paint.bold(record.pipeline),
            record.kind,
            Runs.status(record, paint),
            elapsed(record),
            paint.dim(record.id),
            Runs.figures(record),
          ])),
    });
  }),
});
