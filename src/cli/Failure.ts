import { Schema } from "effect";
import type { ConnectionError, LockError, SqlError, StateError, StorageError } from "../core/Errors.ts";
import type * as Finding from "../spec/Finding.ts";

/** The command line, or what it refers to, is wrong: nothing was done. */
export class UsageError extends Schema.TaggedError<UsageError>()("UsageError", {
  reason: Schema.Literal(
    "flag",
    "argument",
    "verb",
    "project",
    "pipeline",
    "exists",
    "plan-changed",
    "approval",
    "selection",
  ),
  detail: Schema.String,
  remedy: Schema.optional(Schema.String),
}) {
  override get message(): string {
    return this.detail;
  }
}

/** A file of ours that cannot be read or written. */
export class FileError extends Schema.TaggedError<FileError>()("FileError", {
  reason: Schema.Literal("read", "write"),
  path: Schema.String,
  detail: Schema.String,
  remedy: Schema.optional(Schema.String),
  cause: Schema.optional(Schema.Defect),
}) {
  override get message(): string {
    return `${this.path}: ${this.detail}`;
  }
}

/** The specs have errors; every finding is in it, warnings included. */
export class FindingsError extends Schema.TaggedError<FindingsError>()("FindingsError", {
  findings: Schema.Array(Schema.declare((value): value is Finding.Finding => typeof value === "object")),
}) {
  override get message(): string {
    const errors = this.findings.filter(({ severity }) => severity === "error").length;
    return `${errors} ${errors === 1 ? "error" : "errors"} to mend first`;
  }
}

/** Everything a verb may fail with. */
export type Failure =
  | UsageError
  | FileError
  | FindingsError
  | ConnectionError
  | StorageError
  | SqlError
  | LockError
  | StateError;

const area: Record<Failure["_tag"], string> = {
  UsageError: "usage",
  FileError: "file",
  FindingsError: "spec",
  ConnectionError: "connection",
  StorageError: "storage",
  SqlError: "sql",
  LockError: "lock",
  StateError: "state",
};

/** Stable, `area/kebab-case`. */
export const code = (failure: Failure): string =>
  failure._tag === "FindingsError"
    ? "spec/findings"
    : `${area[failure._tag]}/${failure.reason.replace(/(?<=[a-z])(?=[A-Z])/g, "-").toLowerCase()}`;
