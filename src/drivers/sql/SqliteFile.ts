/** The database file itself: looked at before SQLite opens it, and held open for as long as this process has connections to it. */
import { Effect } from "effect";
import type { Scope } from "effect";
import { closeSync, openSync, realpathSync, statSync } from "node:fs";
import { SqlError } from "../../core/Errors.ts";

/**
 * Closing any descriptor of a file drops all POSIX locks the process has on it, SQLite's included
 * (https://www.sqlite.org/howtocorrupt.html#_posix_advisory_locks_canceled_by_a_separate_thread_doing_close_): so one descriptor
 * per file is shared, and closed after the last connection.
 */
const held = new Map<string, { readonly descriptor: number; users: number }>();

export interface SqliteFile {
  /** Links resolved: `-wal` and `-shm` lie beside the file itself. */
  readonly path: string;
  readonly descriptor: number;
}

const remedies: Readonly<Record<string, string>> = {
  ENOENT: "Check the path; the database is never created here: ncps does that (`ncps migrate up`)",
  ENOTDIR: "Check the path",
  EACCES: "Give the user of this process access to the file and to every folder above it",
};

/** Of a system error, without the code and the path, which are said beside it. */
const plainMessage = (cause: unknown): string =>
  String((cause as Error).message).replace(/^[A-Z]+: /, "").replace(/, \w+ '.*'$/s, "");

const failed = (connection: string, path: string, cause: unknown): SqlError => {
  const code = String((cause as { readonly code?: unknown }).code ?? "UNKNOWN");
  const remedy = remedies[code];
  const detail = code === "ENOENT"
    ? `there is no file ${path}`
    : `${path} cannot be opened: ${plainMessage(cause)}`;
  return new SqlError({
    connection,
    reason: "Environment",
    code,
    detail,
    cause,
    ...(remedy === undefined ? {} : { remedy }),
  });
};

/** Until the process ends: a thread that hangs has its connection, and must not lose its locks. */
export const keepOpen = (real: string): void => {
  held.get(real)!.users++;
};

/** Refuses what is missing or no regular file: opening a FIFO would wait for ever. */
export const acquire = (connection: string, path: string): Effect.Effect<SqliteFile, SqlError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.gen(function*() {
      const attempt = <A>(run: () => A) => Effect.try({ try: run, catch: (cause) => failed(connection, path, cause) });
      const real = yield* attempt(() => realpathSync(path));
      const stats = yield* attempt(() => statSync(real));
      if (!stats.isFile()) {
        const what = stats.isDirectory() ? "a folder" : stats.isFIFO() ? "a pipe" : "no regular file";
        const remedy = stats.isDirectory() ? "Name the database file in it" : "Name the database file";
        return yield* new SqlError({
          connection,
          reason: "Environment",
          code: "ENOTFILE",
          detail: `${real} is ${what}`,
          remedy,
        });
      }
      const known = held.get(real) ?? { descriptor: yield* attempt(() => openSync(real, "r")), users: 0 };
      known.users++;
      held.set(real, known);
      return { path: real, descriptor: known.descriptor };
    }),
    ({ path: real, descriptor }) =>
      Effect.sync(() => {
        const known = held.get(real)!;
        known.users--;
        if (known.users > 0) return;
        held.delete(real);
        closeSync(descriptor);
      }),
  );
