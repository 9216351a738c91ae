/**
 * How far each partition is settled for good. A chunk takes a ticket when it is read; the watermark passes it once all its items ended in a
 * way that a resumed run may skip, and every chunk before it did. The first that did not ends the watermark of its partition for this run.
 */
export class Watermarks {
  readonly #partitions = new Map<string, { queue: Array<Ticket>; watermark: string | undefined; stuck: boolean }>();

  /** For the next chunk of a partition, in position order; `last` is its last position. */
  open(partition: string, last: string, items: number): Ticket {
    let state = this.#partitions.get(partition);
    if (state === undefined) {
      state = { queue: [], watermark: undefined, stuck: false };
      this.#partitions.set(partition, state);
    }
    const of = state;
    const ticket = new Ticket(last, items, () => this.#advance(of));
    if (!state.stuck) state.queue.push(ticket);
    if (items === 0) this.#advance(of);
    return ticket;
  }

  #advance(state: { queue: Array<Ticket>; watermark: string | undefined; stuck: boolean }): void {
    while (state.queue[0]?.pending === 0 && !state.queue[0].held) state.watermark = state.queue.shift()!.last;
    // Invariant 4: behind a held chunk nothing can advance any more, so nothing is remembered.
    if (state.queue[0]?.held === true) {
      state.stuck = true;
      state.queue.length = 0;
    }
  }

  snapshot(): ReadonlyMap<string, string> {
    const marks = new Map<string, string>();
    for (const [partition, state] of this.#partitions) {
      if (state.watermark !== undefined) marks.set(partition, state.watermark);
    }
    return marks;
  }
}

/** One chunk's share of its partition's watermark. */
export class Ticket {
  readonly last: string;
  pending: number;
  held = false;
  readonly #changed: () => void;

  constructor(last: string, items: number, changed: () => void) {
    this.last = last;
    this.pending = items;
    this.#changed = changed;
  }

  /** One item of the chunk has ended; `passed` says whether a resumed run may skip it. */
  settle(passed: boolean): void {
    this.pending--;
    if (!passed) this.held = true;
    if (this.pending === 0 || !passed) this.#changed();
  }
}
