import { describe, expect, it } from "@effect/vitest";
import { Duration, Effect, type Scope } from "effect";
import type { Lock } from "../../src/core/Lock.ts";

export interface LockFlags {
  /** Whether holders exclude one another at all. */
  readonly exclusive: boolean;
}

const ttl = Duration.seconds(10);

/** `pair` makes two handles of one namespace of locks, as two runners would have. */
export const lockContract = (
  title: string,
  pair: Effect.Effect<readonly [Lock, Lock], unknown, Scope.Scope>,
  { exclusive }: LockFlags,
): void => {
  describe(`Lock contract: ${title}`, () => {
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
    }
  });
};
