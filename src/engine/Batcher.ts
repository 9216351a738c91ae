import type { BatchSettings } from "../spec/Spec.ts";
import { lockKeysOf } from "./Admission.ts";
import type { Admitted } from "./Admission.ts";

/**
 * Gathers admitted items into batches, bounded by count and bytes, in which every identity stands once: the second of two equal ones waits
 * for a later batch, and who needs a lock that a batch under way has asked for waits until that has ended. Plain and synchronous; who waits
 * for what is the run's business.
 */
export class Batcher {
  readonly #bytes: number;
  #maxItems: number;
  #open: Array<Admitted> = [];
  #identities = new Set<string>();
  #openBytes = 0;
  #twins: Array<Admitted> = [];
  #twinBytes = 0;
  /** Locks of each batch under way: this run is no rival of its own. */
  readonly #lockedBy = new Map<ReadonlyArray<Admitted>, ReadonlySet<string>>();
  /** Read but not yet looked at, oldest first; `#next` is the first of them. */
  #waiting: ReadonlyArray<Admitted> = [];
  #next = 0;

  constructor(settings: Pick<BatchSettings, "bytes"> & { readonly items: number }) {
    this.#bytes = settings.bytes;
    this.#maxItems = settings.items;
  }

  /** Items held: those of the open batch, twins and those not looked at. */
  get size(): number {
    return this.#open.length + this.#twins.length + this.#waiting.length - this.#next;
  }

  /** Whether another chunk may be offered: only when the last one has been used up, so that one chunk and one batch bound the memory. */
  get hungry(): boolean {
    return this.#isUsedUp && !this.#hasManyTwins;
  }

  get #isUsedUp(): boolean {
    return this.#next >= this.#waiting.length;
  }

  get #hasManyTwins(): boolean {
    return this.#twins.length >= this.#maxItems || this.#twinBytes >= this.#bytes;
  }

  /** Of batches that are not sealed yet. */
  resize(items: number): void {
    this.#maxItems = items;
  }

  offer(chunk: ReadonlyArray<Admitted>): void {
    this.#waiting = this.#isUsedUp ? chunk : [...this.#waiting.slice(this.#next), ...chunk];
    this.#next = 0;
  }

  /** A full batch, if the items at hand make one. A batch's worth of twins ends it too: else a source of equal ones would be held whole. */
  full(): ReadonlyArray<Admitted> | undefined {
    while (this.#next < this.#waiting.length) {
      const item = this.#waiting[this.#next]!;
      if (this.#open.length > 0 && this.#openBytes + item.item.bytes > this.#bytes) return this.#seal();
      this.#next++;
      this.#add(item);
      if (this.#open.length === 0) continue;
      if (this.#open.length >= this.#maxItems || this.#hasManyTwins) return this.#seal();
    }
    return undefined;
  }

  /** Whatever there is, full or not; `undefined` when there is nothing. */
  rest(): ReadonlyArray<Admitted> | undefined {
    return this.full() ?? (this.#open.length > 0 ? this.#seal() : undefined);
  }

  /** A batch has come to its end: its locks are free again, unless somebody else took them. */
  release(batch: ReadonlyArray<Admitted>): void {
    if (this.#lockedBy.delete(batch)) this.#lookAgain();
  }

  /** Everything held, when the run ends before it could become a batch. */
  drain(): ReadonlyArray<Admitted> {
    const all = [...this.#open, ...this.#twins, ...this.#waiting.slice(this.#next)];
    this.#open = [];
    this.#twins = [];
    this.#twinBytes = 0;
    this.#waiting = [];
    this.#next = 0;
    return all;
  }

  #add(item: Admitted): void {
    if (this.#identities.has(item.identity) || this.#isLocked(item.lockKey)) {
      this.#twins.push(item);
      this.#twinBytes += item.item.bytes;
      return;
    }
    this.#identities.add(item.identity);
    this.#open.push(item);
    this.#openBytes += item.item.bytes;
  }

  #isLocked(key: string | undefined): boolean {
    if (key === undefined) return false;
    for (const locks of this.#lockedBy.values()) if (locks.has(key)) return true;
    return false;
  }

  #seal(): ReadonlyArray<Admitted> {
    const batch = this.#open;
    if (batch[0]!.lockKey !== undefined) this.#lockedBy.set(batch, lockKeysOf(batch));
    this.#open = [];
    this.#identities = new Set();
    this.#openBytes = 0;
    this.#lookAgain();
    return batch;
  }

  /** Twins come before what was read after them. */
  #lookAgain(): void {
    if (this.#twins.length === 0) return;
    this.#waiting = [...this.#twins, ...this.#waiting.slice(this.#next)];
    this.#next = 0;
    this.#twins = [];
    this.#twinBytes = 0;
  }
}
