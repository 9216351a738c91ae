import { StateError } from "../../core/Errors.ts";

type Reason = StateError["reason"];

const remedies: Partial<Record<Reason, string>> = {
  Broken: "Move the file aside and run again: quarantine accepts, history and checkpoints are lost, no data",
  Busy: "Another process holds it: wait for it, or name another file with --state",
  NoSpace: "Free some space on its disk, or name a file on another one with --state",
  Denied: "Run as the user who owns it, or name another file with --state",
  Unusable: "Name another file with --state",
};

export const fault = (
  path: string,
  reason: Reason,
  detail: string,
  options: { readonly remedy?: string; readonly cause?: unknown } = {},
) => new StateError({ connection: path, reason, detail, remedy: remedies[reason], ...options });

/** By prefix of the code of SQLite or the system, first match wins. */
const reasons: ReadonlyArray<readonly [code: string, reason: Reason, detail: string]> = [
  ["SQLITE_BUSY", "Busy", "it is locked"],
  ["SQLITE_LOCKED", "Busy", "it is locked"],
  ["SQLITE_FULL", "NoSpace", "its disk is full"],
  // The wal-index could not be grown, which takes space only.
  ["SQLITE_IOERR_SHMSIZE", "NoSpace", "its disk is full"],
  ["ENOSPC", "NoSpace", "its disk is full"],
  ["EDQUOT", "NoSpace", "the disk quota is used up"],
  ["SQLITE_READONLY_DIRECTORY", "Denied", "its -wal and -shm, which even reading needs, cannot be made beside it"],
  ["SQLITE_READONLY_CANTINIT", "Denied", "its -wal and -shm, which even reading needs, cannot be made beside it"],
  ["SQLITE_READONLY", "Denied", "it cannot be written"],
  ["SQLITE_CANTOPEN", "Denied", "it, or its -wal and -shm beside it, cannot be opened"],
  ["SQLITE_PERM", "Denied", "permission denied"],
  ["EACCES", "Denied", "permission denied"],
  ["EPERM", "Denied", "permission denied"],
  ["EROFS", "Denied", "its file system is read-only"],
  ["SQLITE_CORRUPT", "Broken", "it is damaged"],
  ["SQLITE_NOTADB", "Broken", "it is damaged"],
  // A table or column that is not there: every statement of ours is right for the format the file claims.
  ["SQLITE_ERROR", "Broken", "it is not as it was made"],
  ["SQLITE_CONSTRAINT_DATATYPE", "Broken", "it is not as it was made"],
  ["ENOTDIR", "Unusable", "a part of its path is not a folder"],
  ["EEXIST", "Unusable", "a part of its path is not a folder"],
  ["ELOOP", "Unusable", "its path is a circle of symbolic links"],
  ["MODULE_NOT_FOUND", "Unusable", "the package better-sqlite3 is missing or was built for another Node"],
  ["ERR_MODULE_NOT_FOUND", "Unusable", "the package better-sqlite3 is missing or was built for another Node"],
  ["ERR_DLOPEN_FAILED", "Unusable", "the package better-sqlite3 is missing or was built for another Node"],
];

/** The code of what went wrong at the root: drivers wrap errors of SQLite, which wrap none. */
const rootCode = (cause: unknown): string => {
  for (let at = cause; at instanceof Error; at = at.cause) {
    if ("code" in at && typeof at.code === "string") return at.code;
  }
  return "";
};

export const isUniqueViolation = (cause: unknown): boolean => rootCode(cause) === "SQLITE_CONSTRAINT_UNIQUE";

const rootMessage = (cause: unknown): string =>
  cause instanceof Error ? (cause.cause === undefined ? cause.message : rootMessage(cause.cause)) : String(cause);

/** The one place where errors of SQLite and of the file system become `StateError`s. */
export const translate = (path: string, cause: unknown): StateError => {
  if (cause instanceof StateError) return cause;
  const code = rootCode(cause);
  const known = reasons.find(([prefix]) => code.startsWith(prefix));
  const message = rootMessage(cause);
  if (known === undefined) return fault(path, "Unusable", message, { cause });
  const [, reason, detail] = known;
  return fault(path, reason, `${detail} (${message.startsWith(code) ? message : `${code}: ${message}`})`, {
    cause,
    ...(code.includes("MODULE") || code.includes("DLOPEN") ? { remedy: "Install again: npm ci" } : {}),
  });
};
