import { Duration, Effect } from "effect";
import { sqlUpsertContract } from "../contract/sqlUpsert.ts";
import { openSink, settings, tempDatabase } from "./ncpsDatabase.ts";

sqlUpsertContract("SQLite", (ddl, tables) =>
  Effect.gen(function*() {
    const { db, path } = yield* tempDatabase(ddl);
    return {
      sink: yield* openSink(path, {
        sink: { connection: "x", tables },
        settings: { ...settings, paths: undefined, statementTimeout: Duration.seconds(5) },
      }),
      run: (sql, ...binds) => void db.prepare(sql).run(...binds),
      rows: (sql) =>
        (db.prepare(sql).raw(true).all() as Array<Array<unknown>>)
          .map((row) => row.map((value, at) => typeof value === "bigint" && at < 2 ? Number(value) : value)),
    };
  }));
