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
/** Share of the target that a batch which took too long is cut to: a little under it, so that the next one fits. */
const cutTo = 0.9;
/** Growth per batch once the target has been met: a sixteenth, so that twelve batches double it. */
const gently = 1 / 16;

/**
 * Batch size and concurrency together. The size by AIMD: doubles until a batch first takes half its hold target, then grows gently; a batch that
 * takes longer than the target is cut in proportion, a failed one in half. Never below a tenth of `start`, never above `max`. The first batches,
 * one for each writer there is at the start, pay for connections, plans and code that is new, and so do not end the doubling; the very first goes
 * alone, as two that are cold hold their locks half as long again. How many batches are under way at once is else the business of `Concurrency`.
 */
export class Adapt {
  readonly #max: number;
  readonly #min: number;
  readonly #targetMillis: number;
  #items: number;
  /** Batches still to come that are slow because they are the first. */
  #cold: number;
  #isDoubling = true;
  #isAlone = true;
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
    this.#cold = Math.min(concurrency.start, concurrency.max);
  }

  /** Items that the next batch should hold. */
  get items(): number {
    return this.#items;
  }

  /** Batches that may be under way at once. */
  get writers(): number {
    return this.#isAlone ? 1 : this.#concurrency.writers;
  }

  /** An attempt has ended, whatever became of it: no other batch need wait for the first. */
  ended(): void {
    this.#isAlone = false;
  }

  /** The run stood still: what was measured before says nothing about what comes. */
  restart(): void {
    this.#concurrency.restart();
  }

  observe({ at, heldMillis, items, succeeded }: Attempt): void {
    const isOver = heldMillis > this.#targetMillis;
    this.#resizeAfter(items, heldMillis, succeeded, isOver);
    // One batch alone says nothing of several.
    if (this.#isAlone) return;
    this.#resize(this.#items * this.#concurrency.observe({ at, items, succeeded, isOver, batchItems: this.#items }));
  }

  #resizeAfter(items: number, heldMillis: number, succeeded: boolean, isOver: boolean): void {
    const isCold = this.#cold > 0;
    if (isCold) this.#cold--;
    if (!succeeded || isOver) {
      this.#isDoubling &&= isCold && succeeded;
      // One outlier may cost half at most, and so may those that were in flight beside it: they are larger than the size in force by now.
      const half = Math.max(items, this.#items) / 2;
      const fitting = succeeded ? items * (this.#targetMillis / heldMillis) * cutTo : 0;
      this.#resize(Math.min(this.#items, Math.max(fitting, half)));
      return;
    }
    // What was not full shows nothing about a larger size.
    if (items < this.#items) return;
    if (this.#isDoubling && heldMillis < this.#targetMillis / 2) this.#resize(this.#items * 2);
    else if (!isCold) {
      this.#isDoubling = false;
      if (heldMillis < this.#targetMillis * roomBelow) this.#resize(this.#items + Math.ceil(this.#items * gently));
    }
  }

  #resize(items: number): void {
    this.#items = Math.round(Math.min(this.#max, Math.max(this.#min, items)));
  }
}
