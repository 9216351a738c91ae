import { Effect } from "effect";
import type { Lock } from "../../core/Lock.ts";

/** Named keys of one process: whoever shares this lock excludes one another. They do not expire, since they go with their holder. */
export const make: Effect.Effect<Lock> = Effect.sync(() => {
  const held = new Set<string>();
  return {
    kind: "local",
    shared: false,
    checkup: Effect.succeed([{
      name: "lock/kind",
      status: "pass",
      detail: "keys are locked within this process; what other processes do is settled by the database alone",
    }]),
    acquire: (keys) =>
      Effect.sync(() => {
        const own = new Set<string>();
        const taken = take(held, own, keys);
        let released = false;
        return {
          taken,
          valid: Effect.sync(() => !released),
          release: Effect.sync(() => {
            if (released) return;
            released = true;
            giveBack(held, own);
          }),
        };
      }),
  };
});

// Plain loops in functions that outlive a batch: they run for every key.

/** Which of the keys are `own` now: those that nobody held. */
const take = (held: Set<string>, own: Set<string>, keys: ReadonlyArray<string>): ReadonlyArray<boolean> => {
  const taken: Array<boolean> = [];
  for (const key of keys) {
    if (!held.has(key)) {
      held.add(key);
      own.add(key);
    }
    taken.push(own.has(key));
  }
  return taken;
};

const giveBack = (held: Set<string>, own: ReadonlySet<string>): void => {
  for (const key of own) held.delete(key);
};
