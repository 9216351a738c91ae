import { Context } from "effect";
import type { DateTime, Duration, Effect } from "effect";
import type { StateError } from "./Errors.ts";

/** What an accept is bound to: when any of these changes, it lapses. */
export interface QuarantineIdentity {
  readonly environment: string;
  readonly pipeline: string;
  /** `Source.fingerprint`. */
  readonly source: string;
  readonly key: string;
  /** Of the content, lowercase hex; empty where nothing could be read. */
  readonly sha256: string;
  readonly code: string;
}

export type QuarantineScope = Pick<QuarantineIdentity, "environment" | "pipeline" | "source">;

export interface QuarantineRecord extends QuarantineIdentity {
  /** Short, stable, derived from the identity: what a person types. */
  readonly id: string;
  readonly kind: "rejected" | "conflict";
  readonly reason: string;
  readonly firstSeen: DateTime.Utc;
  readonly lastSeen: DateTime.Utc;
  readonly runId: string;
  readonly accepted: { readonly at: DateTime.Utc; readonly note: string } | undefined;
}

export interface RunStart {
  readonly environment: string;
  readonly pipeline: string;
  readonly planHash: string;
  /** Canonical text of the post-steps in force: a checkpoint is valid only for the same ones. */
  readonly postSteps: string;
  /** `run`, or `retry` for picked keys. */
  readonly kind: "run" | "retry";
  /** How long after the last heartbeat a run counts as abandoned. */
  readonly lease: Duration.Duration;
}

export type RunStatus = "running" | "succeeded" | "failed" | "interrupted" | "abandoned";

export interface RunRecord extends Omit<RunStart, "lease"> {
  readonly id: string;
  /** `running` with an expired lease reads as `abandoned`. */
  readonly status: RunStatus;
  readonly startedAt: DateTime.Utc;
  readonly finishedAt: DateTime.Utc | undefined;
  readonly host: string;
  readonly pid: number;
  /** The run report, or the last progress of a run that has not finished: plain JSON. */
  readonly report: unknown;
}

/** Partition → position below which every item is deleted, gone, skipped, or kept by choice. */
export type Checkpoints = ReadonlyMap<string, string>;

/** Runs, quarantine and checkpoints; namespaced by environment. Reading never creates anything (Invariant 10). */
export class State extends Context.Tag("ncps-pipeline/core/State")<State, {
  /** Answers the run's id. Never refused because another run is under way. */
  readonly begin: (run: RunStart) => Effect.Effect<string, StateError>;
  /** Extends the lease and keeps progress and checkpoints, in one transaction. */
  readonly heartbeat: (runId: string, progress: unknown, checkpoints: Checkpoints) => Effect.Effect<void, StateError>;
  /** Stores the closing account; a run that ended by itself loses its checkpoints. */
  readonly finish: (
    runId: string,
    status: Exclude<RunStatus, "running" | "abandoned">,
    report: unknown,
  ) => Effect.Effect<void, StateError>;
  /** Of the last abandoned run of this environment and pipeline with the same plan hash and post-steps; empty if there is none. */
  readonly resumable: (
    run: Pick<RunStart, "environment" | "pipeline" | "planHash" | "postSteps">,
  ) => Effect.Effect<Checkpoints, StateError>;
  /** Newest first. */
  readonly runs: (filter: {
    readonly environment: string;
    readonly pipeline?: string;
    readonly limit: number;
  }) => Effect.Effect<ReadonlyArray<RunRecord>, StateError>;
  /** Adds or refreshes; an accept stays. One transaction for the chunk. */
  readonly quarantine: (
    runId: string,
    records: ReadonlyArray<QuarantineIdentity & { readonly kind: QuarantineRecord["kind"]; readonly reason: string }>,
  ) => Effect.Effect<void, StateError>;
  /** Which of these are accepted, in order. */
  readonly accepted: (
    identities: ReadonlyArray<QuarantineIdentity>,
  ) => Effect.Effect<ReadonlyArray<boolean>, StateError>;
  /** Drops records of keys that have since gone through or gone away (a retry of picked keys). */
  readonly release: (scope: QuarantineScope, keys: ReadonlyArray<string>) => Effect.Effect<void, StateError>;
  /** Drops records that this run did not see again: only after an undisturbed run over the whole source. */
  readonly sweep: (scope: QuarantineScope, runId: string) => Effect.Effect<void, StateError>;
  /** A page of records, by key; `after` is the id of the last one seen. For people: the only page, line 2 of a file before its line 10. */
  readonly quarantined: (filter: {
    readonly environment: string;
    readonly pipeline?: string;
    readonly code?: string;
    readonly accepted?: boolean;
    /** Exact ids, id prefixes of at least 6 characters, or keys. */
    readonly match?: ReadonlyArray<string>;
    readonly after?: string;
    readonly forPeople?: boolean;
    readonly limit: number;
  }) => Effect.Effect<ReadonlyArray<QuarantineRecord>, StateError>;
  /** Marks records as accepted; answers how many were not before. */
  readonly accept: (ids: ReadonlyArray<string>, note: string) => Effect.Effect<number, StateError>;
}>() {}
