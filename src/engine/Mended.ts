import { Array as Arr, Effect } from "effect";
import type { QuarantineRecord } from "../core/State.ts";
import { State } from "../core/State.ts";
import type { RunReport } from "./Report.ts";

/** Records asked of the state at once. */
const recordsAtOnce = 1_000;

/**
 * Records of picked items that this run did not make again: those went through, or are gone. Where some failed for the moment that cannot
 * be told, and the next whole run sweeps.
 */
export const releaseMended = (report: RunReport, picked: ReadonlyArray<QuarantineRecord>) =>
  report.stop !== undefined || report.ledger.failed + report.ledger.contended > 0
    ? Effect.void
    : Effect.flatMap(
      State,
      (state) =>
        Effect.forEach(Arr.chunksOf(picked, recordsAtOnce), (records) =>
          Effect.gen(function*() {
            const { environment, pipeline } = records[0];
            const match = records.map(({ key }) => key);
            const now = yield* state.quarantined({ environment, pipeline, match, limit: match.length });
            const again = new Set(now.filter(({ runId }) => runId === report.runId).map(({ key }) => key));
            const mended = Arr.groupBy(records.filter(({ key }) => !again.has(key)), ({ source }) => source);
            yield* Effect.forEach(
              Object.entries(mended),
              ([source, members]) => state.release({ environment, pipeline, source }, members.map(({ key }) => key)),
              { discard: true },
            );
          }), { discard: true }),
    );
