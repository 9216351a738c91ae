import type { Pause } from "./Gate.ts";
import type { LockReport } from "./Holds.ts";
import type { Admission, Disposal, Ledger } from "./Ledger.ts";

/** Items that ended alike: how many, and the first few by name. */
export interface Incident<Outcome extends string = Admission | Disposal> {
  readonly outcome: Outcome;
  /** Stable, e.g. `ndjson/syntax`. */
  readonly code: string;
  readonly count: number;
  readonly samples: ReadonlyArray<{ readonly key: string; readonly reason: string }>;
}

/** What ended a run before its source was exhausted. */
export interface Stop {
  readonly kind: "signal" | "environment" | "limit";
  readonly code: string;
  readonly reason: string;
}

export interface Progress {
  /** Post-steps are left out. */
  readonly keep: boolean;
  /** Keys in the source; `undefined` until they have been counted, and where counting is dear. */
  readonly total: number | undefined;
  readonly ledger: Ledger;
  readonly elapsedMillis: number;
  /** Items settled per second since the start. */
  readonly rate: number;
  /** Batches under way. */
  readonly inFlight: number;
  /** Items that a batch holds at present. */
  readonly batchItems: number;
  /** Batches that may be written at once at present. */
  readonly writers: number;
  /** Items per second at most; `undefined`: no limit. */
  readonly maxRate: number | undefined;
  /** The throttle that holds the run at present, e.g. `replica lag 14s > 10s`. */
  readonly paused: string | undefined;
}

/** The closing account of a run; plain JSON. */
export interface RunReport {
  readonly runId: string;
  readonly pipeline: string;
  readonly environment: string;
  readonly planHash: string;
  readonly mode: "run" | "retry";
  /** Post-steps were left out. */
  readonly keep: boolean;
  readonly status: "succeeded" | "failed" | "interrupted";
  /** ISO 8601, UTC. */
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly durationMillis: number;
  readonly rate: number;
  readonly ledger: Ledger;
  /** Equations that do not hold: a defect of ours whenever it is not empty. */
  readonly imbalances: ReadonlyArray<string>;
  /** Why this is no success; empty when it is one. */
  readonly shortfalls: ReadonlyArray<string>;
  readonly incidents: ReadonlyArray<Incident>;
  readonly stop: Stop | undefined;
  /** Partitions that went on where an abandoned run had stopped. */
  readonly resumed: number;
  /** What batches had come to at the end: their size in items, and how many may be written at once. */
  readonly tuning: { readonly batchItems: number; readonly writers: number };
  /** `undefined` where the spec locks nothing. */
  readonly locks: LockReport | undefined;
  /** How long throttles and the rate made it wait, longest first. */
  readonly pauses: ReadonlyArray<Pause>;
}

/** What a dry run foresees; no ledger, since nothing was done. */
export interface Forecast {
  readonly pipeline: string;
  readonly environment: string;
  readonly planHash: string;
  readonly listed: number;
  readonly counts: Readonly<
    Record<
      | "would-commit"
      | "would-already"
      | "would-conflict"
      | "would-reject"
      | "would-skip"
      | "would-fail"
      | "would-delete",
      number
    >
  >;
  readonly incidents: ReadonlyArray<Incident>;
  /** What looks like a slip in the pipeline, seen from its documents; sentences. */
  readonly remarks: ReadonlyArray<string>;
  readonly durationMillis: number;
  readonly stop: Stop | undefined;
}

/** What `verify` calls the items that it looked at; see `Verification`. */
export type Finding = "missing" | "undeleted" | "differing" | "rejected" | "failed" | "accepted" | "skipped";

/** What `verify` found; plain JSON. Nothing was written. */
export interface Verification {
  readonly pipeline: string;
  readonly environment: string;
  readonly planHash: string;
  /** `null`: the whole source. */
  readonly sample: { readonly count?: number; readonly share?: number; readonly seed: number } | null;
  /** Items looked at: the sum of `counts`. */
  readonly examined: number;
  /**
   * `missing`: no row, or one that waits to be filled; `undeleted`: its row says the same, and the object is still there; `differing`: its
   * row says something else; `rejected` and `failed`: as a run would say; `accepted`: a reject or conflict that somebody accepted;
   * `skipped`: out of scope, or gone before it was read.
   */
  readonly counts: Readonly<Record<Finding, number>>;
  /** Rows that wait to be filled and whose object is not there; or why nobody can tell. */
  readonly orphans: { readonly stubs: number; readonly orphans: number } | { readonly unknown: string };
  readonly incidents: ReadonlyArray<Incident<Finding | "orphan">>;
  readonly durationMillis: number;
  readonly stop: Stop | undefined;
}

/** Samples kept per code: enough to see what is wrong, few enough that memory and report stay small (Invariant 4). */
const samplesPerCode = 20;

/** Collects incidents while a run goes on. */
export class Incidents<Outcome extends string = Admission | Disposal> {
  readonly #byCode = new Map<
    string,
    { outcome: Outcome; code: string; count: number; samples: Array<{ key: string; reason: string }> }
  >();

  add(outcome: Outcome, code: string, key: string, reason: string): void {
    const id = `${outcome} ${code}`;
    let incident = this.#byCode.get(id);
    if (incident === undefined) {
      incident = { outcome, code, count: 0, samples: [] };
      this.#byCode.set(id, incident);
    }
    incident.count++;
    if (incident.samples.length < samplesPerCode) incident.samples.push({ key, reason });
  }

  /** Most frequent first. */
  list(): ReadonlyArray<Incident<Outcome>> {
    return [...this.#byCode.values()].sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
  }
}
