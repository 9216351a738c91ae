import { describe, expect, it } from "@effect/vitest";
import { Clock, Duration, Effect, Fiber } from "effect";
import type { Access } from "../../../src/core/Access.ts";
import { Faults } from "../../../src/core/Faults.ts";
import type { Program, Value } from "../../../src/core/Sql.ts";
import * as Introspect from "../../../src/sql/postgres/Introspect.ts";
import { narinfoItem, openSink, settings, settleItems, tags } from "../../sinks/ncpsDatabase.ts";
import * as PostgresDatabase from "../../sinks/postgres/postgresDatabase.ts";
import * as Server from "../../support/servers/Postgres.ts";
import * as Proxy from "../../support/servers/Proxy.ts";

const server = PostgresDatabase.server({ tls: true, settings: { max_connections: "30" } });
const { driver, ncpsSchema, rival } = PostgresDatabase;
const { password, user } = Server;

const open = (
  url: string,
  config: Parameters<typeof driver>[1] = {},
  access: Access = "write",
  statementTimeout = Duration.seconds(2),
) => driver(url, config)("cache", { access, statementTimeout });

const failure = (url: string, config: Parameters<typeof driver>[1] = {}) =>
  Effect.flip(Effect.scoped(open(url, config)));
const urlTo = (port: number, database = "postgres", query = "") =>
  `postgresql://${user}:${password}@127.0.0.1:${port}/${database}${query}`;
const databaseOf = (url: string) => new URL(url).pathname.slice(1);
/** Timeouts and deadlines are the server's and the system's. */
const live = Effect.withClock(Clock.make());
const quick = { settings: { ...settings, statementTimeout: Duration.millis(500) } };

/** It would flush the WAL too, a little later. */
const slowWalWriter = Effect.suspend(() =>
  Effect.zipRight(
    server().query("ALTER SYSTEM SET wal_writer_delay = '10s'"),
    server().query("SELECT pg_reload_conf()"),
  )
);

/** Whether a power loss could undo what is committed. */
const isBehind = (client: PostgresDatabase.Rival) =>
  Effect.map(
    client.rows("SELECT pg_current_wal_insert_lsn() > pg_current_wal_flush_lsn()"),
    ([row]) => row![0] === 1n,
  );

describe("a server that cannot be used says why and what to do", () => {
  it.scoped("wrong password, no such database, nobody there: each its own, none of them with the password", () =>
    Effect.gen(function*() {
      const { port, url } = server();
      const denied = yield* failure(url().replace(password, "wrong-hush"));
      expect(denied).toMatchObject({ reason: "Environment", code: "28P01", remedy: expect.stringMatching(/password/) });
      const nowhere = yield* failure(urlTo(port, "nowhere"));
      expect(nowhere).toMatchObject({ reason: "Environment", code: "3D000", remedy: expect.stringMatching(/name/) });
      const refused = yield* failure(urlTo(1));
      expect(refused).toMatchObject({ reason: "ConnectionLost", code: "ECONNREFUSED", remedy: expect.any(String) });
      const config = yield* failure(url().replace(password, "%"));
      expect(config).toMatchObject({ _tag: "ConnectionError", reason: "Config" });
      for (const error of [denied, nowhere, refused, config]) {
        expect(JSON.stringify(error) + error.message).not.toMatch(/hush/);
      }
    }).pipe(live));

  it.scoped("a setting in the URL that the server does not know or take is no item's fault, and is named", () =>
    Effect.gen(function*() {
      for (const [setting, named] of [["wrok_mem=1MB", /wrok_mem/], ["work_mem=much", /work_mem/]] as const) {
        const sql = yield* open(urlTo(server().port, "postgres", `?${setting}`));
        expect(yield* Effect.flip(sql.read(Introspect.program, {}, undefined))).toMatchObject({
          reason: "Environment",
          detail: expect.stringMatching(named),
          remedy: expect.stringMatching(/URL/),
        });
      }
    }).pipe(live));

  it.scoped("too many connections are Busy, and their end is waited for", () =>
    Effect.gen(function*() {
      const url = yield* server().database();
      const database = databaseOf(url);
      yield* server().query(`ALTER DATABASE ${database} CONNECTION LIMIT 0`);
      yield* server().query("CREATE ROLE small LOGIN PASSWORD 'small'");
      const error = yield* failure(url.replace(`${user}:${password}`, "small:small"));
      expect(error).toMatchObject({ reason: "Busy", code: "53300", remedy: expect.stringMatching(/poolSize/) });
    }).pipe(live));

  it.scoped("TLS: asked for by the URL, verified against the authority that is named, refused where it is another's", () =>
    Effect.gen(function*() {
      const { port, tls } = server();
      const files = { ca: tls!.caFile, cert: "", key: "" };
      const encrypted = (sql: Effect.Effect.Success<ReturnType<typeof open>>) =>
        Effect.map(
          sql.checkup({ tables: [], access: "write" }),
          (checks) => checks.find(({ name }) => name === "sql/tls")?.detail,
        );
      expect(yield* Effect.flatMap(open(urlTo(port, "postgres", "?sslmode=verify-full"), { tls: files }), encrypted))
        .toMatch(/^TLS/);
      expect(yield* Effect.flatMap(open(urlTo(port)), encrypted)).toMatch(/^TLS/);
      expect(yield* Effect.flatMap(open(urlTo(port, "postgres", "?sslmode=disable")), encrypted)).toMatch(/^no TLS/);
      expect(yield* failure(urlTo(port, "postgres", "?sslmode=verify-full"))).toMatchObject({
        reason: "Environment",
        code: "CERTIFICATE",
        remedy: expect.stringMatching(/tls\.ca/),
      });
    }).pipe(live));
});

