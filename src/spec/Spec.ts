import type { Duration } from "effect";
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
  readonly concurrency: { readonly max: number };
  readonly statementTimeout: Duration.Duration;
  readonly retry: RetrySettings;
}

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
}
