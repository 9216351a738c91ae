import * as Args from "@effect/cli/Args";
import { FileSystem } from "@effect/platform/FileSystem";
import { Duration, Effect, Either, Schema } from "effect";
import { dirname, resolve } from "node:path";
import * as CoreField from "../../core/Field.ts";
import { forecast } from "../../engine/Forecast.ts";
import type { Plan } from "../../engine/Plan.ts";
import type { Stop } from "../../engine/Report.ts";
import type { Answer } from "../Answer.ts";
import * as Approval from "../Approval.ts";
import * as Execute from "../Execute.ts";
import * as ExitCode from "../ExitCode.ts";
import { UsageError } from "../Failure.ts";
import type { FileError } from "../Failure.ts";
import * as FindingText from "../FindingText.ts";
import * as Flag from "../Flag.ts";
import * as ForecastText from "../ForecastText.ts";
import { Host } from "../Host.ts";
import { quote } from "../Invocation.ts";
import * as Paint from "../Paint.ts";
import * as PlanHash from "../PlanHash.ts";
import { openState, prepare, unwritable } from "../Prepare.ts";
import { Render } from "../Render.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

const flags = {
  dryRun: Flag.toggle("dry-run", "reads and checks everything, writes nothing, says what a run would come to"),
  keep: Flag.toggle("keep", "leaves out the post-steps: migrate now, delete by a later run"),
  planHash: Flag.text("plan-hash", "HASH", "runs only what was planned: refuses when the plan's hash differs"),
  yes: Approval.yes,
  maxRuntime: Flag.text("max-runtime", "TIME", "takes up nothing new after this time, e.g. 30m or 2h"),
  maxRate: Flag.text("max-rate", "RATE", "takes up this many items per second at most, e.g. 500/s"),
  report: Flag.text("report", "FILE", "writes the closing account to a file, as JSON"),
};

const checkHashText = (planHash: string | undefined): Effect.Effect<void, UsageError> =>
  planHash === undefined || PlanHash.isHash(planHash)
    ? Effect.void
    : new UsageError({
      reason: "flag",
      detail: `--plan-hash takes the first ${PlanHash.digits} or more digits of a plan's hash, not ${
        JSON.stringify(planHash)
      }`,
      remedy: "pipeline plan names it",
    });

const checkHash = (plan: Plan, planHash: string | undefined, again: string): Effect.Effect<void, UsageError> =>
  planHash === undefined || PlanHash.isNamed(plan.hash, planHash)
    ? Effect.void
    : new UsageError({
      reason: "plan-changed",
      detail: `this is not the plan that was approved: its hash is ${plan.hash}, not ${planHash}`,
      remedy: `look at what is planned now: ${again}`,
    });

const decodeDuration = Schema.decodeUnknownEither(CoreField.duration);

const readLimit = (text: string | undefined): Effect.Effect<Effect.Effect<Stop> | undefined, UsageError> =>
  text === undefined
    ? Effect.succeed(undefined)
    : Either.match(decodeDuration(text), {
      onLeft: () =>
        new UsageError({
          reason: "flag",
          detail: `--max-runtime takes a time with its unit, not ${JSON.stringify(text)}`,
          remedy: "write it like 30m or 2h",
        }),
      onRight: (duration) =>
        Effect.succeed(
          Effect.as(Effect.sleep(duration), {
            kind: "limit" as const,
            code: "run/max-runtime",
            reason: `--max-runtime ${Duration.format(duration)} was reached`,
          }),
        ),
    });

const decodeRate = Schema.decodeUnknownEither(CoreField.rate);

const readRate = (text: string | undefined): Effect.Effect<number | undefined, UsageError> =>
  text === undefined
    ? Effect.succeed(undefined)
    : Effect.mapError(decodeRate(text), () =>
      new UsageError({
        reason: "flag",
        detail: `--max-rate takes a number of items per second, not ${JSON.stringify(text)}`,
        remedy: "write it like 500/s",
      }));

/** Before the run, so that nobody learns at its end that the account has no place to go. */
const checkReportPath = (path: string) =>
  Effect.flatMap(FileSystem, (fs) => fs.access(dirname(path), { writable: true })).pipe(
    Effect.mapError(Workspace.unwritable(path)),
  );