describe("a PostgreSQL connection", () => {
  it.scoped("a socket, no named statements, and a search_path: the same rows", () =>
    Effect.gen(function*() {
      const url = yield* server().database(
        `CREATE SCHEMA own; SET search_path TO own; ${ncpsSchema.replaceAll("public.", "own.")}`,
      );
      const socket = `${server().socketUrl(databaseOf(url))}&search_path=own,public`;
      const sink = yield* openSink(driver(socket, { preparedStatements: false }), quick);
      const items = [narinfoItem(1), narinfoItem(2)];
      expect(tags((yield* settleItems(sink, items)).verdicts)).toEqual(["Exact", "Exact"]);
      expect(yield* (yield* rival(url)).rows("SELECT count(*) FROM own.narinfos")).toEqual([[2n]]);
    }).pipe(live));

  it.scoped("options in the URL are the server's command line, as they are for ncps", () =>
    Effect.gen(function*() {
      const url = yield* server().database(
        `CREATE SCHEMA own; SET search_path TO own; ${ncpsSchema.replaceAll("public.", "own.")}`,
      );
      const options = encodeURIComponent("-c search_path=own,public");
      const { port } = server();
      const sink = yield* openSink(driver(urlTo(port, databaseOf(url), `?options=${options}`)), quick);
      expect(tags((yield* settleItems(sink, [narinfoItem(1)])).verdicts)).toEqual(["Exact"]);
      expect(yield* (yield* rival(url)).rows("SELECT count(*) FROM own.narinfos")).toEqual([[1n]]);
    }).pipe(live));

  it.scoped("arrays arrive as they were given, a second time too: nulls, empty ones, any letters, all of int64; beyond it is refused", () =>
    Effect.gen(function*() {
      const sql = yield* open(server().url());
      const echo = (type: string): Program<object, ReadonlyArray<Value>, ReadonlyArray<Value>> => ({
        name: `echo/${type}`,
        script: function*(_, values) {
          const rows = yield { text: `SELECT v FROM unnest($1::${type}[]) AS v`, binds: [[values]], rows: true };
          return rows.map(([value]) => value!);
        },
      });
      const ascii = ["", "plain", null, "x".repeat(70_000), '"{\\},NULL"', "\x01\x7f"];
      const letters = [...ascii, "é", "\u{1d11e}", "\u0080\u00ff", null];
      for (const texts of [[], [null], ascii, letters, letters]) {
        expect(yield* sql.read(echo("text"), {}, texts)).toEqual(texts);
      }
      const whole = [0n, null, -1n, 2n ** 63n - 1n, -(2n ** 63n), 7n];
      for (const numbers of [[], whole, whole]) expect(yield* sql.read(echo("bigint"), {}, numbers)).toEqual(numbers);
      const numbers = [
        3,
        -1,
        0,
        2 ** 31,
        2 ** 32 - 1,
        -(2 ** 32) - 5,
        Number.MAX_SAFE_INTEGER,
        Number.MIN_SAFE_INTEGER,
      ];
      expect(yield* sql.read(echo("bigint"), {}, numbers)).toEqual(numbers.map(BigInt));
      for (const beyond of [2n ** 63n, -(2n ** 63n) - 1n]) {
        expect(yield* Effect.flip(sql.read(echo("bigint"), {}, [1n, beyond]))).toMatchObject({ code: "22003" });
      }
      expect(yield* Effect.flip(sql.read(echo("bigint"), {}, [0.5]))).toMatchObject({ code: "22P02" });
    }).pipe(live));

  it.scoped("of several hosts the first that serves is used, and a dead one stays out of the way", () =>
    Effect.gen(function*() {
      const { port } = server();
      const sql = yield* open(`postgresql://${user}:${password}@127.0.0.1:1,127.0.0.1:${port}/postgres`);
      expect((yield* sql.read(Introspect.program, {}, undefined)).tables).toEqual([]);
    }).pipe(live));

  it.scoped(
    "a server without TLS is served without, unless the URL insists; a fault on the way costs no connection its TLS",
    () =>
      Effect.gen(function*() {
        const plain = yield* Server.make();
        yield* open(plain.url());
        expect(yield* failure(`${plain.url()}?sslmode=require`)).toMatchObject({
          reason: "Environment",
          code: "NO_TLS",
        });
        const proxy = yield* Proxy.make(server().port);
        yield* proxy.refuse;
        const url = urlTo(proxy.port);
        expect(yield* failure(url)).toMatchObject({ reason: "ConnectionLost" });
        yield* proxy.heal;
        const sql = yield* open(url, { poolSize: 2 });
        yield* proxy.reset;
        yield* Effect.ignore(sql.read(Introspect.program, {}, undefined));
        const checks = yield* sql.checkup({ tables: [], access: "write" });
        expect(checks.find(({ name }) => name === "sql/tls")?.detail).toMatch(/^TLS/);
      }).pipe(live),
    30_000,
  );

  it.scoped("Invariant 1: a role or URL that does not wait for the disk is overruled", () =>
    Effect.gen(function*() {
      yield* slowWalWriter;
      const url = yield* server().database(ncpsSchema);
      yield* server().query(`ALTER DATABASE ${databaseOf(url)} SET synchronous_commit = off`);
      const client = yield* rival(url);
      for (const [number, each] of [url, `${url}?synchronous_commit=off`, `${url}?synchronous_commit=no`].entries()) {
        expect((yield* open(each)).facts).toMatchObject({
          durable: true,
          durability: "fsync=on full_page_writes=on synchronous_commit=on",
        });
        const sink = yield* openSink(driver(each), quick);
        expect(tags(yield* sink.write([narinfoItem(number)]))).toEqual(["Wrote"]);
        expect(yield* isBehind(client)).toBe(false);
      }
    }).pipe(live));

  it.scoped("Invariant 1: settling flushes what others committed without waiting, and writes nothing where nothing waits", () =>
    Effect.gen(function*() {
      const url = yield* server().database("CREATE TABLE t (x INTEGER)");
      yield* slowWalWriter;
      const sql = yield* open(url);
      const client = yield* rival(url);
      yield* client.run("SET synchronous_commit = off");
      yield* Effect.repeat(client.run("INSERT INTO t VALUES (1)"), { times: 5 });
      expect(yield* isBehind(client)).toBe(true);
      yield* sql.settle;
      expect(yield* isBehind(client)).toBe(false);
      const position = client.rows("SELECT pg_current_wal_insert_lsn()::text");
      const before = yield* position;
      yield* sql.settle;
      expect(yield* position).toEqual(before);
    }).pipe(live));

  it.scoped("an ordinary user may settle, and a checkup names the rights that are lacking", () =>
    Effect.gen(function*() {
      const url = yield* server().database("CREATE TABLE t (id BIGSERIAL PRIMARY KEY, x INTEGER)");
      yield* server().query("CREATE ROLE plain LOGIN PASSWORD 'plain'");
      const plain = url.replace(`${user}:${password}`, "plain:plain");
      const sql = yield* open(plain);
      const client = yield* rival(url);
      yield* client.run("SET synchronous_commit = off");
      yield* client.run("INSERT INTO t (x) VALUES (1)");
      yield* sql.settle;
      // As `doctor` does: opened to read, asked about the writing that a run would do.
      const doctor = yield* open(plain, {}, "read");
      const check = (yield* doctor.checkup({ tables: ["t"], access: "write" })).find(({ name }) =>
        name === "sql/permissions"
      );
      expect(check).toMatchObject({
        status: "fail",
        detail: "plain lacks SELECT on t; INSERT and UPDATE on t; USAGE of the sequences on t",
      });
    }).pipe(live));

  it.scoped("a primary without replicas has no lag", () =>
    Effect.gen(function*() {
      const sql = yield* open(server().url());
      expect(yield* sql.lag!).toBeUndefined();
    }).pipe(live));
});

