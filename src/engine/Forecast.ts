import { Effect, Stream } from "effect";
import type { Verdict } from "../core/Component.ts";
import type { Dismissal, ItemRef } from "../core/Item.ts";
import type { Registry } from "../core/Registry.ts";
import { lockKeyOf } from "./Admission.ts";
import * as Examine from "./Examine.ts";
import { Objects } from "./Objects.ts";
import type { Plan } from "./Plan.ts";
import { Incidents } from "./Report.ts";
import type { Forecast, Stop } from "./Report.ts";
import * as Retry from "./Retry.ts";
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

const remarksOn = (unfilled: ReadonlyArray<string>, sharedKey: string | undefined): ReadonlyArray<string> => [
  ...(unfilled.length === 0 ? [] : [
    `no item has a value for ${
      unfilled.join(", ")
    }: is a path in sink.tables misspelt? They would be NULL in every row`,
  ]),
  ...(sharedKey === undefined ? [] : [
    `all items share the lock key ${
      JSON.stringify(sharedKey)
    }: is a path in sink.lock.key misspelt? Batches would wait for one another`,
  ]),
];

/** Invariant 10: reads and parses everything, compares it with the target, and writes nothing anywhere. */
export const forecast = Effect.fn("Engine.forecast")(function*(
  plan: Plan,
  registry: Registry,
  options: { readonly stop: Effect.Effect<Stop>; readonly limit?: number },
) {
  const { chunks, sink } = yield* Examine.open(plan, registry);
  const watch = sink.watch?.();
  const lockKey = lockKeyOf(plan.spec.sink.lock);
  const lockKeys = new Set<string | undefined>();
  const now = yield* Work.monotonic;
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
  let looked = 0;
  let stopped: Stop | undefined;

  const foresee = (count: Count, code: string, item: ItemRef, reason: string, accepted: boolean) => {
    if (item.part !== undefined) objects.lost(item.part);
    counts[accepted ? "would-skip" : count]++;
    if (accepted || count === "would-skip") return;
    incidents.add(
      count === "would-reject" ? "rejected" : count === "would-conflict" ? "conflict" : "failed",
      code,
      item.key,
      reason,
    );
  };
  const count = ({ dismissed, items }: Examine.ExaminedChunk): void => {
    watch?.see(items.map(({ admitted }) => admitted.item));
    for (const { accepted, admitted, verdict } of items) {
      const { item } = admitted;
      looked++;
      if (lockKeys.size < 2) lockKeys.add(lockKey(item));
      if (verdict._tag === "Differs") foresee("would-conflict", verdict.code, item, verdict.reason, accepted);
      else {
        counts[ofVerdict[verdict._tag]]++;
        const settled = item.part === undefined ? undefined : objects.durable(item.part, admitted);
        if (plan.deletes) counts["would-delete"] += settled === undefined ? 1 : settled.whole?.members.length ?? 0;
      }
    }
    for (const { accepted, dismissal: { code, item, outcome, reason } } of dismissed) {
      foresee(ofDismissal[outcome], code, item, reason, accepted);
    }
    listed += items.length + dismissed.length;
  };
  const limit = options.limit ?? Number.POSITIVE_INFINITY;
  yield* chunks.pipe(
    Stream.takeWhile(() => listed < limit),
    Stream.runForEach((chunk) => Effect.sync(() => count(chunk))),
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
    remarks: remarksOn(watch?.unfilled() ?? [], looked > 1 && lockKeys.size === 1 ? [...lockKeys][0] : undefined),
    durationMillis: yield* now,
    stop: stopped,
  };
  return result;
}, Effect.scoped);
