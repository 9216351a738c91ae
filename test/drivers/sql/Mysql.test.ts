import { describe, expect, it } from "@effect/vitest";
import { Clock, Duration, Effect, Fiber } from "effect";
import type { Scope } from "effect";
import { type AddressInfo, createServer, type Server } from "node:net";
import type { Access } from "../../../src/core/Access.ts";
import { Faults } from "../../../src/core/Faults.ts";
import * as Introspect from "../../../src/sql/mysql/Introspect.ts";
import * as MysqlDatabase from "../../sinks/mysql/mysqlDatabase.ts";
import { narinfoItem, openSink, settings, settleItems, tags } from "../../sinks/ncpsDatabase.ts";
import { password, user } from "../../support/servers/MariaDb.ts";
import * as Proxy from "../../support/servers/Proxy.ts";

const server = MysqlDatabase.server({ tls: true });
const plain = MysqlDatabase.server({ settings: { "skip-ssl": "1", "innodb-flush-log-at-trx-commit": "2" } });
const { driver, ncpsSchema, rival } = MysqlDatabase;

const open = (
  url: string,
  config: Parameters<typeof driver>[1] = {},
  access: Access = "write",
  statementTimeout = Duration.seconds(2),
) => driver(url, config)("cache", { access, statementTimeout });

const failure = (url: string, config: Parameters<typeof driver>[1] = {}) =>
  Effect.flip(Effect.scoped(open(url, config)));
const urlTo = (port: number, database = "mysql", query = "") =>
  `mysql://${user}:${password}@127.0.0.1:${port}/${database}${query}`;
const databaseOf = (url: string) => new URL(url).pathname.slice(1);
/** Timeouts and deadlines are the server's and the system's. */
const live = Effect.withClock(Clock.make());
const quick = { settings: { ...settings, statementTimeout: Duration.millis(500) } };
const introspect = (url: string, config: Parameters<typeof driver>[1] = {}) =>
  Effect.flatMap(open(url, config), (sql) => sql.read(Introspect.program, {}, undefined));
const check = (url: string, name: string, config: Parameters<typeof driver>[1] = {}) =>
  Effect.gen(function*() {
    const checks = yield* (yield* open(url, config)).checkup({ tables: [], access: "write" });
    return checks.find((one) => one.name === name);
  });

/** The port of a server that lets anybody in, and ends the session in the same breath, as one that shuts down does. */
const inhospitable: Effect.Effect<number, never, Scope.Scope> = Effect.map(
  Effect.acquireRelease(
    Effect.async<Server>((resume) => {
      const packet = (number: number, ...parts: ReadonlyArray<string>) => {
        const body = Buffer.from(parts.join(""), "latin1");
        return Buffer.concat([Buffer.from([body.length, 0, 0, number]), body]);
      };
      const greeting = packet(
        0,
        "\x0a8.0.36\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0\xff\x81\x15",
        "\0".repeat(10),
        "ijklmnopqrst\0mysql_native_password\0",
      );
      const welcome = packet(2, "\0\0\0\x02\0\0\0");
      const farewell = packet(0, "\xff\x87\x07#70100Connection was killed");
      const way = createServer((socket) => {
        socket.on("error", () => {}).once("data", () => socket.end(Buffer.concat([welcome, farewell]))).write(greeting);
      }).listen(0, "127.0.0.1", () => resume(Effect.succeed(way)));
    }),
    (way) => Effect.sync(() => way.close()),
  ),
  (way) => (way.address() as AddressInfo).port,
);

