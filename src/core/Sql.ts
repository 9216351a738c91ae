import type { Duration, Effect } from "effect";
import type { Access } from "./Access.ts";
import type { Check } from "./Check.ts";
import type { SqlError } from "./Errors.ts";

/** What may be bound or read. int64 is `bigint`, always: a driver that rounds is a defect. */
export type Value = string | number | bigint | Uint8Array | null;

/** A value, or a list of them where the engine takes arrays (PostgreSQL). */
export type Bind = Value | ReadonlyArray<Value>;

export type Dialect = "sqlite" | "postgres" | "mysql";

/** One statement, run once per row of binds; constant text, so that drivers can prepare it once. */
export interface Call {
  readonly text: string;
  readonly binds: ReadonlyArray<ReadonlyArray<Bind>>;
  /** Whether rows come back: those of all runs, in order. Of MySQL's statements that have none: one, which says how many they changed. */
  readonly rows: boolean;
}

export type Row = ReadonlyArray<Value>;

/**
 * A batch program: pure; yields calls, is resumed with their rows, returns its outcome.
 * Drivers run it inside one transaction and know nothing of what it means.
 */
export type Script<Out> = Generator<Call, Out, ReadonlyArray<Row>>;

/** A named program of `sql/`: named, so that it can run where the database is (a worker thread holds the same table of programs). */
export interface Program<Definition, Input, Out> {
  readonly name: string;
  /** `definition` is constant for a run, `input` is the batch; both plain data that can be cloned to a worker. */
  readonly script: (definition: Definition, input: Input) => Script<Out>;
}

/** What an engine can do, so that shared code never asks which engine it is. */
export interface SqlFacts {
  readonly dialect: Dialect;
  /** e.g. `SQLite 3.51.1`. */
  readonly version: string;
  /** Whether a commit survives a power loss with the settings in force, and which those are, for the report. */
  readonly durable: boolean;
  readonly durability: string;
  /** Whether one write transaction keeps all others out, whatever it writes. */
  readonly singleWriter: boolean;
}

/** What a pipeline will ask of a database. */
export interface SqlNeeds {
  readonly tables: ReadonlyArray<string>;
  readonly access: Access;
}

export interface Sql {
  /** Who it is, without secrets: driver, host, database or real path. Part of the plan hash. */
  readonly identity: string;
  readonly facts: SqlFacts;
  /**
   * Runs a program in one short write transaction and commits it. `CommitUnknown` where the answer to the commit was lost;
   * on any other error nothing was written. Definitions are sent once and kept.
   */
  readonly write: <D extends object, I, O>(
    program: Program<D, I, O>,
    definition: D,
    input: I,
  ) => Effect.Effect<O, SqlError>;
  /** Runs a program in one read-only transaction: one snapshot, nothing written. */
  readonly read: <D extends object, I, O>(
    program: Program<D, I, O>,
    definition: D,
    input: I,
  ) => Effect.Effect<O, SqlError>;
  /**
   * How far the replica behind it, or the slowest of its own replicas, is behind; infinite where replication has stopped, `undefined` where
   * there is no replica. Absent where there can be none.
   */
  readonly lag?: Effect.Effect<Duration.Duration | undefined, SqlError>;
  /** For `doctor`: what is there, allowed, safe and enough, for these tables and this access; never fails, writes nothing. */
  readonly checkup: (needs: SqlNeeds) => Effect.Effect<ReadonlyArray<Check>>;
  /** Invariant 1: what has been read so far, whoever committed it, survives a power loss once this returns. */
  readonly settle: Effect.Effect<void, SqlError>;
}
