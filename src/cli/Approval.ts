import { Terminal } from "@effect/platform/Terminal";
import { Effect } from "effect";
import type { Plan } from "../engine/Plan.ts";
import { UsageError } from "./Failure.ts";
import * as Flag from "./Flag.ts";
import { Host } from "./Host.ts";
import * as PlanHash from "./PlanHash.ts";
import { Render } from "./Render.ts";

/** For whoever has read the plan and need not be asked. */
export const yes = Flag.toggle("yes", "approves a pipeline whose spec says approve: required");

/** A spec that says `approve: required` runs only after a person has typed its name, or given `--yes`. */
export const ask = Effect.fn("Approval.ask")(function*(
  plan: Plan,
  values: { readonly yes: boolean; readonly json: boolean },
) {
  if (plan.spec.approve === "none" || values.yes) return;
  const host = yield* Host;
  const refused = (detail: string) =>
    new UsageError({ reason: "approval", detail, remedy: "read the plan, then approve it with --yes" });
  if (!host.isInteractive || values.json) {
    return yield* refused(`${plan.pipeline} asks for approval, and there is nobody to ask`);
  }
  const render = yield* Render;
  const terminal = yield* Terminal;
  yield* render.note(
    `${plan.pipeline} asks for approval (plan ${PlanHash.short(plan.hash)}${
      plan.deletes ? ", it deletes at the source" : ""
    }). Type its name to run it:`,
  );
  const typed = yield* Effect.orElseSucceed(terminal.readLine, () => "");
  if (typed.trim() !== plan.pipeline) return yield* refused(`${plan.pipeline} was not approved`);
});
