/** SQLite's failures in the engine's words: https://www.sqlite.org/rescode.html */
import { SqlError } from "../../core/Errors.ts";
import type { Failure } from "./sqliteProtocol.ts";

const constraintRaces = new Set(
  ["UNIQUE", "PRIMARYKEY", "ROWID", "FOREIGNKEY"].map((kind) => `SQLITE_CONSTRAINT_${kind}`),
);

const remedies: ReadonlyArray<readonly [prefix: string, remedy: string]> = [
  ["SQLITE_FULL", "Free disk space (or raise the quota), then run again: nothing of this batch was written"],
  [
    "SQLITE_READONLY",
    "Give the user of this process write access to the file and to its folder, where -wal and -shm lie",
  ],
  [
    "SQLITE_CANTOPEN",
    "Give the user of this process access to the folder: even reading needs the -wal and -shm files beside the database",
  ],
  ["SQLITE_NOTADB", "Check the path: this file is no SQLite database, or it is encrypted"],
  ["SQLITE_CORRUPT", "Stop everything that writes to it, check it with `PRAGMA integrity_check`, restore a backup"],
  ["SQLITE_IOERR", "Look at the system log: the disk or network file system reports an error"],
  ["SQLITE_NOMEM", "Give the process more memory"],
  ["SQLITE_AUTH", "Give the user of this process access to the file"],
  ["SQLITE_PERM", "Give the user of this process access to the file"],
  ["SQLITE_SCHEMA", "The schema changed meanwhile: run again"],
  ["SQLITE_ERROR", "The schema may have changed meanwhile: look at `pipeline plan`, then run again"],
  ["E", "Look at the system log: the disk or network file system reports an error"],
];

const reasonOf = ({ code, phase }: Failure): SqlError["reason"] => {
  if (code.startsWith("SQLITE_BUSY") || code.startsWith("SQLITE_LOCKED") || code === "SQLITE_PROTOCOL") return "Busy";
  if (constraintRaces.has(code)) return "Constraint";
  if (
    code.startsWith("SQLITE_CONSTRAINT") || code === "SQLITE_TOOBIG" || code === "SQLITE_MISMATCH" || code === "BIND"
  ) return "Data";
  // The commit record may or may not have reached the disk before the error.
  if (phase === "commit" && code.startsWith("SQLITE_IOERR")) return "CommitUnknown";
  return "Environment";
};

export const translate = (connection: string, path: string, failure: Failure): SqlError => {
  const reason = reasonOf(failure);
  const remedy = reason === "Environment"
    ? remedies.find(([prefix]) => failure.code.startsWith(prefix))?.[1]
    : undefined;
  const where = failure.phase === "open"
    ? `${path} cannot be used: `
    : failure.phase === "run"
    ? ""
    : `${failure.phase}: `;
  return new SqlError({
    connection,
    reason,
    code: failure.code,
    detail: `${where}${failure.message}`,
    cause: failure,
    ...(remedy === undefined ? {} : { remedy }),
  });
};