/** A run that ended well and could not be written down has not ended well. */
const withReport = (answer: Answer, path: string | undefined) =>
  path === undefined ? Effect.succeed(answer) : Effect.gen(function*() {
    const fs = yield* FileSystem;
    const temporary = `${path}.tmp`;
    const written = yield* fs.writeFileString(temporary, `${JSON.stringify(answer.result, null, 2)}\n`).pipe(
      Effect.zipRight(fs.rename(temporary, path)),
      Effect.mapError(Workspace.unwritable(path)),
      Effect.either,
    );
    return Either.isRight(written) ? answer : unreported(answer, written.left);
  });

const unreported = (answer: Answer, failure: FileError): Answer => ({
  ...answer,
  outcome: ExitCode.of(answer.outcome) === 0 ? { _tag: "Failed", failure } : answer.outcome,
  problem: { code: "file/write", message: failure.message },
  text: (paint) => [...answer.text(paint), paint.red(`The report was not written: ${failure.message}`)],
});

/** `pipeline run`. */
export const run = Verb.make({
  name: "run",
  summary: "runs a pipeline and closes with its account",
  description:
    "Nothing is deleted at the source before its row is committed, synced and read back. A run can be interrupted or killed at any\n"
    + "time and started again: running twice equals running once. Exit code 0 needs a clean ledger; with --dry-run, a forecast of one.",
  examples: [
    "pipeline run narinfo-to-db --dry-run",
    "pipeline run narinfo-to-db",
    "pipeline run narinfo-to-db --keep --report account.json",
    "pipeline run narinfo-to-db --json --max-runtime 2h --max-rate 500/s",
  ],
  usage: "NAME",
  args: Args.text({ name: "NAME" }),
  flags,
  run: Effect.fn("Cli.run")(function*(values, name) {
    const host = yield* Host;
    const render = yield* Render;
    yield* checkHashText(values.planHash);
    const limit = yield* readLimit(values.maxRuntime);
    const maxRate = yield* readRate(values.maxRate);
    const report = values.report === undefined ? undefined : resolve(host.workingFolder, values.report);
    if (report !== undefined) yield* checkReportPath(report);
    const { keep } = values;
    const prepared = yield* prepare(values, name, { keep });
    const { connections, plan, registry, warnings, workspace } = prepared;
    const { advise } = workspace;
    yield* checkHash(plan, values.planHash, advise(`plan ${quote(name)}${keep ? " --keep" : ""}`));
    if (!values.dryRun) yield* Approval.ask(plan, values);
    const more = values.dryRun ? yield* unwritable(prepared) : [];
    for (const line of FindingText.list([...warnings, ...more], Paint.plain)) yield* render.note(line);
    if (!values.dryRun) {
      yield* render.note(
        `running ${name} in environment ${workspace.environment} (plan ${PlanHash.short(plan.hash)})`
          + `${
            plan.deletes ? ", deleting what is durable" : ", keeping the source"
          }; Ctrl-C stops after the batches in flight`,
      );
      const account = yield* Execute.execute(prepared, {
        keep,
        ...(limit === undefined ? {} : { limit }),
        ...(maxRate === undefined ? {} : { maxRate }),
      });
      return yield* withReport(Execute.answer(account, advise), report);
    }
    const state = yield* openState(workspace, "read");
    const foreseen = yield* forecast(plan, registry, {
      stop: limit === undefined ? host.stop : Effect.race(host.stop, limit),
    }).pipe(Effect.provide(connections), Effect.provide(state));
    const { tolerate } = plan.spec;
    const outcome = { _tag: "Foresaw", forecast: foreseen, tolerate } as const;
    const summary = ForecastText.verdict(foreseen, tolerate);
    return yield* withReport({
      outcome,
      summary,
      result: foreseen,
      problem: { code: foreseen.stop?.code ?? "run/unclean", message: summary },
      text: (paint) => ForecastText.lines(foreseen, keep, tolerate, advise, ExitCode.of(outcome), paint),
    }, report);
  }),
});
