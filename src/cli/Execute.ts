import { Effect } from "effect";
import type { RunReport, Stop } from "../engine/Report.ts";
import { run } from "../engine/Run.ts";
import * as AccountText from "./AccountText.ts";
import type { Answer } from "./Answer.ts";
import * as ExitCode from "./ExitCode.ts";
import { Host } from "./Host.ts";
import type { Advise } from "./Invocation.ts";
import { openState } from "./Prepare.ts";
import type { prepare } from "./Prepare.ts";
import { Render } from "./Render.ts";

/** Runs a prepared plan under the eyes of the person who asked for it. */
export const execute = Effect.fn("Execute.execute")(function*(
  prepared: Effect.Effect.Success<ReturnType<typeof prepare>>,
  options: {
    readonly keep: boolean;
    readonly pick?: ReadonlyArray<string>;
    readonly limit?: Effect.Effect<Stop>;
    readonly maxRate?: number;
  },
) {
  const { connections, plan, registry, workspace } = prepared;
  const host = yield* Host;
  const render = yield* Render;
  const state = yield* openState(workspace, "write");
  const { limit, ...rest } = options;
  const stop = limit === undefined ? host.stop : Effect.race(host.stop, limit);
  return yield* run(plan, registry, { ...rest, stop, onProgress: render.progress }).pipe(
    Effect.provide(connections),
    Effect.provide(state),
  );
});

/** The closing account as an answer. */
export const answer = (report: RunReport, advise: Advise): Answer => {
  const outcome = { _tag: "Ran", report } as const;
  const summary = AccountText.verdict(report);
  return {
    outcome,
    summary,
    result: report,
    problem: { code: report.stop?.code ?? "run/unclean", message: summary },
    text: (paint) => AccountText.lines(report, advise, ExitCode.of(outcome), paint),
  };
};
