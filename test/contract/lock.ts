import { describe, expect, it } from "@effect/vitest";
import { Duration, Effect, Schedule, type Scope } from "effect";
import type { Lock } from "../../src/core/Lock.ts";

export interface LockFlags {
  /** Whether holders exclude one another at all. */
  readonly exclusive: boolean;
  /** Whether other processes see the locks. */
  readonly shared: boolean;
  /** The shortest time to live that the store can keep; absent where keys go with their holder instead. */
  readonly leastTtl?: Duration.Duration;
}

/** Locks of one namespace that no other test uses. */
export interface Namespace {
  /** One more handle, as another runner would have; its scope ends the runner. */
  readonly open: Effect.Effect<Lock, unknown, Scope.Scope>;
  /** Makes the store forget who holds what, as a crash of it might. */
  readonly forget?: Effect.Effect<void, unknown>;
}

const ttl = Duration.seconds(10);

export const lockContract = (
  title: string,
  namespace: Effect.Effect<Namespace, unknown, Scope.Scope>,
  { exclusive, leastTtl, shared }: LockFlags,
): void => {
  const pair = Effect.flatMap(namespace, ({ open }) => Effect.all([open, open]));
  describe(`Lock contract: ${title}`, () => {
    it.scoped("it says whether other processes see its locks, and passes its own checkup", () =>
      Effect.gen(function*() {
        const [one] = yield* pair;
        expect(one.shared).toBe(shared);
        const checks = yield* one.checkup;
        expect(checks.length).toBeGreaterThan(0);
        expect(checks.filter(({ status }) => status === "fail")).toEqual([]);
      }));

    it.scoped("what is free is taken, in the order asked", () =>
      Effect.gen(function*() {
        const [one] = yield* pair;
        const lease = yield* one.acquire(["a", "b", "c"], ttl);
        expect(lease.taken).toEqual([true, true, true]);
        expect(yield* lease.valid).toBe(true);
        yield* lease.release;
      }));

    it.scoped("a key asked for twice at once is taken once, by the same holder", () =>
      Effect.gen(function*() {
        const [one, other] = yield* pair;
        const lease = yield* one.acquire(["a", "b", "a"], ttl);
        expect(lease.taken).toEqual([true, true, true]);
        yield* lease.release;
        expect((yield* other.acquire(["a"], ttl)).taken).toEqual([true]);
      }));

    it.scoped("nothing asked is nothing taken", () =>
      Effect.gen(function*() {
        const [one] = yield* pair;
        const lease = yield* one.acquire([], ttl);
        expect(lease.taken).toEqual([]);
        yield* lease.release;
      }));

    if (exclusive) {
      it.scoped("a held key is refused at once, the others are taken", () =>
        Effect.gen(function*() {
          const [one, other] = yield* pair;
          const held = yield* one.acquire(["a", "b"], ttl);
          const rest = yield* other.acquire(["b", "c"], ttl);
          expect(rest.taken).toEqual([false, true]);
          yield* held.release;
          expect((yield* other.acquire(["a", "b", "c"], ttl)).taken).toEqual([true, true, false]);
        }));

      it.scoped("releasing frees what was taken and not what was refused", () =>
        Effect.gen(function*() {
          const [one, other] = yield* pair;
          yield* one.acquire(["a"], ttl);
          yield* (yield* other.acquire(["a", "b"], ttl)).release;
          expect((yield* other.acquire(["a", "b"], ttl)).taken).toEqual([false, true]);
        }));

      it.scoped("releasing again does not free the next holder's key", () =>
        Effect.gen(function*() {
          const [one, other] = yield* pair;
          const first = yield* one.acquire(["a"], ttl);
          yield* first.release;
          const second = yield* other.acquire(["a"], ttl);
          yield* first.release;
          expect((yield* one.acquire(["a"], ttl)).taken).toEqual([false]);
          expect(yield* second.valid).toBe(true);
        }));

      it.scoped("of many who ask at once, one gets each key", () =>
        Effect.gen(function*() {
          const [one, other] = yield* pair;
          const leases = yield* Effect.all(
            Array.from({ length: 20 }, (_, i) => (i % 2 === 0 ? one : other).acquire(["x", "y"], ttl)),
            { concurrency: "unbounded" },
          );
          for (const column of [0, 1]) expect(leases.filter(({ taken }) => taken[column]).length).toBe(1);
        }));

      it.scoped("a thousand keys are taken, refused and given back as one is", () =>
        Effect.gen(function*() {
          const [one, other] = yield* pair;
          const keys = Array.from({ length: 1000 }, (_, i) => `migration:${String(i).padStart(32, "0")}`);
          const held = yield* one.acquire(keys.filter((_, i) => i % 2 === 0), ttl);
          expect(held.taken.every((is) => is)).toBe(true);
          const rest = yield* other.acquire(keys, ttl);
          expect(rest.taken).toEqual(keys.map((_, i) => i % 2 === 1));
          expect(yield* held.valid).toBe(true);
          expect(yield* rest.valid).toBe(true);
          yield* held.release;
          yield* rest.release;
          const all = yield* one.acquire(keys, ttl);
          expect(all.taken.every((is) => is)).toBe(true);
          yield* all.release;
        }));

      it.scoped("keys of any text are told apart", () =>
        Effect.gen(function*() {
          const [one, other] = yield* pair;
          const keys = [
            "",
            ".",
            "..",
            "a",
            "A",
            "a/b",
            "a%2Fb",
            "é",
            "e\u0301",
            "'; --",
            "\n",
            "x".repeat(300),
            "x".repeat(301),
          ];
          const held = yield* one.acquire(keys, ttl);
          expect(held.taken.every((is) => is)).toBe(true);
          expect((yield* other.acquire(["b", ...keys], ttl)).taken).toEqual([true, ...keys.map(() => false)]);
          yield* held.release;
          expect((yield* other.acquire(keys, ttl)).taken.every((is) => is)).toBe(true);
        }));

      it.scoped("what was given back is not valid any more", () =>
        Effect.gen(function*() {
          const [one] = yield* pair;
          const lease = yield* one.acquire(["a"], ttl);
          yield* lease.release;
          expect(yield* lease.valid).toBe(false);
        }));
    }

    if (exclusive && shared) {
      it.scopedLive("a holder that ends without unlocking keeps nobody out for longer than the time to live", () =>
        Effect.gen(function*() {
          const { open } = yield* namespace;
          const least = leastTtl ?? ttl;
          yield* Effect.scoped(Effect.flatMap(open, (one) => one.acquire(["a", "b"], least)));
          const other = yield* open;
          const lease = yield* other.acquire(["a", "b"], least).pipe(
            Effect.delay("100 millis"),
            Effect.repeat({ until: ({ taken }) => taken.every((is) => is) }),
            Effect.timeout(leastTtl === undefined ? "2 seconds" : Duration.sum(Duration.times(least, 2), "2 seconds")),
          );
          expect(yield* lease.valid).toBe(true);
          yield* lease.release;
        }));

      it.scopedLive("keys that the store has forgotten are not valid, and giving them back frees no one else's", () =>
        Effect.gen(function*() {
          const { forget, open } = yield* namespace;
          if (forget === undefined) return;
          const [one, other] = yield* Effect.all([open, open]);
          const lost = yield* one.acquire(["a", "b"], ttl);
          expect(yield* lost.valid).toBe(true);
          yield* forget;
          expect(yield* lost.valid).toBe(false);
          const next = yield* Effect.retry(other.acquire(["a"], ttl), {
            times: 20,
            schedule: Schedule.spaced("100 millis"),
          });
          expect(next.taken).toEqual([true]);
          yield* lost.release;
          expect(yield* next.valid).toBe(true);
          expect((yield* one.acquire(["a", "b"], ttl)).taken).toEqual([false, true]);
        }));
    }

    if (leastTtl !== undefined) {
      it.scopedLive("a key whose time has run out is not valid, others may take it, and its late release does not free theirs", () =>
        Effect.gen(function*() {
          const [one, other] = yield* pair;
          const late = yield* one.acquire(["a"], leastTtl);
          expect(yield* late.valid).toBe(true);
          yield* Effect.sleep(leastTtl);
          expect(yield* late.valid).toBe(false);
          const next = yield* other.acquire(["a"], ttl).pipe(
            Effect.delay("50 millis"),
            Effect.repeat({ until: ({ taken }) => taken[0] === true }),
            Effect.timeout(Duration.sum(leastTtl, "2 seconds")),
          );
          yield* late.release;
          expect(yield* next.valid).toBe(true);
          expect((yield* one.acquire(["a"], ttl)).taken).toEqual([false]);
        }));
    }
  });
};