describe("a server that cannot be used says why and what to do", () => {
  it.scoped("wrong password, no such database, nobody there, no socket: each its own, none of them with the password", () =>
    Effect.gen(function*() {
      const { port, url } = server();
      const denied = yield* failure(url().replace(password, "wrong-hush"));
      expect(denied).toMatchObject({
        reason: "Environment",
        code: "ER_ACCESS_DENIED_ERROR",
        remedy: expect.any(String),
      });
      const nowhere = yield* failure(urlTo(port, "nowhere"));
      expect(nowhere).toMatchObject({ reason: "Environment", code: "ER_BAD_DB_ERROR", remedy: expect.any(String) });
      const refused = yield* failure(urlTo(1));
      expect(refused).toMatchObject({ reason: "ConnectionLost", code: "ECONNREFUSED", remedy: expect.any(String) });
      const socket = yield* failure(`mysql+unix://${user}:${password}@/nowhere/socket/db`);
      expect(socket).toMatchObject({ reason: "Environment", code: "ENOENT", remedy: expect.any(String) });
      for (const error of [denied, nowhere, refused, socket]) {
        expect(JSON.stringify(error) + error.message).not.toMatch(/hush/);
      }
    }).pipe(live));

  it.scoped("a session that is ended in the moment it begins is lost, and does not end the process", () =>
    Effect.gen(function*() {
      expect(yield* failure(urlTo(yield* inhospitable))).toMatchObject({
        reason: "ConnectionLost",
        remedy: expect.stringMatching(/server is running/),
      });
    }).pipe(live));

  it.scoped("too many connections are Busy", () =>
    Effect.gen(function*() {
      yield* server().query("CREATE OR REPLACE USER small@'%' IDENTIFIED BY 'small' WITH MAX_USER_CONNECTIONS 1");
      yield* server().query("GRANT ALL ON *.* TO small@'%'");
      const url = server().url().replace(`${user}:${password}`, "small:small");
      yield* open(url);
      expect(yield* failure(url)).toMatchObject({ reason: "Busy", remedy: expect.stringMatching(/poolSize/) });
    }).pipe(live));

  it.scoped("TLS: as the URL says, verified against the authority that is named, refused where it is another's", () =>
    Effect.gen(function*() {
      const { port, tls } = server();
      const files = { ca: tls!.caFile, cert: tls!.clientCertFile, key: tls!.clientKeyFile };
      expect(yield* check(urlTo(port, "mysql", "?tls=true"), "sql/tls", { tls: files })).toMatchObject({
        status: "pass",
        detail: "TLS, the certificate checked",
      });
      expect((yield* check(urlTo(port, "mysql", "?tls=skip-verify"), "sql/tls"))?.detail).toMatch(
        /^TLS, .* not checked/,
      );
      expect((yield* check(urlTo(port, "mysql", "?tls=preferred"), "sql/tls"))?.detail).toMatch(/^TLS/);
      expect((yield* check(urlTo(port), "sql/tls"))?.detail).toMatch(/^no TLS/);
      expect((yield* check(urlTo(plain().port, "mysql", "?tls=preferred"), "sql/tls"))?.detail).toMatch(/^no TLS/);
      expect(yield* failure(urlTo(port, "mysql", "?tls=true"))).toMatchObject({
        reason: "Environment",
        remedy: expect.stringMatching(/tls\.ca/),
      });
      expect(yield* failure(urlTo(plain().port, "mysql", "?tls=true"), { tls: files })).toMatchObject({
        code: "HANDSHAKE_NO_SSL_SUPPORT",
        remedy: expect.stringMatching(/TLS/),
      });
    }).pipe(live));

  it.scoped("TLS: a certificate must name the address that the URL names, not merely localhost", () =>
    Effect.gen(function*() {
      const { port, tls } = server();
      const files = { ca: tls!.caFile, cert: "", key: "" };
      yield* open(urlTo(port, "mysql", "?tls=true"), { tls: files });
      // No certificate names this address of this host.
      const { port: other } = yield* Proxy.make(port, "127.0.0.2");
      const there = urlTo(other, "mysql", "?tls=true").replace("127.0.0.1", "127.0.0.2");
      expect(yield* failure(there, { tls: files })).toMatchObject({
        reason: "Environment",
        detail: expect.stringMatching(/127\.0\.0\.2/),
        remedy: expect.stringMatching(/as its certificate does/),
      });
    }).pipe(live));
});

