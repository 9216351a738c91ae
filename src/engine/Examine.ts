import { Effect, Stream } from "effect";
import type { ComponentError, Source, Verdict } from "../core/Component.ts";
import type { StateError } from "../core/Errors.ts";
import type { Dismissal } from "../core/Item.ts";
import type { Registry } from "../core/Registry.ts";
import { State } from "../core/State.ts";
import { admit } from "./Admission.ts";
import type { Admitted } from "./Admission.ts";
import { sinkSettings } from "./Inspect.ts";
import type { Plan } from "./Plan.ts";
import * as Watermarks from "./Watermarks.ts";

/** One chunk of the source, looked at as a run would: what stages dismiss, and what the target says of the rest. */
export interface ExaminedChunk {
  readonly items: ReadonlyArray<{
    readonly admitted: Admitted;
    readonly verdict: Verdict;
    /** A conflict that somebody has accepted. */
    readonly accepted: boolean;
  }>;
  readonly dismissed: ReadonlyArray<{ readonly dismissal: Dismissal; readonly accepted: boolean }>;
}

/** Chunks compared at once: enough to hide the round trip to a server behind reading, few enough to hold (Invariant 4). */
const chunksAtOnce = 4;

/** Invariant 10: opens everything for reading. `narrow` leaves a part of the source. */
export const open = Effect.fn("Engine.examine")(function*<E = never>(
  plan: Plan,
  registry: Registry,
  narrow: (source: Source) => Effect.Effect<Source, E> = Effect.succeed,
) {
  const { spec } = plan;
  const state = yield* State;
  const whole = yield* spec.source.component.open(spec.source.options);
  const sink = yield* spec.sink.component.open(spec.sink.options, sinkSettings(spec, registry), plan.sinkFacts, "read");
  const source = yield* narrow(whole);
  const scope = { environment: plan.environment, pipeline: plan.pipeline, source: whole.fingerprint };

  const chunks: Stream.Stream<ExaminedChunk, ComponentError | StateError> = admit({
    source,
    transforms: spec.transforms.map((transform) => transform.component.make(transform.options)),
    sink,
    lock: undefined,
    watermarks: new Watermarks.Watermarks(),
    checkpoints: new Map(),
    pick: undefined,
  }).pipe(
    Stream.mapEffect((chunk) =>
      Effect.gen(function*() {
        const verdicts = chunk.items.length === 0 ? [] : yield* sink.verify(chunk.items.map(({ item }) => item));
        const dismissed = chunk.dismissed.map(({ dismissal }) => dismissal);
        const questionable = [
          ...chunk.items.flatMap(({ item }, index) => {
            const verdict = verdicts[index]!;
            return verdict._tag === "Differs" ? [{ item, code: verdict.code }] : [];
          }),
          ...dismissed,
        ];
        const answers = yield* state.accepted(
          questionable.map(({ code, item }) => ({ ...scope, key: item.key, sha256: item.origin.sha256, code })),
        );
        let next = 0;
        return {
          items: chunk.items.map((admitted, index) => {
            const verdict = verdicts[index]!;
            return { admitted, verdict, accepted: verdict._tag === "Differs" && answers[next++]! };
          }),
          dismissed: dismissed.map((dismissal) => ({
            dismissal,
            accepted: answers[next++]! && dismissal.outcome === "rejected",
          })),
        };
      }), { concurrency: Math.min(chunksAtOnce, spec.sink.concurrency.max) }),
  );
  return { source: whole, sink, chunks };
});
