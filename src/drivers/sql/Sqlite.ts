/** The Sql port on a SQLite file. Reads and writes have a connection and a thread each; a read sees what was last committed. */
import { Duration, Effect } from "effect";
import type { Scope } from "effect";
import type { Access } from "../../core/Access.ts";
import type { SqlError } from "../../core/Errors.ts";
import { SqlError as makeError } from "../../core/Errors.ts";
import { Faults } from "../../core/Faults.ts";
import type { Sql } from "../../core/Sql.ts";
import * as Introspect from "../../sql/sqlite/Introspect.ts";
import * as SqliteCheckup from "./SqliteCheckup.ts";
import * as SqliteFile from "./SqliteFile.ts";
import * as SqliteThread from "./SqliteThread.ts";

export interface Options {
  /** Name in the project file, for errors. */
  readonly connection: string;
  readonly path: string;
  readonly access: Access;
  /** The longest wait for another process' lock. */
  readonly statementTimeout: Duration.Duration;
}

/** The file must exist; neither it nor its journal mode is ever made or changed. */
export const make = (
  { access, connection, path, statementTimeout }: Options,
): Effect.Effect<Sql, SqlError, Scope.Scope> =>
  Effect.gen(function*() {
    const file = yield* SqliteFile.acquire(connection, path);
    const { armed } = yield* Faults;
    const thread = (of: Access) =>
      SqliteThread.make(connection, {
        ...file,
        access: of,
        busyTimeoutMs: Math.ceil(Duration.toMillis(statementTimeout)),
        fault: armed,
      });
    // Side by side: a thread takes a tenth of a second to start.
    const [writer, reader] = yield* Effect.all(
      [access === "write" ? thread("write") : Effect.succeed(undefined), thread("read")],
      { concurrency: "unbounded" },
    );
    const { journalMode, synchronous, version } = (writer ?? reader).opened;

    return {
      identity: `sqlite:${file.path}`,
      facts: {
        dialect: "sqlite",
        version: `SQLite ${version}`,
        // The writer insists on it or does not open.
        durable: true,
        durability: `journal_mode=${journalMode} synchronous=${synchronous}`,
        singleWriter: true,
      },
      write: (program, definition, input) =>
        writer === undefined
          ? new makeError({ connection, reason: "Environment", code: "READ_ACCESS", detail: "opened for reading only" })
          : writer.run(program, definition, input),
      read: reader.run,
      settle: reader.settle,
      checkup: (needs) =>
        SqliteCheckup.checkup({
          path: file.path,
          version,
          journalMode,
          durability: `synchronous=${synchronous}`,
          needs,
          catalog: reader.run(Introspect.program, {}, undefined),
        }),
    };
  });