describe("a MySQL connection", () => {
  it.scoped("over a socket, by both of ncps' forms: the same rows", () =>
    Effect.gen(function*() {
      const url = yield* server().database(ncpsSchema);
      const sink = yield* openSink(driver(server().socketUrl(databaseOf(url))), quick);
      const items = [narinfoItem(1), narinfoItem(2)];
      expect(tags((yield* settleItems(sink, items)).verdicts)).toEqual(["Exact", "Exact"]);
      const unix = `mysql+unix://${user}:${password}@${server().socket}/${databaseOf(url)}`;
      expect((yield* introspect(unix)).tables.map(({ name }) => name)).toContain("narinfos");
    }).pipe(live));

  it.scoped("Invariant 1: a server that does not sync each commit is not durable", () =>
    Effect.gen(function*() {
      expect((yield* open(server().url())).facts).toMatchObject({
        durable: true,
        durability: "innodb_flush_log_at_trx_commit=1 innodb_doublewrite=1",
        version: expect.stringMatching(/^MariaDB 10\.11\./),
      });
      expect((yield* open(plain().url())).facts).toMatchObject({
        durable: false,
        durability: expect.stringContaining("innodb_flush_log_at_trx_commit=2"),
      });
      expect(yield* check(plain().url(), "sql/durability")).toMatchObject({ status: "fail" });
    }).pipe(live));

  it.scoped("Invariant 1: settling waits until what others committed is synced, with the right to have it done or without", () =>
    Effect.gen(function*() {
      const url = yield* server().database("CREATE TABLE t (x INT)");
      yield* server().query("CREATE OR REPLACE USER plain@'%' IDENTIFIED BY 'plain'");
      yield* server().query(`GRANT SELECT, INSERT ON ${databaseOf(url)}.* TO plain@'%'`);
      const client = yield* rival(url);
      const position = (of: "current" | "flushed") =>
        Effect.map(client.rows(`SHOW GLOBAL STATUS LIKE 'Innodb_lsn_${of}'`), ([row]) => Number(row![1]));
      const syncAtCommit = (value: number) => server().query(`SET GLOBAL innodb_flush_log_at_trx_commit = ${value}`);
      for (const by of [url, url.replace(`${user}:${password}`, "plain:plain")]) {
        const sql = yield* open(by);
        expect(sql.facts.durable).toBe(true);
        for (const value of [0, 1]) {
          // So a commit looks that can be seen and is not synced yet; the server syncs by itself every second.
          const { flushed, written } = yield* Effect.gen(function*() {
            yield* syncAtCommit(0);
            yield* Effect.repeat(client.run("INSERT INTO t VALUES (1)"), { times: 20 });
            yield* syncAtCommit(value);
            return { written: yield* position("current"), flushed: yield* position("flushed") };
          }).pipe(Effect.repeat({ until: ({ flushed, written }) => flushed < written, times: 20 }));
          expect(flushed).toBeLessThan(written);
          yield* sql.settle;
          expect(yield* position("flushed")).toBeGreaterThanOrEqual(written);
        }
      }
    }).pipe(
      Effect.ensuring(Effect.suspend(() => server().query("SET GLOBAL innodb_flush_log_at_trx_commit = 1"))),
      live,
    ));

  it.scoped("a checkup names the rights that are lacking, and a server that takes no writes", () =>
    Effect.gen(function*() {
      const url = yield* server().database("CREATE TABLE t (x INT PRIMARY KEY); CREATE TABLE u (x INT)");
      yield* server().query("CREATE OR REPLACE USER reader@'%' IDENTIFIED BY 'reader'");
      yield* server().query(`GRANT SELECT ON ${databaseOf(url)}.* TO reader@'%'`);
      const sql = yield* open(url.replace(`${user}:${password}`, "reader:reader"));
      const named = (access: Access) =>
        Effect.map(
          sql.checkup({ tables: ["t", "u"], access }),
          (checks) => new Map(checks.map((one) => [one.name, one])),
        );
      expect((yield* named("write")).get("sql/permissions")).toMatchObject({
        status: "fail",
        detail: "this user lacks INSERT on t, UPDATE on t, INSERT on u, UPDATE on u",
      });
      expect((yield* named("read")).get("sql/permissions")).toMatchObject({ status: "pass" });
      yield* server().query("SET GLOBAL read_only = 1");
      expect((yield* named("write")).get("sql/writable")).toMatchObject({ status: "fail" });
      yield* server().query("SET GLOBAL read_only = 0");
    }).pipe(live));

  it.scoped("a server without a source to follow has no lag", () =>
    Effect.gen(function*() {
      expect(yield* (yield* open(server().url())).lag!).toBeUndefined();
    }).pipe(live));
});

