import { Effect } from "effect";
import { sqlContract } from "../../contract/sql.ts";
import * as MysqlDatabase from "../../sinks/mysql/mysqlDatabase.ts";
import { password } from "../../support/servers/MariaDb.ts";

const server = MysqlDatabase.server();

sqlContract({
  title: "MariaDB",
  dialect: "mysql",
  singleWriter: false,
  types: {
    id: "id BIGINT AUTO_INCREMENT PRIMARY KEY",
    text: "VARCHAR(100) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
    integer: "BIGINT",
    short: "VARCHAR(4)",
  },
  begin: "BEGIN",
  secrets: [password],
  database: (ddl) =>
    Effect.gen(function*() {
      const url = yield* server().database(ddl);
      const client = yield* MysqlDatabase.rival(url);
      const open = MysqlDatabase.driver(url);
      return {
        open: (options) => open("cache", options),
        run: client.run,
        rows: client.rows,
        sessions: Effect.map(
          client.rows(
            "SELECT count(*) FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
          ),
          ([row]) => Number(row![0]),
        ),
      };
    }),
});
