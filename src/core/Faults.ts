import { Context, Effect } from "effect";

/** The instants at which a killed process must lose nothing; tests and drills stop the process there. */
export type FaultPoint =
  | "before-lock"
  | "after-lock"
  | "before-write"
  | "before-commit"
  | "after-commit"
  | "before-read-back"
  | "after-read-back"
  | "before-post-steps"
  | "before-delete"
  | "after-delete"
  | "before-unlock"
  | "before-checkpoint"
  | "after-checkpoint"
  | "before-report"
  | "after-report";

/** Does nothing unless a drill arms it. */
export class Faults extends Context.Reference<Faults>()("ncps-pipeline/core/Faults", {
  defaultValue: (): {
    readonly hit: (point: FaultPoint) => Effect.Effect<void>;
    /** For worker threads: the point armed and at which passing of it, counted from 1. */
    readonly armed: { readonly point: FaultPoint; readonly passing: number } | undefined;
  } => ({ hit: () => Effect.void, armed: undefined }),
}) {}
