import { Duration, Effect, Option, Random } from "effect";
import type { PostStep, Sink, Source, StepOutcome, Verdict, Written } from "../core/Component.ts";
import { Faults } from "../core/Faults.ts";
import { mint } from "../core/internal/mint.ts";
import type { Item, Receipt } from "../core/Item.ts";
import type { Lease, Lock } from "../core/Lock.ts";
import type { RetrySettings } from "../spec/Spec.ts";
import type { Adapt } from "./Adapt.ts";
import { lockKeysOf } from "./Admission.ts";
import type { Admitted } from "./Admission.ts";
import type { Holds } from "./Holds.ts";
import type { Intake } from "./Intake.ts";
import type { Disposal } from "./Ledger.ts";
import type { Stop } from "./Report.ts";
import * as Retry from "./Retry.ts";
import type { Deletable, Refusal, Settlement } from "./Settlement.ts";

/** Everything a batch needs on its way. */
export interface Bench {
  readonly source: Source;
  readonly sink: Sink;
  readonly steps: ReadonlyArray<PostStep>;
  /** `undefined` where the spec locks nothing. */
  readonly locking: { readonly lock: Lock; readonly ttl: Duration.Duration } | undefined;
  readonly retry: RetrySettings;
  readonly settlement: Settlement;
  readonly defer: Intake["defer"];
  readonly adapt: Pick<Adapt, "observe">;
  /** To be run when an attempt has ended and been observed. */
  readonly attempted: Effect.Effect<void>;
  readonly holds: Holds;
  /** Held from lock to commit where the sink writes one batch at a time, so that no lock is held in a queue. */
  readonly writing: Effect.Semaphore;
  /** Monotonic milliseconds since the run began. */
  readonly now: Effect.Effect<number>;
  /** Ends the admission of batches; the first reason stays. */
  readonly stop: (reason: Stop) => Effect.Effect<void>;
  /** Completes once the run has been stopped. */
  readonly stopping: Effect.Effect<void>;
}

/** Attempts at halves of a batch in which a constraint refuses something: the race, if it was one, was lost often enough before. */
const attemptsAgainstConstraint = 2;

/**
 * Takes one batch to its end: every item is settled or deferred when this returns. One attempt is one lock…unlock and cannot be interrupted;
 * the pauses between attempts are unlocked.
 */
export const batch = Effect.fn("Engine.batch")(function*(bench: Bench, admitted: ReadonlyArray<Admitted>) {
  for (const member of admitted) bench.settlement.list(member);
  yield* tried(bench, admitted, bench.retry.attempts);
});

/** `atConstraint`: attempts before what a constraint refuses is bisected; everything else has all that the spec gives. */
const tried = (bench: Bench, admitted: ReadonlyArray<Admitted>, atConstraint: number): Effect.Effect<void> =>
  Effect.gen(function*() {
    const begun = yield* bench.now;
    let left = admitted;
    for (let number = 1; left.length > 0; number++) {
      // Written to as items are settled, so that a failure half-way leaves just the others to be tried again.
      const open = new Set(left);
      const failure = yield* attempt(bench, left, open).pipe(
        Effect.uninterruptible,
        Effect.match({ onFailure: (error) => error, onSuccess: () => undefined }),
      );
      left = left.filter((member) => open.has(member));
      const remedy = failure === undefined ? undefined : Retry.remedy(failure);
      if (remedy === "again" && left.length > 0) {
        bench.adapt.observe({ at: yield* bench.now, items: left.length, heldMillis: 0, succeeded: false });
      }
      yield* bench.attempted;
      if (failure === undefined || left.length === 0) return;
      const reason = failure.message;
      if (remedy === "stop") return yield* ended(bench, left, failure);
      if (remedy === "bisect") return yield* bisect(bench, left, Retry.code(failure), reason);
      const pause = Retry.backoff(bench.retry, number, yield* Random.next);
      const late = (yield* bench.now) - begun + Duration.toMillis(pause) > Duration.toMillis(bench.retry.deadline);
      if (late || number >= (remedy === "again-then-bisect" ? atConstraint : bench.retry.attempts)) {
        if (remedy === "again-then-bisect") return yield* bisect(bench, left, Retry.code(failure), reason);
        return yield* ended(bench, left, failure);
      }
      yield* Effect.logDebug(`batch of ${left.length} failed (attempt ${number}), trying again: ${reason}`);
      const stopped = yield* Effect.timeoutOption(bench.stopping, pause);
      if (Option.isSome(stopped)) return yield* ended(bench, left, failure);
    }
  });

