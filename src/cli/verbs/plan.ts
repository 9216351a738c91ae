import * as Args from "@effect/cli/Args";
import { Effect } from "effect";
import { State } from "../../core/State.ts";
import { forecast } from "../../engine/Forecast.ts";
import { count, isKeyed } from "../../engine/Run.ts";
import * as Answer from "../Answer.ts";
import * as Flag from "../Flag.ts";
import * as Layout from "../Layout.ts";
import * as PlanHash from "../PlanHash.ts";
import * as PlanText from "../PlanText.ts";
import { openState, prepare, unwritable } from "../Prepare.ts";
import * as Runs from "../Runs.ts";
import * as Verb from "../Verb.ts";

/** Items looked at closely: enough to meet what is common, a second or two on a slow disk. */
const sampleItems = 500;

/** `pipeline plan`: what a run would do, to what and how much of it. */
export const plan = Verb.make({
  name: "plan",
  summary: "shows what a run would do: stages, counts, what is deleted, and the plan's hash",
  description: "Reads the target, counts the source and looks closely at a sample of it. Nothing is written.",
  examples: [
    "pipeline plan narinfo-to-db",
    "pipeline plan narinfo-to-db --sql",
    "pipeline plan narinfo-to-db --env production --json",
  ],
  usage: "NAME",
  args: Args.text({ name: "NAME" }),
  flags: {
    keep: Flag.toggle("keep", "plans a run --keep, which leaves out the post-steps and has another hash"),
    sql: Flag.toggle("sql", "shows the statements that run on the target; --json always has them"),
  },
  run: Effect.fn("Cli.plan")(function*(values, name) {
    const prepared = yield* prepare(values, name, values);
    const { connections, plan, registry, workspace } = prepared;
    const warnings = [...prepared.warnings, ...(yield* unwritable(prepared))];
    const state = yield* openState(workspace, "read");
    const { last, sample, total } = yield* Effect.gen(function*() {
      const source = yield* plan.spec.source.component.open(plan.spec.source.options);
      return {
        total: source.caps.countable ? yield* count(source) : undefined,
        sample: yield* forecast(plan, registry, { stop: Effect.never, limit: sampleItems }),
        last: yield* Effect.flatMap(
          State,
          (port) => port.runs({ environment: plan.environment, pipeline: name, limit: 20 }),
        ),
      };
    }).pipe(Effect.provide(connections), Effect.provide(state));
    const lastRate = last.map(Runs.reportOf).find((report) => report !== undefined && report.ledger.committed > 0)
      ?.rate;
    const sampleRate = sample.listed * 1000 / Math.max(sample.durationMillis, 1);
    const rate = lastRate ?? sampleRate;
    const transforms = plan.spec.transforms.map(({ component, options }) => component.make(options));
    const planned: PlanText.Planned = {
      plan,
      keep: values.keep,
      sql: values.sql,
      total,
      sample,
      eta: total === undefined || rate === 0 || !isKeyed(transforms)
        ? undefined
        : { millis: Math.round(total / rate * 1000), basis: lastRate === undefined ? "sample" : "last run" },
      warnings,
    };
    const { deletes, environment, hash, stages, statements, toolVersion } = plan;
    return Answer.make({
      summary: `plan of ${name}: ${total === undefined ? "not counted" : Layout.plural(total, "object")}, hash ${
        PlanHash.short(hash)
      }`,
      result: {
        pipeline: name,
        environment,
        toolVersion,
        hash,
        deletes,
        stages,
        statements,
        total,
        sample,
        eta: planned.eta,
        warnings,
      },
      text: (paint) => PlanText.lines(planned, workspace.advise, paint),
    });
  }),
});
