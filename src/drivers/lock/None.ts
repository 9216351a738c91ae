import { Effect } from "effect";
import type { Lock } from "../../core/Lock.ts";

/** Locks nothing: every key is taken, by everyone. Invariant 7: no safety rests on locks. */
export const lock: Lock = {
  kind: "none",
  shared: false,
  checkup: Effect.succeed([{
    name: "lock/kind",
    status: "pass",
    detail: "nothing is locked: no safety rests on locks, and what others do is settled by the database alone",
  }]),
  acquire: (keys) => Effect.succeed({ taken: keys.map(() => true), valid: Effect.succeed(true), release: Effect.void }),
};
