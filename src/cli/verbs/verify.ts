import * as Args from "@effect/cli/Args";
import { Effect } from "effect";
import type { Sample } from "../../engine/Sample.ts";
import * as Engine from "../../engine/Verify.ts";
import type { Answer } from "../Answer.ts";
import { UsageError } from "../Failure.ts";
import * as FindingText from "../FindingText.ts";
import * as Flag from "../Flag.ts";
import { Host } from "../Host.ts";
import * as Paint from "../Paint.ts";
import { openState, prepare } from "../Prepare.ts";
import { Render } from "../Render.ts";
import * as Verb from "../Verb.ts";
import * as VerifyText from "../VerifyText.ts";

/** Of a sample that names none: anybody who repeats the command looks at the same keys. */
const seedByDefault = 1;

/** `5000` or `2.5%`. */
const readSample = (text: string | undefined): Effect.Effect<Sample | undefined, UsageError> => {
  if (text === undefined) return Effect.succeed(undefined);
  const [, count, share] = /^(?:([1-9]\d{0,6})|(\d{1,3}(?:\.\d{1,6})?)%)$/.exec(text) ?? [];
  if (count !== undefined) return Effect.succeed({ _tag: "Count", count: Number(count) });
  if (share !== undefined && Number(share) > 0 && Number(share) <= 100) {
    return Effect.succeed({ _tag: "Share", share: Number(share) / 100 });
  }
  return new UsageError({
    reason: "flag",
    detail: `--sample takes a number of keys or a percentage, not ${JSON.stringify(text)}`,
    remedy: "write it like 5000 or 2.5%",
  });
};

/** `pipeline verify`. */
export const verify = Verb.make({
  name: "verify",
  summary: "compares the source with the target, without writing anything",
  description:
    "Every object is read, parsed and compared with its row as a run would, and every row that waits to be filled is asked for its\n"
    + "object. Exit code 1 means that something is missing, differs, is rejected or cannot be read; objects that only wait to be\n"
    + "deleted, and rows whose object is gone, are reported and fail nothing. What has been deleted has no object to compare.",
  examples: [
    "pipeline verify narinfo-to-db",
    "pipeline verify narinfo-to-db --sample 5000",
    "pipeline verify narinfo-to-db --sample 2.5% --seed 7 --json",
  ],
  usage: "NAME",
  args: Args.text({ name: "NAME" }),
  flags: {
    sample: Flag.text("sample", "N|P%", "looks at so many keys, or at a percentage of them"),
    seed: Flag.count("seed", "chooses other keys of the same sample size", seedByDefault),
  },
  run: Effect.fn("Cli.verify")(function*(values, name) {
    const host = yield* Host;
    const render = yield* Render;
    const sample = yield* readSample(values.sample);
    const { connections, plan, registry, warnings, workspace } = yield* prepare(values, name, { keep: false });
    for (const line of FindingText.list(warnings, Paint.plain)) yield* render.note(line);
    const state = yield* openState(workspace, "read");
    const verification = yield* Engine.verify(plan, registry, {
      sample,
      seed: values.seed,
      stop: host.stop,
      onProgress: (progress) => render.note(VerifyText.progress(progress)),
    }).pipe(Effect.provide(connections), Effect.provide(state));
    const { tolerate } = plan.spec;
    const summary = VerifyText.verdict(verification, tolerate);
    return {
      outcome: { _tag: "Verified", verification, tolerate },
      summary,
      result: verification,
      problem: { code: verification.stop?.code ?? "verify/unclean", message: summary },
      text: (paint) => VerifyText.lines(verification, tolerate, workspace.advise, paint),
    } satisfies Answer;
  }),
});