/** Invariant 6: halves go their own way until the culprit stands alone. */
const bisect = (bench: Bench, admitted: ReadonlyArray<Admitted>, code: string, reason: string): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (admitted.length === 1) {
      yield* settleAll(bench, [refusal(admitted[0]!, "rejected", code, reason)]);
      return;
    }
    const middle = admitted.length >> 1;
    yield* tried(bench, admitted.slice(0, middle), attemptsAgainstConstraint);
    yield* tried(bench, admitted.slice(middle), attemptsAgainstConstraint);
  });

/** Nothing more can be done here: these items failed, and no batch after them would fare better. */
const ended = (bench: Bench, admitted: ReadonlyArray<Admitted>, failure: Retry.Failure): Effect.Effect<void> =>
  Effect.gen(function*() {
    const code = Retry.code(failure);
    yield* settleAll(bench, admitted.map((member) => refusal(member, "failed", code, failure.message)));
    yield* bench.stop({ kind: "environment", code, reason: failure.message });
  });

const refusal = (member: Admitted, outcome: Refusal["outcome"], code: string, reason: string): Refusal => ({
  ref: member.item,
  ticket: member.ticket,
  outcome,
  code,
  reason,
});

/** A state that cannot be written ends the run: what it should have remembered counts as failed, and its file stays. */
const settleAll = (bench: Bench, refusals: ReadonlyArray<Refusal>): Effect.Effect<void> =>
  bench.settlement.refuse(refusals).pipe(
    Effect.catchAll((error) =>
      Effect.zipRight(
        bench.stop({ kind: "environment", code: Retry.code(error), reason: error.message }),
        Effect.orDie(bench.settlement.refuse(
          refusals.map((entry) => ({
            ...entry,
            outcome: "failed" as const,
            reason: `${entry.reason} (not recorded: ${error.message})`,
          })),
        )),
      )
    ),
  );

/** Invariant 7: lock → check → write and commit → read back → receipts → post-steps → unlock. */
const attempt = (
  bench: Bench,
  admitted: ReadonlyArray<Admitted>,
  open: Set<Admitted>,
): Effect.Effect<void, Retry.Failure> =>
  Effect.gen(function*() {
    const faults = yield* Faults;
    const { items, lease, present, since, written, writeMillis } = yield* bench.writing.withPermits(1)(
      lockAndWrite(bench, admitted, open),
    );
    yield* Effect.gen(function*() {
      if (present.length === 0) return;
      yield* faults.hit("before-read-back");
      const verdicts = yield* bench.sink.verify(items);
      yield* faults.hit("after-read-back");
      const { durable, refused, vanished } = judge(present, written, verdicts);
      for (const member of present) open.delete(member);
      yield* settleAll(bench, refused);
      yield* defer(bench, vanished, "failed", "sink/row-vanished", "the row was gone when it was read back; run again");
      yield* faults.hit("before-post-steps");
      yield* dispose(bench, bench.settlement.durable(durable), lease);
      yield* faults.hit("before-unlock");
    }).pipe(Effect.ensuring(lease?.release ?? Effect.void));
    if (present.length === 0) return;
    const at = yield* bench.now;
    const isShared = bench.locking?.lock.shared === true;
    if (!isShared && bench.locking !== undefined) bench.holds.held(writeMillis);
    bench.adapt.observe({
      at,
      items: present.length,
      heldMillis: isShared ? at - since : writeMillis,
      succeeded: true,
    });
  });

