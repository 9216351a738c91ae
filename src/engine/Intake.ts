import { Duration, Effect, Option, Queue } from "effect";
import type { BatchSettings, RetrySettings } from "../spec/Spec.ts";
import type { Admitted } from "./Admission.ts";
import { Batcher } from "./Batcher.ts";
import { Deferrals } from "./Deferrals.ts";
import type { Deferred } from "./Deferrals.ts";

/** Chunks read and transformed ahead of the batcher: one in hand while the next is made (Invariant 4). */
const chunksAhead = 2;
/** Deferred items at most, in batches (design §6): beyond that the source waits. */
const deferredBatches = 4;
/** Upper bound of one wait for something to happen, should a wake-up be missed. */
const longestWait = Duration.seconds(1);

/** Where chunks of the source, and items put off, become the batches of the workers. */
export interface Intake {
  /** Hands in a chunk; waits while enough is at hand (back-pressure). */
  readonly put: (chunk: ReadonlyArray<Admitted>) => Effect.Effect<void>;
  /** The source has ended: what is at hand need not wait for more. */
  readonly close: Effect.Effect<void>;
  /** No further batch, whatever is at hand; those under way go on. */
  readonly shut: Effect.Effect<void>;
  /** One worker: batch after batch, until the intake is shut, or closed and nothing can come any more. */
  readonly work: <R>(
    process: (batch: ReadonlyArray<Admitted>) => Effect.Effect<void, never, R>,
  ) => Effect.Effect<void, never, R>;
  /** To be run when `writers` may answer otherwise. */
  readonly adjust: Effect.Effect<void>;
  /** Puts items off for a pause; answers those whose time is spent, to be settled instead. */
  readonly defer: (members: ReadonlyArray<Admitted>, random: number) => Effect.Effect<ReadonlyArray<Admitted>>;
  /** Batches under way. */
  readonly inFlight: Effect.Effect<number>;
  /** How often items were put off, and for how long. */
  readonly deferred: Effect.Effect<Deferred>;
  /** What was listed and came in no batch again; once all workers have ended. */
  readonly leftOver: Effect.Effect<ReadonlyArray<Admitted>>;
}

export const make = (settings: {
  readonly batch: BatchSettings;
  readonly retry: RetrySettings;
  /** Items that the next batch should hold; may differ each time. */
  readonly size: () => number;
  /** Batches that may be under way at once; may differ each time. Fewer than before: those beyond come to their end first. */
  readonly writers: () => number;
  /** Completes when a batch of so many items may go. No lock is held meanwhile. */
  readonly pass: (items: number) => Effect.Effect<void>;
  /** Monotonic milliseconds; those spent in `pass` may be left out. */
  readonly now: Effect.Effect<number>;
}): Effect.Effect<Intake> =>
  Effect.gen(function*() {
    const { batch, now, pass, retry, size, writers } = settings;
    const waitMillis = Duration.toMillis(batch.wait);
    const deferrals = new Deferrals(retry, {
      items: deferredBatches * batch.items.max,
      bytes: deferredBatches * batch.bytes,
    });
    const batcher = new Batcher({ bytes: batch.bytes, items: size() });
    const inbox = yield* Queue.bounded<ReadonlyArray<Admitted>>(chunksAhead);
    const turn = yield* Effect.makeSemaphore(1);
    const permits = yield* Effect.makeSemaphore(writers());
    const closing = yield* Effect.makeLatch(false);
    /** Opened whenever there may be something to do. */
    const wake = yield* Effect.makeLatch(false);
    let isClosed = false;
    let isShut = false;
    let inFlight = 0;
    /** When the batch being gathered must go, full or not. */
    let gatherUntil = Number.POSITIVE_INFINITY;
    /** Sealed, and waiting to be let through. */
    let waiting: ReadonlyArray<Admitted> | undefined;

    const sealed = (members: ReadonlyArray<Admitted>, at: number) => {
      gatherUntil = batcher.size > 0 ? at + waitMillis : Number.POSITIVE_INFINITY;
      waiting = members;
      return through(members);
    };
    const through = (members: ReadonlyArray<Admitted>) =>
      Effect.map(Effect.raceFirst(pass(members.length), closing.await), () => {
        if (isShut) return Option.none();
        waiting = undefined;
        inFlight++;
        return Option.some(members);
      });
    /** The next batch, when there is one; none when no more will come. One fiber at a time. */
    const next: Effect.Effect<Option.Option<ReadonlyArray<Admitted>>> = Effect.gen(function*() {
      while (!isShut) {
        // Whoever had it was broken off by a defect.
        if (waiting !== undefined) return yield* through(waiting);
        yield* wake.close;
        const at = yield* now;
        const due = deferrals.due(at);
        if (due.length > 0) batcher.offer(due);
        if (batcher.hungry && !deferrals.full) {
          const chunk = yield* Queue.poll(inbox);
          if (Option.isSome(chunk)) batcher.offer(chunk.value);
        }
        batcher.resize(size());
        const full = batcher.full();
        if (full !== undefined) return yield* sealed(full, at);
        // Also where the wait is over: while all workers were busy nobody gathered, and the batch would be a chunk's remainder.
        if (batcher.hungry && !deferrals.full && !(yield* Queue.isEmpty(inbox))) continue;
        // In this order: the last chunk is in the inbox before it is closed.
        const isDrained = isClosed && (yield* Queue.isEmpty(inbox));
        if (batcher.size > 0 && gatherUntil === Number.POSITIVE_INFINITY) gatherUntil = at + waitMillis;
        if (isDrained || at >= gatherUntil) {
          const rest = batcher.rest();
          if (rest !== undefined) return yield* sealed(rest, at);
          // Who is in flight may yet be deferred.
          if (isDrained && deferrals.size === 0 && inFlight === 0) return Option.none();
          // What there is waits for a batch under way, whose end wakes this up.
          gatherUntil = Number.POSITIVE_INFINITY;
        }
        const until = Math.min(gatherUntil, deferrals.nextDue, at + Duration.toMillis(longestWait));
        yield* wake.await.pipe(Effect.timeoutOption(Duration.millis(Math.max(1, Math.ceil(until - at)))));
      }
      return Option.none();
    });

    return {
      put: (chunk) => Effect.zipRight(Queue.offer(inbox, chunk), wake.open),
      close: Effect.suspend(() => {
        isClosed = true;
        return wake.open;
      }),
      shut: Effect.suspend(() => {
        isShut = true;
        return Effect.zipRight(closing.open, wake.open);
      }),
      work: (process) =>
        Effect.gen(function*() {
          const one = Effect.gen(function*() {
            const members = yield* turn.withPermits(1)(next);
            if (Option.isNone(members)) return false;
            yield* process(members.value).pipe(
              Effect.ensuring(Effect.suspend(() => {
                inFlight--;
                batcher.release(members.value);
                return wake.open;
              })),
            );
            return true;
          });
          let goesOn = true;
          while (goesOn) goesOn = yield* permits.withPermits(1)(one);
        }),
      adjust: Effect.suspend(() => permits.resize(writers())),
      defer: (members, random) =>
        Effect.map(now, (at) => members.filter((member) => !deferrals.push(member, at, random))),
      inFlight: Effect.sync(() => inFlight),
      deferred: Effect.sync(() => deferrals.deferred),
      leftOver: Effect.sync(() => [
        ...deferrals.drain(),
        ...[...waiting ?? [], ...batcher.drain()].filter(({ listed }) => listed),
      ]),
    };
  });
