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
        const taken = keys.map((key) => {
          if (held.has(key)) return own.has(key);
          held.add(key);
          own.add(key);
          return true;
        });
        let released = false;
        return {
          taken,
          valid: Effect.sync(() => !released),
          release: Effect.sync(() => {
            if (released) return;
            released = true;
            for (const key of own) held.delete(key);
          }),
        };
      }),
  };
});