/** Up to the commit; the lease is the caller's to release, unless this fails. */
const lockAndWrite = (bench: Bench, admitted: ReadonlyArray<Admitted>, open: Set<Admitted>) =>
  Effect.gen(function*() {
    const faults = yield* Faults;
    yield* faults.hit("before-lock");
    const since = yield* bench.now;
    const { lease, mine } = yield* acquire(bench, admitted, open, since);
    return yield* Effect.gen(function*() {
      yield* faults.hit("after-lock");
      const present = yield* stillThere(bench, mine, open);
      if (present.length === 0) return { lease, present, items: [], written: [], since, writeMillis: 0 };
      yield* faults.hit("before-write");
      const begun = yield* bench.now;
      const items = present.map(itemOf);
      const written = yield* bench.sink.write(items);
      return { lease, present, items, written, since, writeMillis: (yield* bench.now) - begun };
    }).pipe(Effect.onError(() => lease?.release ?? Effect.void));
  });

const acquire = (bench: Bench, admitted: ReadonlyArray<Admitted>, open: Set<Admitted>, since: number) =>
  Effect.gen(function*() {
    if (bench.locking === undefined) return { lease: undefined, mine: admitted };
    const { lock, ttl } = bench.locking;
    const keys = [...lockKeysOf(admitted)];
    const granted = yield* lock.acquire(keys, ttl);
    const { mine, others, taken } = shared(admitted, keys, granted);
    bench.holds.contended(keys.length - taken.size);
    const lease = lock.shared && taken.size > 0
      ? {
        taken: granted.taken,
        valid: granted.valid,
        release: Effect.zipRight(granted.release, measured(bench, since)),
      }
      : granted;
    for (const member of others) open.delete(member);
    yield* defer(
      bench,
      others,
      "contended",
      "lock/held",
      "another process held its lock until the budget was spent; run again",
    );
    return { lease, mine };
  });

/** Plain loops in functions that outlive a batch, here and below: they run for every item. */
const shared = (admitted: ReadonlyArray<Admitted>, keys: ReadonlyArray<string>, granted: Lease) => {
  const taken = new Set<string>();
  for (let at = 0; at < keys.length; at++) if (granted.taken[at]) taken.add(keys[at]!);
  const mine: Array<Admitted> = [];
  const others: Array<Admitted> = [];
  for (const member of admitted) (taken.has(member.lockKey!) ? mine : others).push(member);
  return { taken, mine, others };
};

const itemOf = ({ item }: Admitted): Item => item;

const measured = (bench: Bench, since: number): Effect.Effect<void> =>
  Effect.map(bench.now, (at) => bench.holds.held(at - since));

const defer = (
  bench: Bench,
  members: ReadonlyArray<Admitted>,
  outcome: "contended" | "failed",
  code: string,
  reason: string,
): Effect.Effect<void> =>
  Effect.gen(function*() {
    if (members.length === 0) return;
    const spent = yield* bench.defer(members, yield* Random.next);
    yield* settleAll(bench, spent.map((member) => refusal(member, outcome, code, reason)));
  });

/** What a rival has moved meanwhile leaves as skipped; what was rewritten must be read again, by a later run. */
const stillThere = (bench: Bench, members: ReadonlyArray<Admitted>, open: Set<Admitted>) =>
  Effect.gen(function*() {
    if (bench.source.check === undefined || members.length === 0) return members;
    const answers = yield* bench.source.check(members.map(itemOf));
    if (answers.length === members.length && answers.every(isSame)) return members;
    const moved = members.flatMap((member, index) =>
      answers[index] === "gone"
        ? [refusal(member, "skipped", "source/gone", "gone before it was written")]
        : answers[index] === "changed"
        ? [refusal(member, "failed", "source/changed", "changed after it was read; run again")]
        : []
    );
    const present = members.filter((_, index) => isSame(answers[index]!));
    const still = new Set(present);
    for (const member of members) if (!still.has(member)) open.delete(member);
    yield* settleAll(bench, moved);
    return present;
  });

const isSame = (answer: "same" | "changed" | "gone"): boolean => answer === "same";

