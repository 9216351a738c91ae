import { Duration } from "effect";
import type { RetrySettings } from "../spec/Spec.ts";
import type { Admitted } from "./Admission.ts";
import * as Retry from "./Retry.ts";

/** How often items were put off, and for how long in all. */
export interface Deferred {
  readonly times: number;
  readonly millis: number;
}

/**
 * Items that left their batch to be tried again later: someone else holds their lock, or their row vanished. Bounded: while it is full the
 * run takes nothing new from the source.
 */
export class Deferrals {
  readonly #settings: RetrySettings;
  readonly #capacity: { readonly items: number; readonly bytes: number };
  readonly #waiting: Array<{ readonly admitted: Admitted; readonly since: number; readonly due: number }> = [];
  #bytes = 0;
  #times = 0;
  #millis = 0;

  constructor(settings: RetrySettings, capacity: { readonly items: number; readonly bytes: number }) {
    this.#settings = settings;
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#waiting.length;
  }

  get full(): boolean {
    return this.#waiting.length >= this.#capacity.items || this.#bytes >= this.#capacity.bytes;
  }

  get deferred(): Deferred {
    return { times: this.#times, millis: this.#millis };
  }

  /** False when the item's budget is spent (the retry deadline, counted from its first deferral): then it must be settled instead. */
  push(admitted: Admitted, nowMillis: number, random: number): boolean {
    if (admitted.deferrals === 0) admitted.deferredSince = nowMillis;
    const pause = Duration.toMillis(Retry.backoff(this.#settings, admitted.deferrals + 1, random));
    if (nowMillis + pause - admitted.deferredSince > Duration.toMillis(this.#settings.deadline)) return false;
    admitted.deferrals++;
    this.#waiting.push({ admitted, since: nowMillis, due: nowMillis + pause });
    this.#times++;
    this.#bytes += admitted.item.bytes;
    return true;
  }

  /** Takes what is due. */
  due(nowMillis: number): ReadonlyArray<Admitted> {
    const due: Array<Admitted> = [];
    let kept = 0;
    for (const entry of this.#waiting) {
      if (entry.due > nowMillis) this.#waiting[kept++] = entry;
      else {
        due.push(entry.admitted);
        this.#millis += nowMillis - entry.since;
        this.#bytes -= entry.admitted.item.bytes;
      }
    }
    this.#waiting.length = kept;
    return due;
  }

  /** Milliseconds of the run's clock at which the next is due; infinity when nothing waits. */
  get nextDue(): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { due } of this.#waiting) if (due < next) next = due;
    return next;
  }

  drain(): ReadonlyArray<Admitted> {
    this.#bytes = 0;
    return this.#waiting.splice(0).map(({ admitted }) => admitted);
  }
}
