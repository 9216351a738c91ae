import { Context, Effect } from "effect";

/** How busy this host is: its one-minute load average per core; `undefined` where the system keeps none. */
export class HostLoad extends Context.Reference<HostLoad>()("ncps-pipeline/core/HostLoad", {
  defaultValue: (): Effect.Effect<number | undefined> => Effect.succeed(undefined),
}) {}
