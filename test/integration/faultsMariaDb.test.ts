/** MariaDB that fails in every way a run may meet. */
import { Effect } from "effect";
import * as MariaDb from "../support/servers/MariaDb.ts";
import { until } from "./Running.ts";
import { sqlFaults } from "./sqlFaults.ts";
import * as World from "./World.ts";

/** Enough for what the test writes. */
const roomBytes = 8 * 1024 * 1024;

sqlFaults<MariaDb.MariaDb>({
  title: "MariaDB",
  make: MariaDb.make(),
  target: World.mariaDb,
  // All tables in one file that may not grow any more: to the server that is a full disk.
  crowded: Effect.gen(function*() {
    const server = yield* MariaDb.make({
      settings: { "innodb-file-per-table": "0", "innodb-data-file-path": "ibdata1:12M:autoextend:max:24M" },
    });
    const database = yield* World.mariaDb(server);
    return {
      database,
      crowd: Effect.gen(function*() {
        yield* database.query("CREATE TABLE filler (text longtext)");
        for (const rows of [100, 10, 1]) {
          const fill = `INSERT INTO filler SELECT repeat('x', 8000) FROM seq_1_to_${rows}`;
          for (let isFull = false; !isFull;) isFull = (yield* Effect.exit(database.query(fill)))._tag === "Failure";
        }
      }),
      // What a dropped table held is given back a little later.
      makeRoom: Effect.zipRight(
        database.query("DROP TABLE filler"),
        until(
          "room",
          Effect.map(
            database.query(
              "SELECT data_free AS n FROM information_schema.tables WHERE table_schema = DATABASE() AND table_name = 'narinfos'",
            ),
            ([found]) => Number(found!["n"]) > roomBytes,
          ),
        ),
      ),
    };
  }),
  waiting: () =>
    "SELECT variable_value AS n FROM information_schema.global_status"
    + " WHERE variable_name = 'Innodb_row_lock_current_waits'",
  // Of two in a deadlock the one that has written less has to go.
  prevail: [
    "CREATE TABLE burden (n int) ENGINE=InnoDB",
    "BEGIN",
    "INSERT INTO burden SELECT seq FROM seq_1_to_5000",
  ],
  hiccups: [
    "CREATE SEQUENCE hiccups",
    "CREATE TRIGGER hiccup BEFORE INSERT ON narinfo_references FOR EACH ROW"
    + " IF NEXTVAL(hiccups) <= 3 THEN SIGNAL SQLSTATE '40001' SET MYSQL_ERRNO = 1213, MESSAGE_TEXT = 'Deadlock found'; END IF",
  ],
  hiccupsCounted: "SELECT NEXTVAL(hiccups) AS n",
  limitSessions: (server, { user }, limit) =>
    Effect.zipRight(
      server.query(`ALTER USER '${user}'@'%' WITH MAX_USER_CONNECTIONS ${limit ?? 0}`),
      limit === undefined ? Effect.void : server.query(`KILL USER '${user}'@'%'`),
    ),
  readOnly: (server, is) => server.query(`SET GLOBAL read_only = ${is ? 1 : 0}`),
  waitsForWrites: false,
});
