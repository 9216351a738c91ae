import { describe, expect, it } from "@effect/vitest";
import { Duration, Effect, Exit, Redacted, Schedule, Scope } from "effect";
import { inspect } from "node:util";
import { afterAll, beforeAll } from "vitest";
import type { SqlServerConfig } from "../../../src/core/Config.ts";
import * as PgAdvisory from "../../../src/drivers/lock/PgAdvisory.ts";
import { lockContract } from "../../contract/lock.ts";
import * as Postgres from "../../support/servers/Postgres.ts";
import * as Proxy from "../../support/servers/Proxy.ts";

const ttl = Duration.seconds(10);

const options = (url: string, settings: Partial<SqlServerConfig> = {}): PgAdvisory.Options => ({
  connection: "target",
  config: {
    type: "sql",
    dialect: "postgres",
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
let server: Postgres.Postgres;
beforeAll(async () => {
  server = await Effect.runPromise(
    Scope.extend(Postgres.make({ tls: true, settings: { max_locks_per_transaction: "64" } }), scope),
  );
}, 60_000);
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)));

/** Ends every session that holds an advisory lock. */
const endHolders = (database: string) =>
  Effect.asVoid(server.query(
    "SELECT pg_terminate_backend(pid) FROM (SELECT DISTINCT pid FROM pg_locks WHERE locktype = 'advisory') AS holders",
    database,
  ));

const nameIn = (url: string) => new URL(url).pathname.slice(1);

lockContract(
  "PostgreSQL",
  Effect.map(Effect.suspend(() => server.database()), (url) => ({
    open: PgAdvisory.make(options(url)),
    forget: endHolders(nameIn(url)),
  })),
  { exclusive: true, shared: true },
);

describe("advisory lock", () => {
  it.scopedLive("a key is given back as often as it was taken, however batches of one process overlap", () =>
    Effect.gen(function*() {
      const url = yield* server.database();
      const lock = yield* PgAdvisory.make(options(url));
      yield* Effect.forEach(
        Array.from({ length: 60 }, (_, i) => i),
        (i) =>
          Effect.flatMap(
            lock.acquire([`${i % 3}`, `${i % 5}`, "all"], ttl),
            ({ release }) => Effect.delay(release, "1 millis"),
          ),
        { concurrency: 8 },
      );
      const counted = "SELECT count(*)::int AS n FROM pg_locks WHERE locktype = 'advisory'";
      expect(yield* server.query(counted, nameIn(url))).toEqual([{ n: 0 }]);
    }));

  it.scopedLive(
    "a restarted or half-open server has lost the locks, and serves the next batch",
    () =>
      Effect.gen(function*() {
        const own = yield* Postgres.make();
        const proxy = yield* Proxy.make(own.port);
        const url = new URL(own.url());
        url.port = String(proxy.port);
        const lock = yield* PgAdvisory.make(options(url.href));
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

  it.scopedLive(
    "a lock table that is full is told with what to do, and keeps nothing taken",
    () =>
      Effect.gen(function*() {
        const own = yield* Postgres.make({ settings: { max_locks_per_transaction: "10", max_connections: "10" } });
        const lock = yield* PgAdvisory.make(options(own.url()));
        expect((yield* lock.checkup).find(({ name }) => name === "lock/postgres-capacity")?.status).toBe("warn");
        const error = yield* Effect.flip(lock.acquire(Array.from({ length: 20_000 }, (_, i) => `k${i}`), ttl));
        expect(error.reason).toBe("Unusable");
        expect(error.message).toContain("max_locks_per_transaction");
        // The session ends with all that it had taken; until then the server has no memory for another.
        const other = yield* Effect.retry(PgAdvisory.make(options(own.url())), {
          times: 50,
          schedule: Schedule.spaced("100 millis"),
        });
        expect((yield* other.acquire(["k0"], ttl)).taken).toEqual([true]);
      }),
    60_000,
  );

  it.scopedLive("a wrong password or authority is told without the URL, TLS is really used", () =>
    Effect.gen(function*() {
      const url = server.url();
      const wrong = yield* Effect.flip(PgAdvisory.make(options(url.replace(Postgres.password, "wrong-hush"))));
      expect([wrong._tag, wrong.reason]).toEqual(["LockError", "Unusable"]);
      expect(inspect(wrong, { depth: 20 })).not.toContain("hush");
      const verified = `${url}${url.includes("?") ? "&" : "?"}sslmode=verify-full`;
      const strange = yield* Effect.flip(PgAdvisory.make(options(verified)));
      expect([strange._tag, strange.reason]).toEqual(["LockError", "Unusable"]);
      const lock = yield* PgAdvisory.make(options(verified, { tls: { ca: server.tls!.caFile, cert: "", key: "" } }));
      expect((yield* lock.acquire(["a"], ttl)).taken).toEqual([true]);
    }));
});
