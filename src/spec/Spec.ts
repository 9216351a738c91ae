import type { DateTime, Duration } from "effect";
import type { PostStepComponent, SinkComponent, SourceComponent, TransformComponent } from "../core/Component.ts";

/** One component as a spec uses it. */
export interface Stage<C> {
  readonly component: C;
  /** Decoded by `component.options`. */
  readonly options: any;
  /** Where it stands in the spec, e.g. `["transforms", 0]`. */
  readonly path: ReadonlyArray<string | number>;
  /** Its settings as plain JSON with defaults filled in and secrets replaced by their redaction: for plans and the plan hash. */
  readonly canonical: unknown;
}

/** How keys are locked while a batch is written; `undefined` in a spec without `lock`, which then locks nothing. */
export interface LockSettings {
  /** `migration:{hash}`: braces hold a dotted path into the item's value. */
  readonly key: string;
  readonly ttl: Duration.Duration;
  /** How long locks should be held at most, from lock to unlock. */
  readonly holdTarget: Duration.Duration;
}

export interface BatchSettings {
  readonly items: { readonly start: number; readonly max: number };
  readonly bytes: number;
  /** A batch that is not full goes after this long. */
  readonly wait: Duration.Duration;
}

export interface RetrySettings {
  /** Attempts in all, the first included. */
  readonly attempts: number;
  readonly backoff: Duration.Duration;
  readonly maxBackoff: Duration.Duration;
  /** From the first attempt; none begins after it. */
  readonly deadline: Duration.Duration;
}

export interface SinkStage extends Stage<SinkComponent> {
  readonly lock: LockSettings | undefined;
  readonly batch: BatchSettings;
  /** Batches under way at once: when the first has been tried, and at most. */
  readonly concurrency: { readonly start: number; readonly max: number };
  readonly statementTimeout: Duration.Duration;
  readonly retry: RetrySettings;
}

/** Minutes since midnight by the clock of a time zone; across midnight where `from` is the later one. */
export interface Hours {
  readonly from: number;
  readonly to: number;
  readonly zone: DateTime.TimeZone.Named;
}

/** While this holds, no batch is taken up. */
export type Throttle =
  | { readonly replicaLag: { readonly connection: string; readonly max: Duration.Duration } }
  | { readonly load: { readonly max: number } }
  | { readonly hours: Hours };

/** A pipeline file, decoded: every name resolved, every default filled in. */
export interface Spec {
  readonly name: string;
  readonly summary: string;
  readonly source: Stage<SourceComponent>;
  readonly transforms: ReadonlyArray<Stage<TransformComponent>>;
  readonly sink: SinkStage;
  readonly postSteps: ReadonlyArray<Stage<PostStepComponent>>;
  /** How many may stay behind without failing the run. */
  readonly tolerate: { readonly rejected: number; readonly conflict: number };
  /** The key of the object that a row of the target waits for: see `KeyTemplate`. */
  readonly orphans?: { readonly key: string };
  readonly approve: "required" | "none";
  /** Items per second at most; `undefined`: as many as there are. */
  readonly maxRate: number | undefined;
  readonly throttles: ReadonlyArray<Throttle>;
  /** What the two above say, as it would be written: for plans and the plan hash. */
  readonly pace: unknown;
}
