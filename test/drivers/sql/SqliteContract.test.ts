import { Effect } from "effect";
import * as Sqlite from "../../../src/drivers/sql/Sqlite.ts";
import { sqlContract } from "../../contract/sql.ts";
import { tempDatabase } from "../../sinks/ncpsDatabase.ts";

sqlContract({
  title: "SQLite",
  dialect: "sqlite",
  singleWriter: true,
  types: { id: "id INTEGER PRIMARY KEY", text: "TEXT", integer: "BIGINT", short: "TEXT" },
  begin: "BEGIN IMMEDIATE",
  secrets: [],
  database: (ddl) =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase(ddl);
      return {
        open: (options) => Sqlite.make({ connection: "cache", path, ...options }),
        run: (sql) => Effect.sync(() => void db.exec(sql)),
        rows: (sql) => Effect.sync(() => db.prepare(sql).raw(true).all() as Array<Array<unknown>>),
        sessions: undefined,
      };
    }),
});
