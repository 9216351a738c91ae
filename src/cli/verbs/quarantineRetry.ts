import { Effect } from "effect";
import { State } from "../../core/State.ts";
import { releaseMended } from "../../engine/Mended.ts";
import * as Answer from "../Answer.ts";
import * as Approval from "../Approval.ts";
import * as Execute from "../Execute.ts";
import { UsageError } from "../Failure.ts";
import * as Flag from "../Flag.ts";
import { quote } from "../Invocation.ts";
import * as Layout from "../Layout.ts";
import { openState, prepare } from "../Prepare.ts";
import * as Selection from "../Selection.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

/** Keys picked at most, all held in memory (Invariant 4); above that a whole run is the better way. */
const pickedAtMost = 100_000;

/** `pipeline quarantine retry`. */
export const quarantineRetry = Verb.make({
  name: "quarantine retry",
  summary: "runs the pipeline again on quarantined items alone",
  description:
    `For files that have been mended or removed. A whole run tries them again as well, and takes longer.\n${Selection.meaning}`,
  examples: [
    "pipeline quarantine retry 3f9a1c20",
    "pipeline quarantine retry --code narinfo/unknown-key",
    "pipeline quarantine retry --all",
  ],
  usage: Selection.usage,
  args: Selection.args,
  flags: {
    ...Selection.flags,
    all: Selection.all,
    keep: Flag.toggle("keep", "leaves out the post-steps: migrate now, delete by a later run"),
    yes: Approval.yes,
  },
  run: Effect.fn("Cli.quarantineRetry")(function*(values, what) {
    const workspace = yield* Workspace.open(values);
    const { advise } = workspace;
    yield* Selection.demand(values, what, advise("quarantine list"));
    const by = yield* Selection.filter(workspace, values, what, false);
    const found = yield* Effect.flatMap(
      State,
      (port) => Selection.first(port, by, pickedAtMost + 1),
    ).pipe(
      Effect.provide(yield* openState(workspace, "read")),
    );
    const pipelines = [...new Set(found.map(({ pipeline }) => pipeline))];
    const [name] = pipelines;
    if (name === undefined) {
      if (!Selection.isAll(values, what)) return yield* Selection.nothing(values, what, advise("quarantine list"));
      const summary = Selection.none("waiting", values, what);
      return Answer.make({ summary, result: null, text: () => [summary] });
    }
    if (pipelines.length > 1) {
      return yield* new UsageError({
        reason: "selection",
        detail: `these items are of several pipelines: ${pipelines.join(", ")}`,
        remedy: "choose one with --pipeline NAME",
      });
    }
    if (found.length > pickedAtMost) {
      return yield* new UsageError({
        reason: "selection",
        detail: `these are more than ${Layout.count(pickedAtMost)} items`,
        remedy: `a whole run tries them all again: ${advise(`run ${quote(name)}`)}`,
      });
    }
    const { keep } = values;
    const prepared = yield* prepare(values, name, { keep });
    yield* Approval.ask(prepared.plan, values);
    const report = yield* Execute.execute(prepared, { keep, pick: found.map(({ key }) => key) });
    yield* Effect.provide(releaseMended(report, found), yield* openState(workspace, "write"));
    return Execute.answer(report, advise);
  }),
});
