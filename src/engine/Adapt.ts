import { Duration } from "effect";
import type { BatchSettings } from "../spec/Spec.ts";
import { Concurrency } from "./Concurrency.ts";

/** One attempt at a batch, as far as those after it depend on it. */
export interface Attempt {
  /** When it ended: milliseconds, monotonic. */
  readonly at: number;
  readonly items: number;
  /** How long others had to wait for it: from lock to unlock, or just the write where the lock is seen by nobody else. */
  readonly heldMillis: number;
  readonly succeeded: boolean;
}

/** Below this share of the target there is room to grow; between it and the target lies the dead band that keeps the size from swinging. */
const roomBelow = 0.8;
/** Share of the target that sizes aim at: a little under it, so that the next batch fits. */
const aim = 0.9;
/** Of the way to the size that would fit, as if time went by size alone: so much per batch, as those in flight beside it go the same way. */
const stepTowards = 1 / 2;
/** Growth per batch at most; and once one has failed: twelve batches double it. */
const growth = { most: 1, afterFailure: 1 / 16 };

/**
 * Batch size and concurrency together. A batch well below its hold target makes the next one larger, by half of what is lacking, and twice as large at
 * most; one that takes longer than the target is cut in proportion, a failed one in half, from where it grows gently. Never below a tenth of `start`,
 * never above `max`. The first batch pays for connections, plans and code that is new: it goes alone, so that it holds its locks no longer than it must,
 * and makes nothing larger. How many batches are under way at once is else the business of `Concurrency`.
 */
export class Adapt {
  readonly #max: number;
  readonly #min: number;
  readonly #targetMillis: number;
  #items: number;
  #isCold = true;
  #mostGrowth = growth.most;
  readonly #concurrency: Concurrency;

  constructor(
    batch: BatchSettings["items"],
    holdTarget: Duration.Duration | undefined,
    concurrency: { readonly start: number; readonly max: number },
  ) {
    this.#concurrency = new Concurrency(concurrency);
    this.#max = batch.max;
    this.#min = Math.max(1, Math.floor(batch.start / 10));
    this.#targetMillis = holdTarget === undefined ? Number.POSITIVE_INFINITY : Duration.toMillis(holdTarget);
    this.#items = batch.start;
  }

  /** Items that the next batch should hold. */
  get items(): number {
    return this.#items;
  }

  /** Batches that may be under way at once. */
  get writers(): number {
    return this.#isCold ? 1 : this.#concurrency.writers;
  }

  /** The run stood still: what was measured before says nothing about what comes. */
  restart(): void {
    this.#concurrency.restart();
  }

  observe({ at, heldMillis, items, succeeded }: Attempt): void {
    const isOver = heldMillis > this.#targetMillis;
    this.#resizeAfter(items, heldMillis, succeeded, isOver);
    this.#resize(this.#items * this.#concurrency.observe({ at, items, succeeded, isOver, batchItems: this.#items }));
  }

  #resizeAfter(items: number, heldMillis: number, succeeded: boolean, isOver: boolean): void {
    const isCold = this.#isCold;
    this.#isCold = false;
    if (!succeeded) this.#mostGrowth = growth.afterFailure;
    const fitting = succeeded ? items * aim * (this.#targetMillis / heldMillis) : 0;
    if (!succeeded || isOver) {
      // One outlier may cost half at most, and so may those that were in flight beside it: they are larger than the size in force by now.
      const half = Math.max(items, this.#items) / 2;
      this.#resize(Math.min(this.#items, Math.max(fitting, half)));
      return;
    }
    // What was not full shows nothing about a larger size.
    if (isCold || items < this.#items || heldMillis >= this.#targetMillis * roomBelow) return;
    const lacking = (fitting / this.#items - 1) * stepTowards;
    this.#resize(this.#items + Math.ceil(this.#items * Math.min(lacking, this.#mostGrowth)));
  }

  #resize(items: number): void {
    this.#items = Math.round(Math.min(this.#max, Math.max(this.#min, items)));
  }
}
