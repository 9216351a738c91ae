import { Duration, Effect, Random, Schedule } from "effect";
import type { LockRetryConfig } from "../../core/Config.ts";
import type { LockError } from "../../core/Errors.ts";

/** Pause after `attempt` attempts: doubling up to `maxDelay`; with jitter anything from half of it. */
export const pause = (retry: LockRetryConfig, attempt: number, random: number): Duration.Duration => {
  const ceiling = Math.min(
    Duration.toMillis(retry.initialDelay) * 2 ** (attempt - 1),
    Duration.toMillis(retry.maxDelay),
  );
  return Duration.millis(retry.jitter ? ceiling * (0.5 + random / 2) : ceiling);
};

/** Asks a server that cannot be reached as often as the settings say. What is wrong with it for good fails at once. */
export const patiently = (retry: LockRetryConfig) => <A, R>(self: Effect.Effect<A, LockError, R>) =>
  Effect.retry(self, {
    while: (error) => error.reason === "Unavailable",
    schedule: Schedule.recurs(retry.maxAttempts - 1).pipe(
      Schedule.addDelayEffect((attempt) => Effect.map(Random.next, (random) => pause(retry, attempt + 1, random))),
    ),
  });
