/** Batches per writer that make a round: enough for its rate to say something, few enough that it is soon known. */
const roundBatches = 4;
/** Shortest round: beneath it the rate is that of timers and buffers. */
const roundMillis = 1000;
/** A round in which the batch size moved further than this says more about the size than about the writers. */
const steadyWithin = 1.25;
/** Share of the ideal gain that more writers must bring to be kept; and the least gain that is no noise. */
const shareOfIdeal = 0.2;
const leastGain = 0.05;
/** Growth once doubling has ended: a quarter, which ideally brings five times the least gain. */
const gently = 1 / 4;
/** Rounds to wait before the next trial after one that did not pay; doubles up to the second, so that a settled run stays settled. */
const firstRest = 4;
const longestRest = 64;

/** One attempt at a batch, as far as the number of writers depends on it. */
export interface Observation {
  /** Milliseconds, monotonic. */
  readonly at: number;
  readonly items: number;
  readonly succeeded: boolean;
  /** It held its locks longer than it should. */
  readonly isOver: boolean;
  /** Items that a batch should hold at present. */
  readonly batchItems: number;
}

/**
 * How many batches are under way at once, by AIMD on throughput: more writers are tried for a round and kept if items per second rose (doubling until
 * it first does not pay, then a quarter more, ever more seldom); a failed attempt, or a round in which most batches held their locks too long, halves them.
 */
export class Concurrency {
  readonly #max: number;
  #writers: number;
  #isDoubling = true;
  #trial: { readonly from: number; readonly rate: number } | undefined;
  /** Rounds until the next trial. */
  #resting = 0;
  #nextRest = firstRest;
  /** Attempts begun before the last change: they say nothing about it. */
  #stale = 0;
  #round: { readonly since: number; readonly batchItems: number } | undefined;
  #items = 0;
  #batches = 0;
  #over = 0;

  constructor(bounds: { readonly start: number; readonly max: number }) {
    this.#max = bounds.max;
    this.#writers = Math.min(bounds.start, bounds.max);
  }

  /** Batches that may be under way at once. */
  get writers(): number {
    return this.#writers;
  }

  /** What was seen so far cannot be compared with what comes: the run stood still. */
  restart(): void {
    this.#round = undefined;
    this.#items = 0;
    this.#batches = 0;
    this.#over = 0;
  }

  observe({ at, batchItems, isOver, items, succeeded }: Observation): void {
    if (this.#stale > 0) {
      this.#stale--;
      return;
    }
    if (!succeeded) return this.#halve();
    if (this.#round === undefined) {
      this.#round = { since: at, batchItems };
      return;
    }
    this.#items += items;
    this.#batches++;
    if (isOver) this.#over++;
    const elapsed = at - this.#round.since;
    if (this.#batches < roundBatches * this.#writers || elapsed < roundMillis) return;
    const rate = this.#items / elapsed;
    const moved = batchItems / this.#round.batchItems;
    const isSteady = moved < steadyWithin && moved > 1 / steadyWithin;
    const wasOver = this.#over > this.#batches / 2;
    this.restart();
    this.#round = { since: at, batchItems };
    if (wasOver) this.#halve();
    else if (isSteady) this.#judge(rate);
  }

  #judge(rate: number): void {
    if (this.#trial !== undefined) {
      const { from, rate: before } = this.#trial;
      this.#trial = undefined;
      const ideal = this.#writers / from - 1;
      if (rate < before * (1 + Math.max(leastGain, ideal * shareOfIdeal))) {
        this.#isDoubling = false;
        this.#rest();
        return this.#change(from);
      }
      this.#nextRest = firstRest;
    }
    if (this.#resting > 0) {
      this.#resting--;
      return;
    }
    if (this.#writers === this.#max) return;
    this.#trial = { from: this.#writers, rate };
    this.#change(this.#isDoubling ? this.#writers * 2 : this.#writers + Math.ceil(this.#writers * gently));
  }

  #halve(): void {
    this.#isDoubling = false;
    this.#trial = undefined;
    this.#rest();
    this.#change(Math.max(1, Math.floor(this.#writers / 2)));
  }

  #rest(): void {
    this.#resting = this.#nextRest;
    this.#nextRest = Math.min(this.#nextRest * 2, longestRest);
  }

  #change(writers: number): void {
    this.#stale = this.#writers;
    this.#writers = Math.min(this.#max, writers);
    this.restart();
  }
}
