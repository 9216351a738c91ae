import { expect, it } from "@effect/vitest";
import { Clock, Duration, Effect, Schedule } from "effect";
import { describe } from "vitest";
import * as MysqlDatabase from "../../sinks/mysql/mysqlDatabase.ts";
import { password, user } from "../../support/servers/MariaDb.ts";

const primary = MysqlDatabase.server({ settings: { "server-id": "1", "log-bin": "primary", "binlog-format": "ROW" } });
const replica = MysqlDatabase.server({ settings: { "server-id": "2" } });

const live = Effect.withClock(Clock.make());

const lagOf = (url: string) =>
  Effect.scoped(Effect.gen(function*() {
    const sql = yield* MysqlDatabase.driver(url)("db", { access: "read", statementTimeout: Duration.seconds(2) });
    return yield* sql.lag!;
  }));

/** Until it says what is expected, or what it said last is shown. */
const eventually = (url: string, holds: (lag: Duration.Duration | undefined) => boolean) =>
  Effect.retry(
    Effect.filterOrFail(lagOf(url), holds, (lag) => `lag is ${String(lag)}`),
    Schedule.spaced("200 millis").pipe(Schedule.intersect(Schedule.recurs(50))),
  );

describe("how far a replica is behind", () => {
  it(
    "nothing on a server that follows none",
    () => Effect.runPromise(Effect.map(lagOf(primary().url()), (lag) => expect(lag).toBeUndefined()).pipe(live)),
    30_000,
  );

  it(
    "none once it has caught up, more while it applies nothing, infinite once it has stopped",
    () =>
      Effect.gen(function*() {
        const { query, url } = replica();
        yield* query(
          `CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT=${primary().port}, MASTER_USER='${user}',`
            + ` MASTER_PASSWORD='${password}', MASTER_LOG_FILE='primary.000001', MASTER_LOG_POS=4, MASTER_SSL_VERIFY_SERVER_CERT=0`,
        );
        yield* query("START SLAVE");
        yield* eventually(url(), (lag) => lag !== undefined && Duration.toMillis(lag) === 0);
        yield* primary().query("CREATE DATABASE lagging; CREATE TABLE lagging.t (id INT PRIMARY KEY) ENGINE=InnoDB");
        yield* eventually(url(), (lag) => lag !== undefined && Duration.toMillis(lag) === 0);
        yield* Effect.scoped(Effect.gen(function*() {
          // What comes now has to wait for a lock that somebody holds on the replica.
          const holder = yield* replica().session("mysql");
          yield* holder("FLUSH TABLES WITH READ LOCK");
          yield* primary().query("INSERT INTO lagging.t VALUES (1)");
          yield* eventually(url(), (lag) => lag !== undefined && Duration.toMillis(lag) >= 1000);
          yield* holder("UNLOCK TABLES");
        }));
        yield* eventually(url(), (lag) => lag !== undefined && Duration.toMillis(lag) === 0);
        yield* query("STOP SLAVE SQL_THREAD");
        yield* eventually(url(), (lag) => lag !== undefined && !Duration.isFinite(lag));
      }).pipe(live, Effect.runPromise),
    60_000,
  );

  it("who may not ask is told which right is missing", () =>
    Effect.gen(function*() {
      yield* replica().query("CREATE USER poor IDENTIFIED BY 'secret'; GRANT SELECT ON mysql.* TO poor");
      const url = replica().url().replace(`${user}:${password}`, "poor:secret");
      const error = yield* Effect.flip(lagOf(url));
      expect(error).toMatchObject({ reason: "Environment", code: "ER_SPECIFIC_ACCESS_DENIED_ERROR" });
    }).pipe(live, Effect.runPromise), 30_000);
});
