import { describe, expect, it } from "@effect/vitest";
import { Duration, Effect, Exit, Fiber, Logger, Redacted, Scope } from "effect";
import { randomBytes, randomUUID } from "node:crypto";
import { afterAll, beforeAll } from "vitest";
import type { LockConfig } from "../../../src/core/Config.ts";
import * as RedisLock from "../../../src/drivers/lock/Redis.ts";
import { lockContract } from "../../contract/lock.ts";
import * as Proxy from "../../support/servers/Proxy.ts";
import * as Redis from "../../support/servers/Redis.ts";

type Config = Extract<LockConfig, { readonly type: "redis" }>;

const ttl = Duration.seconds(10);

const config = (
  addrs: ReadonlyArray<string>,
  redis: Partial<Config["redis"]> = {},
): Config => ({
  type: "redis",
  redis: {
    addrs,
    username: "",
    db: 0,
    useTls: false,
    keyPrefix: "ncps:lock:",
    poolSize: 10,
    ...redis,
  },
  retry: {
    maxAttempts: 3,
    initialDelay: Duration.millis(20),
    maxDelay: Duration.millis(50),
    jitter: true,
  },
  allowDegradedMode: false,
});

const scope = Effect.runSync(Scope.make());
let nodes: ReadonlyArray<Redis.Redis>;
beforeAll(async () => {
  nodes = await Effect.runPromise(
    Effect.all([Redis.make(), Redis.make(), Redis.make()], { concurrency: "unbounded" }).pipe(Scope.extend(scope)),
  );
}, 60_000);
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)));

const addresses = () => nodes.map(({ address }) => address);
const freshPrefix = () => `test-${randomUUID()}:`;

const namespaceOf = (count: number) =>
  Effect.sync(() => {
    const settings = config(addresses().slice(0, count), { keyPrefix: freshPrefix() });
    return {
      open: RedisLock.make(settings),
      forget: Effect.forEach(nodes.slice(0, (count >> 1) + 1), ({ flush }) => flush, { discard: true }),
    };
  });

const flags = { exclusive: true, shared: true, leastTtl: Duration.millis(400) };
lockContract("Redis, one node", namespaceOf(1), flags);
lockContract("Redis, three nodes", namespaceOf(3), flags);

/** A peer that speaks to one node as ncps (redsync) does: one key at a time, its own token and script. */
const ncps = (node: Redis.Redis, key: string) => {
  const token = randomBytes(16).toString("base64");
  const script = `local val = redis.call("GET", KEYS[1])
if val == ARGV[1] then return redis.call("DEL", KEYS[1]) elseif val == false then return -1 else return 0 end`;
  return {
    lock: Effect.map(
      node.command("SET", `ncps:lock:${key}`, token, "NX", "PX", "10000"),
      (answer) => answer === "OK",
    ),
    unlock: node.command("EVAL", script, "1", `ncps:lock:${key}`, token),
  };
};

