import { Duration, Effect } from "effect";
import { sqlUpsertContract } from "../../contract/sqlUpsert.ts";
import { openSink, settings } from "../ncpsDatabase.ts";
import * as MysqlDatabase from "./mysqlDatabase.ts";

const server = MysqlDatabase.server();

sqlUpsertContract({
  title: "MariaDB",
  deadlockFree: false,
  types: {
    id: () => "id BIGINT AUTO_INCREMENT PRIMARY KEY",
    text: "VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    integer: "BIGINT",
    time: "TIMESTAMP NULL",
    begin: "BEGIN",
  },
  open: (ddl, tables) =>
    Effect.gen(function*() {
      const url = yield* server().database(ddl);
      const client = yield* MysqlDatabase.rival(url);
      return {
        open: openSink(MysqlDatabase.driver(url), {
          sink: { connection: "x", tables },
          settings: { ...settings, paths: undefined, statementTimeout: Duration.seconds(5) },
        }),
        run: client.run,
        rows: client.rows,
      };
    }),
});
