import { Duration } from "effect";
import type { Deferred } from "./Deferrals.ts";

/** What a run has seen of its locks. */
export interface LockReport {
  /** Where keys are locked, e.g. `redis`. */
  readonly kind: string;
  /** Attempts at batches that held locks. */
  readonly holds: number;
  /** How long others had to wait for them: from lock to unlock, or just the write where nobody else sees the lock. `p95` is right within a fifth. */
  readonly heldMillis: { readonly mean: number; readonly p95: number; readonly max: number };
  readonly holdTargetMillis: number;
  /** Holds longer than the target. */
  readonly overTarget: number;
  /** Times that a key was asked for and found held by somebody else. */
  readonly contended: number;
  /** How often items were put off to be tried again, and for how long on average. */
  readonly deferred: { readonly times: number; readonly meanMillis: number };
}

/** Four buckets per doubling: a bound is at most a fifth above what it holds. */
const bucketsPerDoubling = 4;
/** From one millisecond to over an hour; the last bucket takes the rest (Invariant 4). */
const bucketCount = 22 * bucketsPerDoubling;

const round = (millis: number): number => Math.round(millis * 10) / 10;

/** Counts how long locks are held, in constant memory. */
export class Holds {
  readonly #buckets = new Float64Array(bucketCount);
  readonly #targetMillis: number;
  #holds = 0;
  #sum = 0;
  #max = 0;
  #over = 0;
  #contended = 0;

  constructor(target: Duration.Duration | undefined) {
    this.#targetMillis = target === undefined ? Number.POSITIVE_INFINITY : Duration.toMillis(target);
  }

  held(millis: number): void {
    const bucket = Math.max(0, Math.ceil(Math.log2(millis) * bucketsPerDoubling));
    this.#buckets[Math.min(bucket, bucketCount - 1)]!++;
    this.#holds++;
    this.#sum += millis;
    this.#max = Math.max(this.#max, millis);
    if (millis > this.#targetMillis) this.#over++;
  }

  contended(keys: number): void {
    this.#contended += keys;
  }

  /** An upper bound of what 95 of 100 holds took. */
  get #p95(): number {
    let left = this.#holds * 0.95;
    const bucket = this.#buckets.findIndex((count) => (left -= count) <= 0);
    return Math.min(this.#max, 2 ** (bucket / bucketsPerDoubling));
  }

  report(kind: string, deferred: Deferred): LockReport {
    return {
      kind,
      holds: this.#holds,
      heldMillis: {
        mean: round(this.#sum / Math.max(1, this.#holds)),
        p95: this.#holds === 0 ? 0 : round(this.#p95),
        max: round(this.#max),
      },
      holdTargetMillis: this.#targetMillis,
      overTarget: this.#over,
      contended: this.#contended,
      deferred: { times: deferred.times, meanMillis: round(deferred.millis / Math.max(1, deferred.times)) },
    };
  }
}
