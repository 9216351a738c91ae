import type { Admission, Disposal, Ledger } from "./Ledger.ts";

/** Items that ended alike: how many, and the first few by name. */
export interface Incident {
  readonly outcome: Admission | Disposal;
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
  readonly durationMillis: number;
  readonly stop: Stop | undefined;
}

/** Samples kept per code: enough to see what is wrong, few enough that memory and report stay small (Invariant 4). */
const samplesPerCode = 20;

/** Collects incidents while a run goes on. */
export class Incidents {
  readonly #byCode = new Map<
    string,
    { outcome: Incident["outcome"]; code: string; count: number; samples: Array<{ key: string; reason: string }> }
  >();

  add(outcome: Incident["outcome"], code: string, key: string, reason: string): void {
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
  list(): ReadonlyArray<Incident> {
    return [...this.#byCode.values()].sort((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1));
  }
}