/** What write and read-back together say of each item. Pure. */
export const judge = (
  members: ReadonlyArray<Admitted>,
  written: ReadonlyArray<Written>,
  verdicts: ReadonlyArray<Verdict>,
) => {
  const durable: Array<{ readonly admitted: Admitted; readonly outcome: "committed" | "already" }> = [];
  const refused: Array<Refusal> = [];
  const vanished: Array<Admitted> = [];
  for (let index = 0; index < members.length; index++) {
    const admitted = members[index]!;
    const wrote = written[index]!;
    const verdict = verdicts[index]!;
    if (wrote._tag === "Refused") {
      refused.push(refusal(admitted, wrote.outcome, wrote.code, wrote.reason));
      continue;
    }
    switch (verdict._tag) {
      case "Exact":
        durable.push({ admitted, outcome: wrote._tag === "Wrote" ? "committed" : "already" });
        break;
      case "Covered":
        // After our own write other columns would match too: someone else has written since.
        durable.push({ admitted, outcome: "already" });
        break;
      case "Absent":
        vanished.push(admitted);
        break;
      case "Differs":
        refused.push(
          wrote._tag === "Wrote"
            ? refusal(admitted, "failed", "sink/read-back", `written, but read back otherwise: ${verdict.reason}`)
            : refusal(admitted, "conflict", verdict.code, verdict.reason),
        );
    }
  }
  return { durable, refused, vanished };
};

const disposalOf: Record<StepOutcome["_tag"], Disposal> = {
  Done: "kept",
  Deleted: "deleted",
  Gone: "gone",
  Changed: "changed",
  Undeleted: "undeleted",
};

/** What a durable item, or the parts of an object, have come to on their way through the post-steps. */
interface Link {
  readonly deletable: Deletable;
  readonly receipt: Receipt;
  disposal: Disposal;
  why: { readonly code: string; readonly reason: string } | undefined;
}

/** Invariant 1: receipts are minted here, after read-back, and are all that a post-step gets. */
const dispose = (bench: Bench, deletables: ReadonlyArray<Deletable>, lease: Lease | undefined): Effect.Effect<void> =>
  Effect.gen(function*() {
    const faults = yield* Faults;
    let chain: ReadonlyArray<Link> = deletables.map(linkOf);
    for (const step of chain.length === 0 ? [] : bench.steps) {
      const outcomes = lease === undefined || (yield* lease.valid)
        ? yield* Effect.zipRight(faults.hit("before-delete"), step.apply(chain.map(receiptOf))).pipe(
          Effect.catchAll((failure) =>
            Effect.succeed(
              chain.map((): StepOutcome => ({ _tag: "Undeleted", code: Retry.code(failure), reason: failure.message })),
            )
          ),
        )
        : chain.map((): StepOutcome => ({
          _tag: "Undeleted",
          code: "lock/lost",
          reason: "the lock was lost before the delete; the row is durable, run again to delete the file",
        }));
      yield* faults.hit("after-delete");
      chain = apply(chain, outcomes, bench.settlement);
    }
    settle(chain, bench.settlement);
  });

const linkOf = (deletable: Deletable): Link => ({
  deletable,
  receipt: mint(deletable.key, deletable.origin, deletable.outcome),
  disposal: "kept",
  why: undefined,
});

const receiptOf = ({ receipt }: Link): Receipt => receipt;

/** Answers the links that the next step gets; for the others this step was the last. */
const apply = (
  chain: ReadonlyArray<Link>,
  outcomes: ReadonlyArray<StepOutcome>,
  settlement: Settlement,
): ReadonlyArray<Link> => {
  const next: Array<Link> = [];
  for (let index = 0; index < chain.length; index++) {
    const link = chain[index]!;
    const outcome = outcomes[index]!;
    if (link.disposal === "kept") link.disposal = disposalOf[outcome._tag];
    if (outcome._tag === "Undeleted") link.why = outcome;
    if (outcome._tag === "Changed") {
      link.why = {
        code: "source/changed",
        reason: "changed since it was read, or another run is deleting it; run again",
      };
    }
    if (outcome._tag === "Done" || outcome._tag === "Deleted" || outcome._tag === "Gone") next.push(link);
    else settlement.dispose(link.deletable.members, link.disposal, link.why);
  }
  return next;
};

const settle = (chain: ReadonlyArray<Link>, settlement: Settlement): void => {
  for (const { deletable, disposal, why } of chain) settlement.dispose(deletable.members, disposal, why);
};

/** Milliseconds since the run began, by a clock that is never set back. */
export const monotonic: Effect.Effect<Effect.Effect<number>> = Effect.gen(function*() {
  const clock = yield* Effect.clock;
  const begun = yield* clock.currentTimeNanos;
  return Effect.map(clock.currentTimeNanos, (nanos) => Number(nanos - begun) / 1e6);
});
