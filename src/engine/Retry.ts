import { Duration } from "effect";
import type { ConnectionError, LockError, SqlError, StateError, StorageError } from "../core/Errors.ts";
import type { RetrySettings } from "../spec/Spec.ts";

export type Failure = SqlError | StorageError | LockError | StateError | ConnectionError;

/**
 * What to do after a failed attempt at a batch.
 * - `again`: the same may succeed later.
 * - `again-then-bisect`: a lost race, or an item that can never go in.
 * - `bisect`: the values are at fault (Invariant 6).
 * - `stop`: nothing will succeed until somebody mends the surroundings.
 */
export type Remedy = "again" | "again-then-bisect" | "bisect" | "stop";

export const remedy = (failure: Failure): Remedy => {
  switch (failure._tag) {
    case "SqlError":
      switch (failure.reason) {
        case "Busy":
        case "ConnectionLost":
        case "CommitUnknown":
          return "again";
        case "Constraint":
          return "again-then-bisect";
        case "Data":
          return "bisect";
        case "Environment":
          return "stop";
      }
    // eslint-disable-next-line no-fallthrough -- every reason has returned
    case "StorageError":
      return failure.reason === "Unavailable" ? "again" : "stop";
    case "LockError":
      return failure.reason === "Unavailable" ? "again" : "stop";
    case "StateError":
      return failure.reason === "Busy" ? "again" : "stop";
    case "ConnectionError":
      return failure.reason === "Unreachable" ? "again" : "stop";
  }
};

/** A stable code for reports. */
export const code = (failure: Failure): string => {
  const area =
    { SqlError: "sql", StorageError: "storage", LockError: "lock", StateError: "state", ConnectionError: "connection" }[
      failure._tag
    ];
  return `${area}/${failure.reason.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()}`;
};

/** Pause before attempt `attempt + 1` (counted from 1): exponential, full jitter above half, capped. */
export const backoff = (settings: RetrySettings, attempt: number, random: number): Duration.Duration => {
  const ceiling = Math.min(
    Duration.toMillis(settings.backoff) * 2 ** (attempt - 1),
    Duration.toMillis(settings.maxBackoff),
  );
  return Duration.millis(Math.ceil(ceiling * (0.5 + random / 2)));
};
