import { Duration, Effect } from "effect";
import { sqlUpsertContract } from "../contract/sqlUpsert.ts";
import { openSink, settings, tempDatabase } from "./ncpsDatabase.ts";

sqlUpsertContract({
  title: "SQLite",
  deadlockFree: true,
  types: {
    id: (remembered) => `id INTEGER PRIMARY KEY${remembered ? " AUTOINCREMENT" : ""}`,
    text: "TEXT",
    integer: "BIGINT",
    time: "TEXT",
    begin: "BEGIN IMMEDIATE",
  },
  open: (ddl, tables) =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase(ddl);
      return {
        open: openSink(path, {
          sink: { connection: "x", tables },
          settings: { ...settings, paths: undefined, statementTimeout: Duration.seconds(5) },
        }),
        run: (sql) => Effect.sync(() => void db.exec(sql)),
        rows: (sql) => Effect.sync(() => db.prepare(sql).raw(true).all() as Array<Array<unknown>>),
      };
    }),
});