describe("Redis lock", () => {
  it.scopedLive("keeps ncps out of a narinfo that is being migrated, and lets it in afterwards", () =>
    Effect.gen(function*() {
      const lock = yield* RedisLock.make(config([nodes[0]!.address]));
      const peer = ncps(nodes[0]!, "migration:aaaa");
      const lease = yield* lock.acquire(["migration:aaaa", "migration:bbbb"], ttl);
      expect(yield* peer.lock).toBe(false);
      expect(yield* peer.unlock).toBe(0);
      expect(yield* lease.valid).toBe(true);
      const [value, millis] = [
        yield* nodes[0]!.command("GET", "ncps:lock:migration:aaaa"),
        Number(yield* nodes[0]!.command("PTTL", "ncps:lock:migration:aaaa")),
      ];
      expect(value).toMatch(/^[A-Za-z0-9+/]{22}==$/);
      expect(millis).toBeGreaterThan(8000);
      expect(millis).toBeLessThanOrEqual(10_000);
      yield* lease.release;
      expect(yield* peer.lock).toBe(true);
      expect((yield* lock.acquire(["migration:bbbb", "migration:aaaa"], ttl)).taken).toEqual([true, false]);
      expect(yield* peer.unlock).toBe(1);
      expect((yield* lock.acquire(["migration:aaaa"], ttl)).taken).toEqual([true]);
      yield* nodes[0]!.flush;
    }));

  it.scopedLive("contending with peers that speak as ncps does, never two hold a key at once", () =>
    Effect.gen(function*() {
      const lock = yield* RedisLock.make(config([nodes[0]!.address]));
      const holders = new Map<string, number>();
      let most = 0;
      const hold = (key: string) =>
        Effect.acquireUseRelease(
          Effect.sync(() => {
            holders.set(key, (holders.get(key) ?? 0) + 1);
            most = Math.max(most, holders.get(key)!);
          }),
          () => Effect.sleep("2 millis"),
          () => Effect.sync(() => holders.set(key, holders.get(key)! - 1)),
        );
      const keys = ["x", "y", "z"];
      let ours = 0;
      let theirs = 0;
      const runner = Effect.gen(function*() {
        const lease = yield* lock.acquire(keys, ttl);
        const own = keys.filter((_, index) => lease.taken[index]);
        ours += own.length;
        yield* Effect.forEach(own, hold, { concurrency: "unbounded" });
        yield* lease.release;
        yield* Effect.sleep("1 millis");
      }).pipe(Effect.repeatN(60));
      const rival = (key: string) =>
        Effect.gen(function*() {
          const peer = ncps(nodes[0]!, key);
          if (yield* peer.lock) {
            theirs++;
            yield* hold(key);
            yield* peer.unlock;
          }
        }).pipe(Effect.repeatN(60));
      yield* Effect.all([runner, ...keys.map(rival)], { concurrency: "unbounded" });
      expect(most).toBe(1);
      expect(ours).toBeGreaterThan(0);
      expect(theirs).toBeGreaterThan(0);
    }));

  it.scopedLive(
    "with one node of three gone it goes on, with two gone it fails and says so",
    () =>
      Effect.gen(function*() {
        const own = yield* Effect.all([Redis.make(), Redis.make(), Redis.make()], { concurrency: "unbounded" });
        const lock = yield* RedisLock.make(config(own.map(({ address }) => address)));
        const before = yield* lock.acquire(["a"], ttl);
        yield* own[0]!.kill;
        expect(yield* before.valid).toBe(true);
        yield* before.release;
        const lease = yield* lock.acquire(["a", "b"], ttl);
        expect(lease.taken).toEqual([true, true]);
        expect((yield* lock.checkup).filter(({ status }) => status === "warn").map(({ name }) => name)).toEqual([
          "lock/redis-reachable",
        ]);
        yield* own[1]!.kill;
        expect(yield* lease.valid).toBe(false);
        const error = yield* Effect.flip(lock.acquire(["c"], ttl));
        expect(error.reason).toBe("Unavailable");
        expect(error.message).toContain("1 of 3 nodes can be used, 2 are needed");
        expect((yield* lock.checkup).filter(({ status }) => status === "fail").length).toBe(3);
        const late = yield* Effect.flip(RedisLock.make(config(own.map(({ address }) => address))));
        expect(late.reason).toBe("Unavailable");
        // What the third node granted is given back: it would keep others out until it expires.
        expect(yield* own[2]!.command("EXISTS", "ncps:lock:c")).toBe(0);
        yield* own[0]!.start;
        expect((yield* lock.acquire(["c"], ttl)).taken).toEqual([true]);
      }),
    30_000,
  );

  it.scopedLive("a node that is black-holed costs one batch a wait, not every batch", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(nodes[2]!.port);
      const lock = yield* RedisLock.make(
        config([nodes[0]!.address, nodes[1]!.address, `127.0.0.1:${proxy.port}`], { keyPrefix: freshPrefix() }),
      );
      yield* (yield* lock.acquire(["a"], ttl)).release;
      yield* proxy.blackhole;
      yield* (yield* lock.acquire(["b"], ttl)).release;
      const [took] = yield* Effect.timed(
        Effect.forEach(["c", "d", "e"], (key) => Effect.flatMap(lock.acquire([key], ttl), ({ release }) => release)),
      );
      expect(Duration.toMillis(took)).toBeLessThan(300);
    }));

  it.scopedLive("a node that stands still past the time to live leaves nothing valid", () =>
    Effect.gen(function*() {
      const node = yield* Redis.make();
      const lock = yield* RedisLock.make(config([node.address]));
      const short = Duration.seconds(1);
      const lease = yield* lock.acquire(["a"], short);
      yield* node.pause;
      expect(yield* lease.valid).toBe(false);
      const error = yield* Effect.flip(lock.acquire(["b"], short));
      expect(error.reason).toBe("Unavailable");
      yield* Effect.sleep(short);
      yield* node.resume;
      expect(yield* lease.valid).toBe(false);
      yield* lease.release;
      const next = yield* Effect.retry(lock.acquire(["a", "b"], ttl), { times: 5 });
      expect(next.taken[0]).toBe(true);
      expect(yield* next.valid).toBe(true);
    }));

  it.scopedLive("a restarted node has forgotten its locks: nothing is valid, and the next batch connects again", () =>
    Effect.gen(function*() {
      const node = yield* Redis.make();
      const lock = yield* RedisLock.make(config([node.address]));
      const lease = yield* lock.acquire(["a"], ttl);
      yield* node.restart("kill");
      expect(yield* lease.valid).toBe(false);
      yield* lease.release;
      expect((yield* lock.acquire(["a"], ttl)).taken).toEqual([true]);
    }));

  it.scopedLive("one of three nodes that forgot its locks does not make them invalid, nor grants them to others", () =>
    Effect.gen(function*() {
      const prefix = freshPrefix();
      const [one, other] = yield* Effect.all([
        RedisLock.make(config(addresses(), { keyPrefix: prefix })),
        RedisLock.make(config(addresses(), { keyPrefix: prefix })),
      ]);
      const lease = yield* one.acquire(["a"], ttl);
      yield* nodes[1]!.flush;
      expect((yield* other.acquire(["a"], ttl)).taken).toEqual([false]);
      // The minority vote is given back at once.
      expect(yield* nodes[1]!.command("EXISTS", `${prefix}a`)).toBe(0);
      expect(yield* lease.valid).toBe(true);
    }));

  it.scopedLive(
    "TLS is really used: a private authority is accepted where named, and refused where not",
    () =>
      Effect.gen(function*() {
        const node = yield* Redis.make({ tls: true, password: "redis-hush", settings: { "tls-auth-clients": "yes" } });
        const { caFile, clientCertFile, clientKeyFile } = node.tls!;
        const secured = { useTls: true, password: Redacted.make("redis-hush") };
        const tls = { ca: caFile, cert: clientCertFile, key: clientKeyFile };
        const lock = yield* RedisLock.make(config([`localhost:${node.port}`], { ...secured, tls }));
        expect((yield* lock.acquire(["a"], ttl)).taken).toEqual([true]);
        expect((yield* lock.checkup).filter(({ status }) => status !== "pass")).toEqual([]);
        const strange = yield* Effect.flip(RedisLock.make(config([node.address], secured)));
        expect(strange.reason).toBe("Unusable");
        expect(strange.message).toContain("certificate");
        const plain = yield* Effect.flip(RedisLock.make(config([node.address], { ...secured, useTls: false })));
        expect(plain._tag).toBe("LockError");
        const overPlain = yield* Effect.flip(RedisLock.make(config([nodes[0]!.address], { useTls: true })));
        expect(overPlain._tag).toBe("LockError");
        const missing = { ca: "/nowhere/ca.pem", cert: "", key: "" };
        expect((yield* Effect.flip(RedisLock.make(config([node.address], { ...secured, tls: missing })))).reason).toBe(
          "Config",
        );
      }),
    30_000,
  );

  it.scopedLive("user, password and database are really used, and a wrong one is told without its text", () =>
    Effect.gen(function*() {
      const node = yield* Redis.make({ password: "redis-hush" });
      yield* node.command(
        "ACL",
        "SETUSER",
        "runner",
        "on",
        ">runner-hush",
        "~ncps:lock:*",
        "+@read",
        "+@write",
        "+@scripting",
        "+@connection",
      );
      yield* node.command(
        "ACL",
        "SETUSER",
        "reader",
        "on",
        ">runner-hush",
        "~ncps:lock:*",
        "+@read",
        "+@scripting",
        "+@connection",
      );
      const runner = { username: "runner", password: Redacted.make("runner-hush") };
      const lock = yield* RedisLock.make(config([node.address], { ...runner, db: 3 }));
      expect((yield* lock.acquire(["a"], ttl)).taken).toEqual([true]);
      expect(yield* node.command("EXISTS", "ncps:lock:a")).toBe(0);
      expect(String(yield* node.command("INFO", "keyspace"))).toContain("db3:keys=1");

      const refusals = yield* Effect.forEach([
        {},
        { password: Redacted.make("wrong-hush") },
        { ...runner, password: Redacted.make("wrong-hush") },
        { ...runner, db: 99 },
      ], (settings) => Effect.flip(RedisLock.make(config([node.address], settings))));
      expect(refusals.map(({ reason }) => reason)).toEqual(["Unusable", "Unusable", "Unusable", "Unusable"]);
      const { inspect } = yield* Effect.promise(() => import("node:util"));
      expect(inspect(refusals, { depth: 20 })).not.toContain("hush");

      const reader = yield* RedisLock.make(config([node.address], { ...runner, username: "reader" }));
      const denied = yield* Effect.flip(reader.acquire(["b"], ttl));
      expect(denied.reason).toBe("Unusable");
      expect(denied.message).toContain("Allow this user EVAL");
      const admin = yield* RedisLock.make(config([node.address], { password: Redacted.make("redis-hush") }));
      expect((yield* admin.checkup).map(({ status }) => status)).toEqual(["pass", "pass"]);
    }));

  it.scopedLive(
    "degraded mode, where allowed, locks within the process, says so, and ends by itself",
    () =>
      Effect.gen(function*() {
        const node = yield* Redis.make();
        const said: Array<string> = [];
        const ear = Logger.replace(
          Logger.defaultLogger,
          Logger.make(({ message }) => said.push(String(message))),
        );
        yield* Effect.gen(function*() {
          const lock = yield* RedisLock.make({ ...config([node.address]), allowDegradedMode: true });
          expect([lock.kind, lock.shared]).toEqual(["redis", true]);
          yield* node.kill;
          const lease = yield* lock.acquire(["a"], ttl);
          expect([lock.kind, lock.shared]).toEqual(["redis (degraded)", false]);
          expect((yield* lock.acquire(["a", "b"], ttl)).taken).toEqual([false, true]);
          expect(yield* lease.valid).toBe(true);
          expect((yield* lock.checkup).map(({ name }) => name)).toContain("lock/degraded");
          expect(said.filter((line) => line.includes("DEGRADED MODE")).length).toBe(1);
          yield* lease.release;
          yield* node.start;
          yield* Effect.flatMap(lock.acquire(["c"], ttl), ({ release }) => release).pipe(
            Effect.delay("100 millis"),
            Effect.repeat({ until: () => lock.shared }),
            Effect.timeout("5 seconds"),
          );
          expect(lock.kind).toBe("redis (degraded for a while)");
        }).pipe(Effect.provide(ear));
        yield* node.kill;
        const started = yield* RedisLock.make({ ...config([node.address]), allowDegradedMode: true });
        expect(started.kind).toBe("redis (degraded)");
      }),
    30_000,
  );

  it.scopedLive("a connection that is lost between lock and delete is no lock that is lost", () =>
    Effect.gen(function*() {
      const proxy = yield* Proxy.make(nodes[0]!.port);
      const keyPrefix = freshPrefix();
      const lock = yield* RedisLock.make(config([`127.0.0.1:${proxy.port}`], { keyPrefix }));
      const lease = yield* lock.acquire(["a"], ttl);
      yield* proxy.reset;
      expect(yield* lease.valid).toBe(true);
      yield* proxy.reset;
      yield* lease.release;
      expect(yield* nodes[0]!.command("EXISTS", `${keyPrefix}a`)).toBe(0);
    }));

  it.scopedLive("a Redis that may drop locks when its memory is full is warned of", () =>
    Effect.gen(function*() {
      const node = yield* Redis.make({ settings: { maxmemory: "100mb", "maxmemory-policy": "allkeys-lru" } });
      const lock = yield* RedisLock.make(config([node.address]));
      expect((yield* lock.checkup).filter(({ status }) => status !== "pass").map(({ name }) => name)).toEqual([
        "lock/redis-eviction",
      ]);
    }));

  it.scopedLive("a node in cluster mode is refused with what to do", () =>
    Effect.gen(function*() {
      const node = yield* Redis.make({ settings: { "cluster-enabled": "yes" } });
      const lock = yield* RedisLock.make(config([node.address]));
      const error = yield* Effect.flip(lock.acquire(["a", "b"], ttl));
      expect(error.reason).toBe("Unusable");
      expect(error.message).toContain("cluster mode");
      expect((yield* lock.checkup).find(({ name }) => name === "lock/redis-mode")?.status).toBe("fail");
    }));

  it.scopedLive("a replica grants nothing, and says where to go", () =>
    Effect.gen(function*() {
      const node = yield* Redis.make();
      const lock = yield* RedisLock.make(config([node.address]));
      yield* node.command("REPLICAOF", "127.0.0.1", String(nodes[0]!.port));
      const error = yield* Effect.flip(lock.acquire(["a"], ttl));
      expect(error.reason).toBe("Unavailable");
      expect(error.message).toContain("Name the primary");
      expect((yield* lock.checkup).find(({ name }) => name === "lock/redis-role")?.status).toBe("fail");
    }));

  it.scopedLive("an answer that came while this process stood still is not taken for a late one", () =>
    Effect.gen(function*() {
      const settings = config([nodes[0]!.address], { keyPrefix: freshPrefix() });
      const lock = yield* RedisLock.make({ ...settings, retry: { ...settings.retry, maxAttempts: 1 } });
      const short = Duration.seconds(4);
      const acquiring = yield* Effect.fork(lock.acquire(["a"], short));
      // Long enough to send, by microtasks only: no answer is read meanwhile.
      yield* Effect.repeatN(Effect.yieldNow(), 50);
      yield* Effect.sync(() => {
        const until = performance.now() + 300;
        while (performance.now() < until);
      });
      expect((yield* Fiber.join(acquiring)).taken).toEqual([true]);
    }));

  it.scopedLive("addresses are hosts and ports; anything else is refused without repeating it", () =>
    Effect.gen(function*() {
      for (const wrong of ["redis://:hush@127.0.0.1:6379", "127.0.0.1:99999", "", "a b:1", "host:"]) {
        const error = yield* Effect.flip(RedisLock.make(config([wrong])));
        expect(error.reason).toBe("Config");
        expect(error.message).not.toContain("hush");
      }
      const lock = yield* RedisLock.make(config([`localhost:${nodes[0]!.port}`], { keyPrefix: freshPrefix() }));
      expect((yield* lock.acquire(["a"], ttl)).taken).toEqual([true]);
    }));

  it.scopedLive("no more connections than the pool has, however many batches there are", () =>
    Effect.gen(function*() {
      const node = yield* Redis.make();
      const lock = yield* RedisLock.make(config([node.address], { poolSize: 3 }));
      const batches = yield* Effect.fork(
        Effect.forEach(
          Array.from({ length: 200 }, (_, i) => i),
          (i) => Effect.flatMap(lock.acquire([`k${i}`], ttl), ({ release }) => release),
          { concurrency: 20 },
        ),
      );
      yield* Fiber.join(batches);
      const clients = String(yield* node.command("CLIENT", "LIST")).trim().split("\n").length - 1;
      expect(clients).toBeGreaterThan(1);
      expect(clients).toBeLessThanOrEqual(3);
    }));
});
