/** PostgreSQL that fails in every way a run may meet. */
import { Effect } from "effect";
import { execFileSync } from "node:child_process";
import * as Postgres from "../support/servers/Postgres.ts";
import * as ServerProcess from "../support/servers/ServerProcess.ts";
import { sqlFaults } from "./sqlFaults.ts";
import * as World from "./World.ts";

const diskFull = [
  "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
  + " RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$",
  "CREATE TRIGGER full_disk BEFORE INSERT ON narinfo_references EXECUTE FUNCTION full_disk()",
];

/** A disk of 24 MiB, where the system lets us mount one. */
const smallDisk = Effect.gen(function*() {
  const folder = yield* ServerProcess.folder("disk");
  return yield* Effect.acquireRelease(
    Effect.try(() => {
      const { gid, uid } = ServerProcess.account ?? { uid: 0, gid: 0 };
      const options = `size=24m,mode=700,uid=${uid},gid=${gid}`;
      execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder], { stdio: "pipe" });
      return folder;
    }),
    () => Effect.sync(() => execFileSync("umount", ["-l", folder])),
  );
});

sqlFaults<Postgres.Postgres>({
  title: "PostgreSQL",
  make: Postgres.make(),
  target: World.postgres,
  crowded: Effect.gen(function*() {
    const server = yield* Postgres.make();
    const disk = yield* Effect.option(smallDisk);
    if (disk._tag === "None") {
      // Not allowed to mount: the server says what a full disk makes it say.
      const database = yield* World.postgres(server);
      return {
        database,
        crowd: Effect.forEach(diskFull, (sql) => database.query(sql)),
        makeRoom: database.query("DROP TRIGGER full_disk ON narinfo_references"),
      };
    }
    yield* server.query(`CREATE TABLESPACE small LOCATION '${disk.value}'`);
    const database = yield* World.postgres(server, server.port, "small");
    return {
      database,
      crowd: Effect.gen(function*() {
        yield* database.query("CREATE TABLE filler (text text)");
        yield* database.query("ALTER TABLE filler ALTER text SET STORAGE PLAIN");
        for (const rows of [500, 50, 1]) {
          const fill = `INSERT INTO filler SELECT repeat('x', 8000) FROM generate_series(1, ${rows})`;
          for (let isFull = false; !isFull;) isFull = (yield* Effect.exit(database.query(fill)))._tag === "Failure";
        }
      }),
      makeRoom: database.query("DROP TABLE filler"),
    };
  }),
  waiting: ({ name }) =>
    `SELECT count(*) AS n FROM pg_stat_activity WHERE datname = '${name}' AND wait_event_type = 'Lock'`,
  prevail: ["SET deadlock_timeout = '20s'", "BEGIN"],
  hiccups: [
    "CREATE SEQUENCE hiccups",
    "CREATE FUNCTION hiccup() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN IF nextval('hiccups') <= 3"
    + " THEN RAISE EXCEPTION 'could not serialize access' USING ERRCODE = '40001'; END IF; RETURN NULL; END $$",
    "CREATE TRIGGER hiccup AFTER INSERT ON narinfo_references EXECUTE FUNCTION hiccup()",
  ],
  hiccupsCounted: "SELECT last_value AS n FROM hiccups",
  limitSessions: (server, { user }, limit) =>
    Effect.zipRight(
      server.query(`ALTER ROLE ${user} CONNECTION LIMIT ${limit ?? -1}`),
      limit === undefined
        ? Effect.void
        : server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${user}'`),
    ),
  readOnly: (server, is) =>
    Effect.zipRight(
      server.query(`ALTER SYSTEM SET default_transaction_read_only = ${is ? "on" : "off"}`),
      server.query("SELECT pg_reload_conf()"),
    ),
  waitsForWrites: true,
});
