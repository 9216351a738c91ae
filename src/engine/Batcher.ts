import type { BatchSettings } from "../spec/Spec.ts";
import type { Admitted } from "./Admission.ts";

/**
 * Gathers admitted items into batches, bounded by count and bytes, in which every identity stands once: the second of two equal ones waits
 * for a later batch. Plain and synchronous; who waits for what is the run's business.
 */
export class Batcher {
  readonly #bytes: number;
  #maxItems: number;
  #open: Array<Admitted> = [];
  #identities = new Set<string>();
  #openBytes = 0;
  #twins: Array<Admitted> = [];
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
    return this.#next >= this.#waiting.length;
  }

  /** Of batches that are not sealed yet. */
  resize(items: number): void {
    this.#maxItems = items;
  }

  offer(chunk: ReadonlyArray<Admitted>): void {
    this.#waiting = this.hungry ? chunk : [...this.#waiting.slice(this.#next), ...chunk];
    this.#next = 0;
  }

  /** A full batch, if the items at hand make one. A batch's worth of twins ends it too: else a source of equal ones would be held whole. */
  full(): ReadonlyArray<Admitted> | undefined {
    while (this.#next < this.#waiting.length) {
      const item = this.#waiting[this.#next]!;
      if (this.#open.length > 0 && this.#openBytes + item.item.bytes > this.#bytes) return this.#seal();
      this.#next++;
      this.#add(item);
      if (this.#open.length >= this.#maxItems || this.#twins.length >= this.#maxItems) return this.#seal();
    }
    return undefined;
  }

  /** Whatever there is, full or not; `undefined` when there is nothing. */
  rest(): ReadonlyArray<Admitted> | undefined {
    return this.full() ?? (this.#open.length > 0 ? this.#seal() : undefined);
  }

  /** Everything held, when the run ends before it could become a batch. */
  drain(): ReadonlyArray<Admitted> {
    const all = [...this.#open, ...this.#twins, ...this.#waiting.slice(this.#next)];
    this.#open = [];
    this.#twins = [];
    this.#waiting = [];
    this.#next = 0;
    return all;
  }

  #add(item: Admitted): void {
    if (this.#identities.has(item.identity)) {
      this.#twins.push(item);
      return;
    }
    this.#identities.add(item.identity);
    this.#open.push(item);
    this.#openBytes += item.item.bytes;
  }

  #seal(): ReadonlyArray<Admitted> {
    const batch = this.#open;
    const twins = this.#twins;
    this.#open = [];
    this.#identities = new Set();
    this.#openBytes = 0;
    this.#twins = [];
    if (twins.length > 0) {
      this.#waiting = [...twins, ...this.#waiting.slice(this.#next)];
      this.#next = 0;
    }
    return batch;
  }
}