describe("a PostgreSQL server that fails in the middle", () => {
  it.scoped("a connection that is reset as COMMIT goes out leaves the commit unknown; the next batch has a new one", () =>
    Effect.gen(function*() {
      const url = yield* server().database(ncpsSchema);
      const proxy = yield* Proxy.make(server().port);
      let isArmed = true;
      const faults = Faults.of({
        armed: undefined,
        hit: (point) => Effect.suspend(() => point === "before-commit" && isArmed ? proxy.reset : Effect.void),
      });
      const sink = yield* openSink(driver(urlTo(proxy.port, databaseOf(url), "?sslmode=disable")), quick).pipe(
        Effect.provideService(Faults, faults),
      );
      const error = yield* Effect.flip(sink.write([narinfoItem(1)]));
      expect(error).toMatchObject({ reason: "CommitUnknown" });
      isArmed = false;
      expect(tags(yield* sink.write([narinfoItem(1)]))).toEqual(["Wrote"]);
    }).pipe(live));

  it.scoped(
    "a server that is silent after COMMIT: the client cuts the connection at its deadline, the commit is unknown, and there",
    () =>
      Effect.gen(function*() {
        const url = yield* server().database(ncpsSchema);
        const proxy = yield* Proxy.make(server().port);
        const sink = yield* openSink(driver(urlTo(proxy.port, databaseOf(url), "?sslmode=disable")), quick).pipe(
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
        expect(Duration.toMillis(elapsed)).toBeLessThan(5000);
        yield* proxy.delay(0);
        expect(tags(yield* sink.verify([narinfoItem(1)]))).toEqual(["Exact"]);
      }).pipe(live),
    20_000,
  );

  it.scoped(
    "a server that says nothing at all is given up before long, and its scope closes all the same",
    () =>
      Effect.gen(function*() {
        const url = yield* server().database(ncpsSchema);
        const proxy = yield* Proxy.make(server().port);
        const [elapsed, error] = yield* Effect.timed(Effect.scoped(Effect.gen(function*() {
          const sink = yield* openSink(driver(urlTo(proxy.port, databaseOf(url), "?sslmode=disable")), quick);
          yield* proxy.blackhole;
          return yield* Effect.flip(sink.write([narinfoItem(1)]));
        })));
        expect(error).toMatchObject({ reason: "ConnectionLost" });
        expect(Duration.toMillis(elapsed)).toBeLessThan(10_000);
      }).pipe(live),
    20_000,
  );

  it.scoped("a statement beyond its timeout is Busy, whatever holds it up", () =>
    Effect.gen(function*() {
      const url = yield* server().database(ncpsSchema);
      const client = yield* rival(url);
      const sink = yield* openSink(driver(url, { lockTimeout: Duration.seconds(60) }), quick);
      yield* client.run("BEGIN");
      yield* client.run("LOCK TABLE narinfo_signatures");
      expect(yield* Effect.flip(sink.write([narinfoItem(1)]))).toMatchObject({ reason: "Busy", code: "57014" });
      yield* client.run("ROLLBACK");
      expect(tags(yield* sink.write([narinfoItem(1)]))).toEqual(["Wrote"]);
    }).pipe(live));

  it.scoped("a write that is interrupted leaves no transaction open", () =>
    Effect.gen(function*() {
      const url = yield* server().database(ncpsSchema);
      const client = yield* rival(url);
      const sink = yield* openSink(driver(url, { lockTimeout: Duration.seconds(60) }), {
        settings: { ...settings, statementTimeout: Duration.seconds(60) },
      });
      yield* client.run("BEGIN");
      yield* client.run("LOCK TABLE narinfo_signatures");
      const writing = yield* Effect.fork(sink.write([narinfoItem(1)]));
      yield* Effect.sleep("300 millis");
      yield* Fiber.interrupt(writing);
      yield* client.run("ROLLBACK");
      expect(tags(yield* sink.write([narinfoItem(1)]))).toEqual(["Wrote"]);
    }).pipe(live));
});
