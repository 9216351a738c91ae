import type { Duration, Effect } from "effect";
import type { Check } from "./Check.ts";
import type { LockError } from "./Errors.ts";

/** What one acquisition got. Released once, by whoever acquired. */
export interface Lease {
  /** Per key asked, in order: false where someone else holds it. */
  readonly taken: ReadonlyArray<boolean>;
  /** Whether every key taken is still ours, by a monotonic clock; false once the time to live has run out or the store says so. */
  readonly valid: Effect.Effect<boolean>;
  /** Never fails: what cannot be released expires by itself. */
  readonly release: Effect.Effect<void>;
}

/** Invariant 7: locks serve efficiency and the readers of the other side; no safety rests on them. */
export interface Lock {
  /** For plans and reports, e.g. `local` or `none`. */
  readonly kind: string;
  /** Whether other processes see it and may wait for it; else nobody but the database's own locks keeps them out. */
  readonly shared: boolean;
  /** For `doctor`: whether it can be reached and used; never fails, takes nothing that a holder could want. */
  readonly checkup: Effect.Effect<ReadonlyArray<Check>>;
  /** Tries each key once, all in one round trip, never waits for a holder. */
  readonly acquire: (keys: ReadonlyArray<string>, ttl: Duration.Duration) => Effect.Effect<Lease, LockError>;
}