describe("a MySQL server that fails in the middle", () => {
  const behindProxy = Effect.gen(function*() {
    const url = yield* server().database(ncpsSchema);
    const proxy = yield* Proxy.make(server().port);
    return { direct: url, proxy, url: urlTo(proxy.port, databaseOf(url)) };
  });

  it.scoped("a connection that is reset as COMMIT goes out leaves the commit unknown; the next batch has a new one", () =>
    Effect.gen(function*() {
      const { proxy, url } = yield* behindProxy;
      let isArmed = true;
      const faults = Faults.of({
        armed: undefined,
        hit: (point) => Effect.suspend(() => point === "before-commit" && isArmed ? proxy.reset : Effect.void),
      });
      const sink = yield* openSink(driver(url), quick).pipe(Effect.provideService(Faults, faults));
      expect(yield* Effect.flip(sink.write([narinfoItem(1)]))).toMatchObject({ reason: "CommitUnknown" });
      isArmed = false;
      expect(tags(yield* sink.write([narinfoItem(1)]))).toEqual(["Wrote"]);
    }).pipe(live));

  it.scoped(
    "a server that is silent after COMMIT: the client cuts the connection at its deadline, the commit is unknown, and there",
    () =>
      Effect.gen(function*() {
        const { proxy, url } = yield* behindProxy;
        const sink = yield* openSink(driver(url), quick).pipe(
          Effect.provideService(
            Faults,
            Faults.of({
              armed: undefined,
              // Late enough for COMMIT to pass, too late for its answer.
              hit: (point) => point === "before-commit" ? proxy.delay(60_000) : Effect.void,
            }),
          ),
        );
        const [elapsed, error] = yield* Effect.timed(Effect.flip(sink.write([narinfoItem(1)])));
        expect(error).toMatchObject({ reason: "CommitUnknown" });
        expect(Duration.toMillis(elapsed)).toBeLessThan(10_000);
        yield* proxy.delay(0);
        expect(tags(yield* sink.verify([narinfoItem(1)]))).toEqual(["Exact"]);
      }).pipe(live),
    20_000,
  );

  it.scoped(
    "a server that says nothing at all is given up before long, and its scope closes all the same",
    () =>
      Effect.gen(function*() {
        const { proxy, url } = yield* behindProxy;
        const [elapsed, error] = yield* Effect.timed(Effect.scoped(Effect.gen(function*() {
          const sink = yield* openSink(driver(url), quick);
          yield* proxy.blackhole;
          return yield* Effect.flip(sink.write([narinfoItem(1)]));
        })));
        expect(error).toMatchObject({ reason: "ConnectionLost", code: "DEADLINE" });
        expect(Duration.toMillis(elapsed)).toBeLessThan(10_000);
      }).pipe(live),
    20_000,
  );

  it.scoped("a statement beyond its timeout is Busy, whatever holds it up", () =>
    Effect.gen(function*() {
      const { direct } = yield* behindProxy;
      const client = yield* rival(direct);
      const sink = yield* openSink(driver(direct, { lockTimeout: Duration.seconds(60) }), quick);
      yield* client.run("LOCK TABLES narinfo_signatures WRITE");
      expect(yield* Effect.flip(sink.write([narinfoItem(1)]))).toMatchObject({ reason: "Busy" });
      yield* client.run("UNLOCK TABLES");
      expect(tags(yield* sink.write([narinfoItem(1)]))).toEqual(["Wrote"]);
    }).pipe(live));

  it.scoped(
    "a session that is killed, and one whose server restarts, lose the batch, not the sink",
    () =>
      Effect.gen(function*() {
        const { direct } = yield* behindProxy;
        const client = yield* rival(direct);
        const sink = yield* openSink(driver(direct), {
          settings: { ...settings, statementTimeout: Duration.seconds(20) },
        });
        yield* client.run("LOCK TABLES narinfo_signatures WRITE");
        const writing = yield* Effect.fork(Effect.flip(sink.write([narinfoItem(1)])));
        yield* Effect.sleep("300 millis");
        const [[id] = []] = yield* client.rows(
          "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND state LIKE 'Waiting for%'",
        );
        yield* client.run(`KILL ${String(id)}`);
        expect(yield* Fiber.join(writing)).toMatchObject({ reason: "ConnectionLost" });
        yield* client.run("UNLOCK TABLES");
        expect(tags(yield* sink.write([narinfoItem(1)]))).toEqual(["Wrote"]);
        yield* server().restart();
        const survivor = Effect.retry(sink.write([narinfoItem(1)]), { times: 5 });
        expect(tags(yield* survivor)).toEqual(["Found"]);
      }).pipe(live),
    30_000,
  );

  it.scoped("a server that turns read only ends the run, and says so", () =>
    Effect.gen(function*() {
      const { direct } = yield* behindProxy;
      yield* server().query("CREATE OR REPLACE USER writer@'%' IDENTIFIED BY 'writer'");
      yield* server().query(`GRANT SELECT, INSERT, UPDATE ON ${databaseOf(direct)}.* TO writer@'%'`);
      const sink = yield* openSink(driver(direct.replace(`${user}:${password}`, "writer:writer")), quick);
      yield* server().query("SET GLOBAL read_only = 1");
      const error = yield* Effect.flip(sink.write([narinfoItem(1)]));
      yield* server().query("SET GLOBAL read_only = 0");
      expect(error).toMatchObject({ reason: "Environment", remedy: expect.stringMatching(/primary/) });
      expect(tags(yield* sink.write([narinfoItem(1)]))).toEqual(["Wrote"]);
    }).pipe(live));

  it.scoped("a write that is interrupted leaves no transaction open", () =>
    Effect.gen(function*() {
      const { direct } = yield* behindProxy;
      const client = yield* rival(direct);
      const sink = yield* openSink(driver(direct, { lockTimeout: Duration.seconds(60) }), {
        settings: { ...settings, statementTimeout: Duration.seconds(60) },
      });
      yield* client.run("LOCK TABLES narinfo_signatures WRITE");
      const writing = yield* Effect.fork(sink.write([narinfoItem(1)]));
      yield* Effect.sleep("300 millis");
      yield* Fiber.interrupt(writing);
      yield* client.run("UNLOCK TABLES");
      expect(tags(yield* sink.write([narinfoItem(1)]))).toEqual(["Wrote"]);
    }).pipe(live));
});
