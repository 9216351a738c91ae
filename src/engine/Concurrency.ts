/**
 * Batches per writer that make a round. Writers tend to end together, so that a round is wrong by up to one batch of each: a quarter while doubling,
 * a sixteenth later. The gains asked for lie above both.
 */
const roundBatches = { doubling: 4, gently: 16 };
/** Shortest round: beneath it the rate is that of timers and buffers. */
const roundMillis = 1000;
/** A round in which the batch size moved further than this says more about the size than about the writers. */
const steadyWithin = 1.25;
/** Share of the ideal gain that more writers must bring to be kept; and the least gain that is no noise. */
const shareOfIdeal = 0.3;
const leastGain = 0.07;
/** Growth once doubling has ended. */
const gently = 1 / 4;
const unchanged = 1;
/** Rounds to wait at a ceiling before it is tried again; doubles up to the second, so that a settled run stays settled. */
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
 * that first does not pay, then a quarter more); a failed attempt, or a round in which most batches held their locks too long, halves them. What did
 * not pay is a ceiling, tried again ever more seldom.
 */
export class Concurrency {
  readonly #max: number;
  #writers: number;
  #isDoubling = true;
  #trial: { readonly from: number; readonly rate: number } | undefined;
  /** The fewest writers that are known to be too many. */
  #ceiling = Number.POSITIVE_INFINITY;
  /** Rounds until the ceiling may be tried again. */
  #resting = 0;
  #nextRest = firstRest;
  /** No round has ended well since the last cut: it is the same trouble still. */
  #isInTrouble = false;
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
  }

  /** Answers by what the size of batches is to change with the number of writers. */
  observe({ at, batchItems, isOver, items, succeeded }: Observation): number {
    if (this.#stale > 0) {
      this.#stale--;
      return unchanged;
    }
    if (!succeeded) return this.#halve();
    if (this.#round === undefined) {
      this.#begin(at, batchItems);
      return unchanged;
    }
    this.#items += items;
    this.#batches++;
    if (isOver) this.#over++;
    const elapsed = at - this.#round.since;
    const enough = (this.#isDoubling ? roundBatches.doubling : roundBatches.gently) * this.#writers;
    if (this.#batches < enough || elapsed < roundMillis) return unchanged;
    const rate = this.#items / elapsed;
    const moved = batchItems / this.#round.batchItems;
    const wasOver = this.#over > this.#batches / 2;
    this.#begin(at, batchItems);
    if (wasOver) return this.#halve();
    this.#isInTrouble = false;
    return moved < steadyWithin && moved > 1 / steadyWithin ? this.#judge(rate) : unchanged;
  }

  #begin(at: number, batchItems: number): void {
    this.#round = { since: at, batchItems };
    this.#items = 0;
    this.#batches = 0;
    this.#over = 0;
  }

  /** On trial as much is under way as before, in smaller batches: where the database is busy, twice as many take twice as long. */
  #judge(rate: number): number {
    const writers = this.#writers;
    if (this.#trial !== undefined) {
      const { from, rate: before } = this.#trial;
      this.#trial = undefined;
      const ideal = writers / from - 1;
      if (rate < before * (1 + Math.max(leastGain, ideal * shareOfIdeal))) {
        this.#hitCeiling();
        this.#change(from);
        return writers / from;
      }
      if (writers >= this.#ceiling) this.#lift();
    }
    const more = Math.min(this.#max, writers + Math.ceil(writers * (this.#isDoubling ? 1 : gently)));
    if (this.#resting > 0) this.#resting--;
    const next = this.#resting > 0 ? Math.min(more, this.#ceiling - 1) : more;
    if (next <= writers) return unchanged;
    this.#trial = { from: writers, rate };
    this.#change(next);
    return writers / next;
  }

  #halve(): number {
    if (!this.#isInTrouble) this.#hitCeiling();
    this.#isInTrouble = true;
    this.#trial = undefined;
    this.#change(Math.max(1, Math.floor(this.#writers / 2)));
    return unchanged;
  }

  #hitCeiling(): void {
    this.#isDoubling = false;
    this.#ceiling = this.#writers;
    this.#resting = this.#nextRest;
    this.#nextRest = Math.min(this.#nextRest * 2, longestRest);
  }

  #lift(): void {
    this.#ceiling = Number.POSITIVE_INFINITY;
    this.#nextRest = firstRest;
  }

  #change(writers: number): void {
    this.#stale = this.#writers;
    this.#writers = writers;
    this.restart();
  }
}
