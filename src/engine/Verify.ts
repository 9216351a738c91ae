import { Duration, Effect, Either, Fiber, Stream } from "effect";
import type { Dismissal } from "../core/Item.ts";
import type { Registry } from "../core/Registry.ts";
import * as Examine from "./Examine.ts";
import * as Orphans from "./Orphans.ts";
import type { Plan } from "./Plan.ts";
import { Incidents } from "./Report.ts";
import type { Finding, Stop, Verification } from "./Report.ts";
import * as Retry from "./Retry.ts";
import { count, isKeyed } from "./Run.ts";
import * as Sample from "./Sample.ts";
import * as Work from "./Work.ts";

export interface VerifyProgress {
  readonly examined: number;
  /** Keys in the source, once they have been counted; of a sample nobody counts. */
  readonly total: number | undefined;
  readonly counts: Verification["counts"];
  readonly elapsedMillis: number;
}

export interface VerifyOptions {
  readonly sample: Sample.Sample | undefined;
  /** Decides which keys a sample holds. */
  readonly seed: number;
  readonly stop: Effect.Effect<Stop>;
  readonly onProgress: (progress: VerifyProgress) => Effect.Effect<void>;
}

const progressEvery = Duration.seconds(5);

const ofDismissal: Record<Dismissal["outcome"], Finding> = {
  rejected: "rejected",
  skipped: "skipped",
  failed: "failed",
};

/** Invariant 10: compares the source with the target, each item as a run would, and looks for rows whose object is gone; writes nothing. */
export const verify = Effect.fn("Engine.verify")(function*(plan: Plan, registry: Registry, options: VerifyOptions) {
  const { sample, seed } = options;
  const now = yield* Work.monotonic;
  const incidents = new Incidents<Finding | "orphan">();
  const counts: Record<Finding, number> = {
    missing: 0,
    undeleted: 0,
    differing: 0,
    rejected: 0,
    failed: 0,
    accepted: 0,
    skipped: 0,
  };
  let examined = 0;
  let total: number | undefined;
  let orphans: Verification["orphans"] = { unknown: "not looked at" };
  let stopped: Stop | undefined;

  const note = (finding: Finding, code: string, key: string, reason: string) => {
    counts[finding]++;
    if (finding !== "skipped" && finding !== "accepted") incidents.add(finding, code, key, reason);
  };
  const judge = ({ dismissed, items }: Examine.ExaminedChunk): void => {
    for (const { accepted, admitted: { item: { key } }, verdict } of items) {
      switch (verdict._tag) {
        case "Absent":
          note("missing", "verify/missing", key, "it is not in the target");
          break;
        case "Exact":
        case "Covered":
          note("undeleted", "verify/undeleted", key, "it is in the target, and still in the source");
          break;
        case "Differs":
          note(accepted ? "accepted" : "differing", verdict.code, key, verdict.reason);
      }
    }
    for (const { accepted, dismissal: { code, item, outcome, reason } } of dismissed) {
      note(accepted ? "accepted" : ofDismissal[outcome], code, item.key, reason);
    }
    examined += items.length + dismissed.length;
  };

  const work = Effect.gen(function*() {
    const { chunks, sink, source } = yield* Examine.open(
      plan,
      registry,
      sample === undefined ? Effect.succeed : Sample.narrow(sample, seed),
    );
    const transforms = plan.spec.transforms.map(({ component, options }) => component.make(options));
    const isCountable = sample === undefined && source.caps.countable && isKeyed(transforms);
    const counting = yield* (isCountable
      ? count(source).pipe(Effect.map((keys) => total = keys), Effect.ignore)
      : Effect.void).pipe(Effect.forkScoped);
    yield* Stream.runForEach(chunks, (chunk) => Effect.sync(() => judge(chunk)));
    yield* Fiber.interrupt(counting);
    if (isCountable) total = examined;

    const keyOf = Orphans.keyOf(plan.spec.orphans?.key, sink.stubs);
    if (Either.isLeft(keyOf) || sink.stubs === undefined) {
      orphans = { unknown: Either.isLeft(keyOf) ? keyOf.left : "" };
      return;
    }
    const found = { stubs: 0, orphans: 0 };
    yield* Stream.runForEach(
      Orphans.pages(sink.stubs, source, keyOf.right, sample === undefined ? undefined : { sample, seed }),
      (page) =>
        Effect.sync(() => {
          found.stubs += page.stubs;
          found.orphans += page.orphans.length;
          for (const key of page.orphans) {
            incidents.add("orphan", "verify/orphan", key, "a row waits for it, and it is not in the source");
          }
        }),
    );
    orphans = found;
  });
  const report = Effect.flatMap(now, (elapsedMillis) => options.onProgress({ examined, total, counts, elapsedMillis }));
  const pulse = yield* report.pipe(Effect.delay(progressEvery), Effect.forever, Effect.forkScoped);
  yield* work.pipe(
    Effect.catchAll((failure) =>
      Effect.sync(() => {
        stopped = { kind: "environment", code: Retry.code(failure), reason: failure.message };
      })
    ),
    Effect.raceFirst(Effect.map(options.stop, (reason) => {
      stopped = reason;
    })),
  );
  yield* Fiber.interrupt(pulse);
  yield* report;
  const verification: Verification = {
    pipeline: plan.pipeline,
    environment: plan.environment,
    planHash: plan.hash,
    sample: sample === undefined
      ? null
      : sample._tag === "Count"
      ? { count: sample.count, seed }
      : { share: sample.share, seed },
    examined,
    counts,
    orphans,
    incidents: incidents.list(),
    durationMillis: yield* now,
    stop: stopped,
  };
  return verification;
}, Effect.scoped);
