import type { SqlClient } from "@effect/sql/SqlClient";
import { Context, Effect, Layer } from "effect";
import type { Scope } from "effect";
import { closeSync, constants, existsSync, fstatSync, mkdirSync, openSync, readSync } from "node:fs";
import { dirname } from "node:path";
import type { Access } from "../../core/Access.ts";
import type { StateError } from "../../core/Errors.ts";
import { fault, translate } from "./fault.ts";
import { APPLICATION_ID, create, FORMAT } from "./Schema.ts";
import * as Session from "./Session.ts";

/** https://www.sqlite.org/fileformat.html#the_database_header */
const header = { bytes: 100, magic: "SQLite format 3\0", userVersion: 60, applicationId: 68 };

const attempt = <A>(path: string, run: () => A): Effect.Effect<A, StateError> =>
  Effect.try({ try: run, catch: (cause) => translate(path, cause) });

const newer = (path: string, format: number) =>
  fault(path, "Version", `made by a newer ncps-pipeline (format ${format})`, {
    remedy: "Use that version, or another --state",
  });

/** Looks at the first bytes only, so that a file which is not ours is left as it is: even opening it could write beside it. */
const probe = (path: string): Effect.Effect<"absent" | "empty" | "ours", StateError> =>
  attempt(path, () => {
    let descriptor;
    try {
      // A FIFO would else hold the process until someone writes to it.
      descriptor = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "ENOENT") return "absent";
      throw cause;
    }
    try {
      if (!fstatSync(descriptor).isFile()) throw fault(path, "Unusable", "it is not a file");
      const bytes = Buffer.alloc(header.bytes);
      const read = readSync(descriptor, bytes, 0, header.bytes, 0);
      if (read === 0) return "empty";
      if (read < header.bytes || bytes.toString("latin1", 0, header.magic.length) !== header.magic) {
        throw fault(path, "Broken", "it is not an SQLite database");
      }
      if (bytes.readUInt32BE(header.applicationId) !== APPLICATION_ID) {
        throw fault(path, "Broken", "it is a database of another program", {
          remedy: "Name another file with --state; this one is left as it is",
        });
      }
      const format = bytes.readUInt32BE(header.userVersion);
      if (format > FORMAT) throw newer(path, format);
      return "ours";
    } finally {
      closeSync(descriptor);
    }
  });

/** Imported when needed only: a native module, which `--help` must not load. Opening throws, hence the defects. */
const connect = (path: string, readonly: boolean): Effect.Effect<SqlClient, StateError, Scope.Scope> =>
  Effect.promise(() => import("../KeepSqliteObjects.ts").then(() => import("@effect/sql-sqlite-node/SqliteClient")))
    .pipe(
      Effect.flatMap(({ layer, SqliteClient }) =>
        // Without WAL: the client would switch a file before it could be looked at.
        Effect.map(Layer.build(layer({ filename: path, readonly, disableWAL: true })), Context.get(SqliteClient))
      ),
      Effect.catchAllDefect((cause) => Effect.fail(translate(path, cause))),
      Effect.mapError((cause) => translate(path, cause)),
    );

const pragmas = (path: string, client: SqlClient, statements: ReadonlyArray<string>) =>
  Effect.forEach(
    statements,
    (statement) => Session.waiting(path, Session.preparing(() => client.unsafe(statement).unprepared)),
    { discard: true },
  );

const openForWriting = Effect.fn("StateFile.openForWriting")(function*(path: string) {
  if ((yield* probe(path)) === "absent") {
    yield* attempt(path, () => {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      closeSync(openSync(path, "a", 0o600));
    });
  }
  const client = yield* connect(path, false);
  yield* pragmas(path, client, [
    `PRAGMA busy_timeout = ${Session.BUSY_TIMEOUT_MS}`,
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
  ]);
  const session = Session.make(path, client);
  const format = yield* session.write((query) =>
    Effect.gen(function*() {
      const [row] = yield* query<{ readonly user_version: number }>("PRAGMA user_version");
      if (row?.user_version === 0) yield* create(query);
      return row?.user_version ?? 0;
    })
  );
  if (format > FORMAT) return yield* newer(path, format);
  yield* pragmas(path, client, ["PRAGMA journal_mode = WAL"]);
  return session;
});

/**
 * Invariant 10. Where no `-wal` is left over, the file is opened for writing with `query_only`: then SQLite takes the `-wal` and `-shm`
 * that it needs away again, which it does not for a file opened read-only. What a crash left behind is read as it is.
 */
const openForReading = Effect.fn("StateFile.openForReading")(function*(path: string) {
  if ((yield* probe(path)) !== "ours") return undefined;
  const client = yield* connect(path, existsSync(`${path}-wal`));
  yield* pragmas(path, client, [`PRAGMA busy_timeout = ${Session.BUSY_TIMEOUT_MS}`, "PRAGMA query_only = ON"]);
  const session = Session.make(path, client);
  const format = yield* session.read((query) => query<{ readonly user_version: number }>("PRAGMA user_version")).pipe(
    Effect.map(([row]) => row?.user_version ?? 0),
  );
  if (format > FORMAT) return yield* newer(path, format);
  return format === 0 ? undefined : session;
});

/** Opens a state file until the scope closes; `undefined` is a file that is not there yet, where only reading was asked. */
export const open = (
  path: string,
  access: Access,
): Effect.Effect<Session.Session | undefined, StateError, Scope.Scope> =>
  access === "write" ? openForWriting(path) : openForReading(path);
