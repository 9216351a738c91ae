import { Schema } from "effect";

const place = {
  connection: Schema.String,
  detail: Schema.String,
  remedy: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect),
};

const sentence = (head: string, detail: string, remedy: string | undefined): string =>
  `${head}: ${detail}${remedy === undefined ? "" : `. ${remedy}`}`;

/** What a storage could not do. The reason, as in every error here, is what the engine needs to know; drivers translate once and keep the cause. */
export class StorageError extends Schema.TaggedError<StorageError>()("StorageError", {
  ...place,
  /** `Missing`: the root or bucket; `Denied`: of the whole store, not of one object; `Unusable`: any other standing fault. */
  reason: Schema.Literal("Missing", "Denied", "NoSpace", "Unavailable", "Unusable"),
  key: Schema.optional(Schema.String),
}) {
  override get message(): string {
    return sentence(
      `storage ${this.connection}${this.key === undefined ? "" : `, ${this.key}`}`,
      this.detail,
      this.remedy,
    );
  }
}

/**
 * - `Busy`: deadlock, lock wait, serialization: the same batch may succeed later.
 * - `Constraint`: unique or foreign key, lost to a race or wrong for good: retried, then bisected.
 * - `ConnectionLost`: before commit was sent; nothing was written.
 * - `CommitUnknown`: commit was sent, its answer lost; only reading back can tell.
 * - `Data`: the values are at fault: bisected to the culprits.
 * - `Environment`: missing, read-only, full, denied, corrupt: stops the run.
 */
export class SqlError extends Schema.TaggedError<SqlError>()("SqlError", {
  ...place,
  reason: Schema.Literal("Busy", "Constraint", "ConnectionLost", "CommitUnknown", "Data", "Environment"),
  /** The engine's own code, e.g. `SQLITE_BUSY` or `40001`. */
  code: Schema.String,
}) {
  override get message(): string {
    return sentence(`database ${this.connection} (${this.code})`, this.detail, this.remedy);
  }
}

export class LockError extends Schema.TaggedError<LockError>()("LockError", {
  ...place,
  reason: Schema.Literal("Unavailable", "Unusable"),
}) {
  override get message(): string {
    return sentence(`lock ${this.connection}`, this.detail, this.remedy);
  }
}

export class StateError extends Schema.TaggedError<StateError>()("StateError", {
  ...place,
  reason: Schema.Literal("Missing", "Version", "Broken", "Busy", "NoSpace", "Denied", "Unusable"),
}) {
  override get message(): string {
    return sentence(`state ${this.connection}`, this.detail, this.remedy);
  }
}

/** A connection that the project file does not define rightly, or that cannot be opened. */
export class ConnectionError extends Schema.TaggedError<ConnectionError>()("ConnectionError", {
  ...place,
  reason: Schema.Literal("Unknown", "Kind", "Config", "Unsupported", "Unreachable"),
}) {
  override get message(): string {
    return sentence(`connection ${this.connection}`, this.detail, this.remedy);
  }
}
