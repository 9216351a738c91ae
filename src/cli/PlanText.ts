import type { Plan } from "../engine/Plan.ts";
import type { Forecast } from "../engine/Report.ts";
import type { Finding } from "../spec/Finding.ts";
import * as AccountText from "./AccountText.ts";
import * as FindingText from "./FindingText.ts";
import * as ForecastText from "./ForecastText.ts";
import { quote } from "./Invocation.ts";
import type { Advise } from "./Invocation.ts";
import * as Layout from "./Layout.ts";
import type { Paint } from "./Paint.ts";
import * as PlanHash from "./PlanHash.ts";

/** A plan with what was seen when it was made. */
export interface Planned {
  readonly plan: Plan;
  readonly keep: boolean;
  /** Whether the statements are wanted too. */
  readonly sql: boolean;
  /** Keys in the source; absent where counting is expensive. */
  readonly total: number | undefined;
  readonly sample: Forecast;
  readonly eta: { readonly millis: number; readonly basis: "last run" | "sample" } | undefined;
  readonly warnings: ReadonlyArray<Finding>;
}

/** Fingerprints are compared by eye: a few digits do, and `--json` has them all. */
const shortened = (value: string): string => value.replace(/^([0-9a-f]{12})[0-9a-f]{52}$/, "$1…");

const stages = (plan: Plan, paint: Paint): ReadonlyArray<string> => {
  const heads = Layout.columns(plan.stages.map(({ role, summary, type }) => [role, paint.bold(type), summary]), "  ");
  return plan.stages.flatMap(({ identity }, index) => {
    const names = Object.entries(identity).map(([name, value]) => `${name}=${shortened(value)}`);
    return [heads[index]!, ...(names.length === 0 ? [] : [paint.dim(`    ${names.join("  ")}`)])];
  });
};

const statements = (plan: Plan, paint: Paint): ReadonlyArray<string> =>
  plan.statements.flatMap(({ text, title }) => [
    `  ${title}`,
    ...text.trimEnd().split("\n").map((line) => paint.dim(`    ${line}`)),
  ]);

const deletions = ({ keep, plan, total }: Planned): string => {
  if (total === 0) return "nothing: there are no objects";
  if (!plan.deletes) return keep ? "nothing is deleted (--keep)" : "nothing is deleted";
  return `${
    total === undefined ? "objects" : `up to ${Layout.plural(total, "object")}`
  } at the source, each once its row is durable and read back`;
};

const etaOf = ({ eta }: Planned): string =>
  eta === undefined
    ? "unknown"
    : eta.basis === "last run"
    ? `about ${Layout.duration(eta.millis)}, at the rate of the last run`
    : `about ${Layout.duration(eta.millis)} to read and compare, at the rate of the sample; writing comes on top`;

/** What would be done, to what, how much of it, and how to do it. */
export const lines = (planned: Planned, advise: Advise, paint: Paint): ReadonlyArray<string> => {
  const { keep, plan, sample, sql, total, warnings } = planned;
  const name = quote(plan.pipeline);
  return [
    `${paint.bold(plan.pipeline)}: ${plan.spec.summary}`,
    paint.dim(`environment ${plan.environment}, ncps-pipeline ${plan.toolVersion}`),
    "",
    paint.bold("Stages"),
    ...stages(plan, paint),
    "",
    ...(sql ? [paint.bold("Statements on the target"), ...statements(plan, paint), ""] : []),
    paint.bold("Source"),
    ...(total === 0
      ? [
        "  holds no objects there: nothing to do, or another folder holds them",
        paint.dim(`    → ${advise(`doctor ${name}`)} says what is there`),
      ]
      : [
        `  ${total === undefined ? "not counted" : Layout.plural(total, "object")}; of the first ${
          Layout.count(sample.listed)
        } that were read and compared:`,
      ]),
    ...ForecastText.counts(sample),
    ...ForecastText.remarks(sample, paint),
    ...AccountText.incidents(sample.incidents, undefined, paint),
    ...(sample.stop === undefined ? [] : [paint.red(`  the sample ended early: ${sample.stop.reason}`)]),
    "",
    ...Layout.columns([
      [paint.bold("Deletes"), deletions(planned)],
      [paint.bold("Takes"), etaOf(planned)],
      [paint.bold("Hash"), plan.hash],
    ]),
    ...(warnings.length === 0 ? [] : ["", ...FindingText.list(warnings, paint)]),
    "",
    "Next",
    ...Layout.columns([
      [
        advise(`run ${name}${keep ? " --keep" : ""} --dry-run`),
        paint.dim("reads and checks everything, writes nothing"),
      ],
      [
        advise(`run ${name}${keep ? " --keep" : ""} --plan-hash ${PlanHash.short(plan.hash)}`),
        paint.dim("does it, if it is still this plan"),
      ],
    ], "  "),
  ];
};
