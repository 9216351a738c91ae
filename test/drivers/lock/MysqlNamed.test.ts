import { describe, expect, it } from "@effect/vitest";
import { Duration, Effect, Exit, Redacted, Scope } from "effect";
import { inspect } from "node:util";
import { afterAll, beforeAll } from "vitest";
import type { SqlServerConfig } from "../../../src/core/Config.ts";
import * as MysqlNamed from "../../../src/drivers/lock/MysqlNamed.ts";
import { lockContract } from "../../contract/lock.ts";
import * as MariaDb from "../../support/servers/MariaDb.ts";
import * as Proxy from "../../support/servers/Proxy.ts";

const ttl = Duration.seconds(10);

const options = (url: string, settings: Partial<SqlServerConfig> = {}): MysqlNamed.Options => ({
  connection: "target",
  config: {
    type: "sql",
    dialect: "mysql",
    url: Redacted.make(url),
    poolSize: 8,
    lockTimeout: Duration.seconds(2),
    preparedStatements: true,
    tls: undefined,
    ...settings,
  },
  retry: { maxAttempts: 3, initialDelay: Duration.millis(20), maxDelay: Duration.millis(50), jitter: true },
});

const scope = Effect.runSync(Scope.make());
let server: MariaDb.MariaDb;
beforeAll(async () => {
  server = await Effect.runPromise(Scope.extend(MariaDb.make({ tls: true }), scope));
}, 60_000);
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)));

/** Ends every session of a runner. */
const endHolders = Effect.gen(function*() {
  const sessions = yield* server.query(
    `SELECT id AS id FROM information_schema.processlist WHERE user = '${MariaDb.user}'`,
  );
  yield* Effect.forEach(sessions, ({ id }) => Effect.exit(server.query(`KILL ${String(id)}`)));
});

lockContract(
  "MariaDB",
  // Names are the whole server's: each test's runners end with it.
  Effect.map(Effect.suspend(() => server.database()), (url) => ({
    open: MysqlNamed.make(options(url)),
    forget: endHolders,
  })),
  { exclusive: true, shared: true },
);

describe("named lock", () => {
  it.scopedLive("a key is given back as often as it was taken, however batches of one process overlap", () =>
    Effect.gen(function*() {
      const url = yield* server.database();
      const lock = yield* MysqlNamed.make(options(url));
      yield* Effect.forEach(
        Array.from({ length: 60 }, (_, i) => i),
        (i) =>
          Effect.flatMap(
            lock.acquire([`${i % 3}`, `${i % 5}`, "all"], ttl),
            ({ release }) => Effect.delay(release, "1 millis"),
          ),
        { concurrency: 8 },
      );
      const other = yield* MysqlNamed.make(options(url));
      const { taken } = yield* other.acquire(["0", "1", "2", "3", "4", "all"], ttl);
      expect(taken.every((is) => is)).toBe(true);
    }));

  it.scopedLive(
    "a restarted or half-open server has lost the locks, and serves the next batch",
    () =>
      Effect.gen(function*() {
        const own = yield* MariaDb.make();
        const proxy = yield* Proxy.make(own.port);
        const url = new URL(yield* own.database());
        url.port = String(proxy.port);
        const lock = yield* MysqlNamed.make(options(url.href));
        const lease = yield* lock.acquire(["a"], ttl);
        yield* own.restart("kill");
        expect(yield* lease.valid).toBe(false);
        yield* lease.release;
        const next = yield* lock.acquire(["a"], ttl);
        expect(next.taken).toEqual([true]);
        yield* proxy.blackhole;
        expect(yield* next.valid).toBe(false);
        yield* proxy.heal;
        yield* next.release;
        expect((yield* lock.acquire(["b"], ttl)).taken).toEqual([true]);
      }),
    60_000,
  );

  it.scopedLive("more keys than a statement has columns are taken and given back", () =>
    Effect.gen(function*() {
      const url = yield* server.database();
      const [one, other] = yield* Effect.all([MysqlNamed.make(options(url)), MysqlNamed.make(options(url))]);
      const keys = Array.from({ length: 4500 }, (_, i) => `k${i}`);
      const lease = yield* one.acquire(keys, ttl);
      expect(lease.taken.every((is) => is)).toBe(true);
      expect((yield* other.acquire(["k0", "k4499", "k4500"], ttl)).taken).toEqual([false, false, true]);
      expect(yield* lease.valid).toBe(true);
      yield* lease.release;
      expect((yield* other.acquire(["k0", "k4499"], ttl)).taken).toEqual([true, true]);
    }));

  it.scopedLive("a wrong password or authority is told without the URL, TLS is really used", () =>
    Effect.gen(function*() {
      const url = yield* server.database();
      const wrong = yield* Effect.flip(MysqlNamed.make(options(url.replace(MariaDb.password, "wrong-hush"))));
      expect([wrong._tag, wrong.reason]).toEqual(["LockError", "Unusable"]);
      expect(inspect(wrong, { depth: 20 })).not.toContain("hush");
      const verified = `${url}${url.includes("?") ? "&" : "?"}tls=true`;
      const strange = yield* Effect.flip(MysqlNamed.make(options(verified)));
      expect([strange._tag, strange.reason]).toEqual(["LockError", "Unusable"]);
      const lock = yield* MysqlNamed.make(options(verified, { tls: { ca: server.tls!.caFile, cert: "", key: "" } }));
      expect((yield* lock.acquire(["a"], ttl)).taken).toEqual([true]);
    }));
});
