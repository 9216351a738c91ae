import { Effect, Stream } from "effect";
import type { Verdict } from "../core/Component.ts";
import type { Dismissal } from "../core/Item.ts";
import type { Registry } from "../core/Registry.ts";
import { State } from "../core/State.ts";
import { admit } from "./Admission.ts";
import { sinkSettings } from "./Inspect.ts";
import { Objects } from "./Objects.ts";
import type { Plan } from "./Plan.ts";
import { Incidents } from "./Report.ts";
import type { Forecast, Stop } from "./Report.ts";
import * as Retry from "./Retry.ts";
import * as Watermarks from "./Watermarks.ts";
import * as Work from "./Work.ts";

type Count = keyof Forecast["counts"];

const ofVerdict: Record<Verdict["_tag"], Count> = {
  Exact: "would-already",
  Covered: "would-already",
  Absent: "would-commit",
  Differs: "would-conflict",
};

const ofDismissal: Record<Dismissal["outcome"], Count> = {
  rejected: "would-reject",
  skipped: "would-skip",
  failed: "would-fail",
};

/** Invariant 10: reads and parses everything, compares it with the target, and writes nothing anywhere. */
export const forecast = Effect.fn("Engine.forecast")(function*(
  plan: Plan,
  registry: Registry,
  options: { readonly stop: Effect.Effect<Stop>; readonly limit?: number },
) {
  const { spec } = plan;
  const state = yield* State;
  const source = yield* spec.source.component.open(spec.source.options);
  const sink = yield* spec.sink.component.open(spec.sink.options, sinkSettings(spec, registry), plan.sinkFacts, "read");
  const now = yield* Work.monotonic;
  const scope = { environment: plan.environment, pipeline: plan.pipeline, source: source.fingerprint };
  const incidents = new Incidents();
  const objects = new Objects();
  const counts: Record<Count, number> = {
    "would-commit": 0,
    "would-already": 0,
    "would-conflict": 0,
    "would-reject": 0,
    "would-skip": 0,
    "would-fail": 0,
    "would-delete": 0,
  };
  let listed = 0;
  let stopped: Stop | undefined;

  const foresee = (count: Count, code: string, key: string, reason: string, accepted: boolean) => {
    counts[accepted ? "would-skip" : count]++;
    if (accepted || count === "would-skip") return;
    incidents.add(
      count === "would-reject" ? "rejected" : count === "would-conflict" ? "conflict" : "failed",
      code,
      key,
      reason,
    );
  };
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  yield* admit({
    source,
    transforms: spec.transforms.map((transform) => transform.component.make(transform.options)),
    sink,
    lock: undefined,
    watermarks: new Watermarks.Watermarks(),
    checkpoints: new Map(),
    pick: undefined,
  }).pipe(
    Stream.takeWhile(() => listed < limit),
    Stream.runForEach((chunk) =>
      Effect.gen(function*() {
        const verdicts = chunk.items.length === 0 ? [] : yield* sink.verify(chunk.items.map(({ item }) => item));
        const differing = chunk.items.flatMap((admitted, index) => {
          const verdict = verdicts[index]!;
          const { item } = admitted;
          if (verdict._tag === "Differs") return [{ item, code: verdict.code, reason: verdict.reason }];
          counts[ofVerdict[verdict._tag]]++;
          const settled = item.part === undefined ? undefined : objects.durable(item.part, admitted);
          if (plan.deletes) counts["would-delete"] += settled === undefined ? 1 : settled.whole?.members.length ?? 0;
          return [];
        });
        const dismissed = chunk.dismissed.map(({ dismissal }) => dismissal);
        for (const { item: { part } } of [...differing, ...dismissed]) if (part !== undefined) objects.lost(part);
        const accepted = yield* state.accepted(
          [...differing, ...dismissed].map(({ code, item }) => ({
            ...scope,
            key: item.key,
            sha256: item.origin.sha256,
            code,
          })),
        );
        differing.forEach(({ code, item, reason }, index) =>
          foresee("would-conflict", code, item.key, reason, accepted[index]!)
        );
        dismissed.forEach(({ code, item, outcome, reason }, index) =>
          foresee(
            ofDismissal[outcome],
            code,
            item.key,
            reason,
            outcome === "rejected" && accepted[differing.length + index]!,
          )
        );
        listed += chunk.items.length + chunk.dismissed.length;
      })
    ),
    Effect.catchAll((failure) =>
      Effect.sync(() => {
        stopped = { kind: "environment", code: Retry.code(failure), reason: failure.message };
      })
    ),
    Effect.raceFirst(Effect.map(options.stop, (reason) => {
      stopped = reason;
    })),
  );
  const result: Forecast = {
    pipeline: plan.pipeline,
    environment: plan.environment,
    planHash: plan.hash,
    listed,
    counts,
    incidents: incidents.list(),
    durationMillis: yield* now,
    stop: stopped,
  };
  return result;
}, Effect.scoped);
