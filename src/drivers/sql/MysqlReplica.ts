/** How far a replica is behind, as it says itself: a primary does not know. */
import { Duration } from "effect";
import type { Value } from "../../core/Sql.ts";

/** From `SHOW REPLICA STATUS`, a row per source; a source that is not followed any more has no number. */
export const lag = (sources: ReadonlyArray<Readonly<Record<string, Value>>>): Duration.Duration | undefined => {
  if (sources.length === 0) return undefined;
  const behind = sources.map((source) => source["Seconds_Behind_Source"] ?? source["Seconds_Behind_Master"] ?? null);
  return behind.includes(null) ? Duration.infinity : Duration.seconds(Math.max(...behind.map(Number)));
};
