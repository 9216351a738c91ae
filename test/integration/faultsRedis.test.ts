/** Redis that restarts, forgets, hangs or is gone: locks serve efficiency, so that nothing is lost, doubled or deleted unproven. */
import { expect, it } from "@effect/vitest";
import { Effect } from "effect";
import * as Proxy from "../support/servers/Proxy.ts";
import * as Redis from "../support/servers/Redis.ts";
import { closes, complete, finishes, small, start } from "./Running.ts";
import * as World from "./World.ts";

const total = 200;

const timeout = 60_000;

/** As short as a plan may have it: twice what a batch may hold its locks. */
const shortLease = ["sink.statementTimeout=400ms", "sink.lock.holdTarget=100ms", "sink.lock.ttl=1s"];

const patient = ["lock.retry.maxAttempts=20", "lock.retry.initialDelay=50ms", "lock.retry.maxDelay=200ms"];

/** Far enough away for a fault to strike while locks are held. */
const latencyMillis = 8;

const world = (ports: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    return yield* World.make({
      total,
      store: yield* World.localStore,
      database: yield* World.sqlite,
      variables: { CACHE_REDIS_ADDRS: ports.map((port) => `127.0.0.1:${port}`).join(",") },
    });
  });

const distant = Effect.gen(function*() {
  const redis = yield* Redis.make();
  const proxy = yield* Proxy.make(redis.port);
  yield* proxy.delay(latencyMillis);
  return { redis, proxy, world: yield* world([proxy.port]) };
});

/** What was committed under a lock that was lost is left undeleted, said so, and deleted by the next run. */
const survives = Effect.fn(function*(
  fault: (servers: Effect.Effect.Success<typeof distant>) => Effect.Effect<void>,
  settings: ReadonlyArray<string>,
) {
  const servers = yield* distant;
  const { world } = servers;
  const running = yield* start(world, [...small, ...settings]);
  yield* running.midway();
  yield* fault(servers);
  const end = yield* running.end;
  const { ledger } = yield* closes(world, end);
  expect(ledger["listed"]).toBe(total);
  expect(ledger["committed"]! + ledger["already"]!).toBe(total);
  expect(end.code, end.output).toBe(ledger["undeleted"] === 0 ? 0 : 1);
  expect(yield* world.remaining).toBe(ledger["undeleted"]);
  yield* finishes(world, total);
  return ledger;
});

it.scopedLive(
  "Redis restarted in mid-batch, its keys forgotten: waited for, every item ends, none unproven",
  () =>
    survives(
      ({ redis }) => Effect.zipRight(redis.kill, Effect.zipRight(Effect.sleep("300 millis"), redis.start)),
      patient,
    ),
  timeout,
);

it.scopedLive(
  "Redis flushed in mid-batch: what has lost its lock is not deleted by this run",
  () => survives(({ redis }) => redis.flush, patient),
  timeout,
);

it.scopedLive(
  "Redis paused past the time to live: leases that ended are noticed, every item ends",
  () =>
    Effect.gen(function*() {
      yield* survives(
        ({ redis }) => Effect.zipRight(redis.pause, Effect.zipRight(Effect.sleep("1500 millis"), redis.resume)),
        [...patient, ...shortLease],
      );
    }),
  timeout,
);

it.scopedLive("connections to Redis that go silent in mid-batch are given up in time", () =>
  survives(
    ({ proxy }) => Effect.zipRight(proxy.blackhole, Effect.zipRight(Effect.sleep("1500 millis"), proxy.heal)),
    [...patient, ...shortLease],
  ), timeout);

it.scopedLive(
  "Redis gone for good: the run ends with exit 3 and says which server, the ledger closes",
  () =>
    Effect.gen(function*() {
      const { redis, world } = yield* distant;
      const running = yield* start(world, [...small, ...shortLease, "sink.retry.deadline=2s"]);
      yield* running.midway();
      yield* redis.kill;
      const end = yield* running.end;
      expect(end.code, end.output).toBe(3);
      expect(end.output).toContain("redis 127.0.0.1");
      yield* closes(world, end);
      yield* redis.start;
      yield* finishes(world, total);
    }),
  timeout,
);

it.scopedLive("one of three gone in mid-batch: a majority goes on, and nobody notices", () =>
  Effect.gen(function*() {
    const nodes = yield* Effect.all([Redis.make(), Redis.make(), Redis.make()]);
    const proxies = yield* Effect.forEach(nodes, ({ port }) => Proxy.make(port));
    yield* Effect.forEach(proxies, (proxy) => proxy.delay(latencyMillis));
    const cache = yield* world(proxies.map(({ port }) => port));
    const running = yield* start(cache, small);
    yield* running.midway();
    yield* nodes[1]!.kill;
    yield* complete(cache, total, yield* running.end);
    for (const node of [nodes[0]!, nodes[2]!]) expect(yield* node.command("DBSIZE")).toBe(0);
  }), timeout);

it.scopedLive(
  "two of three gone in mid-batch: no majority, exit 3, the ledger closes; all is done once they are back",
  () =>
    Effect.gen(function*() {
      const nodes = yield* Effect.all([Redis.make(), Redis.make(), Redis.make()]);
      const proxies = yield* Effect.forEach(nodes, ({ port }) => Proxy.make(port));
      yield* Effect.forEach(proxies, (proxy) => proxy.delay(latencyMillis));
      const cache = yield* world(proxies.map(({ port }) => port));
      const running = yield* start(cache, [...small, ...shortLease, "sink.retry.deadline=2s"]);
      yield* running.midway();
      yield* nodes[1]!.kill;
      yield* nodes[2]!.kill;
      const end = yield* running.end;
      expect(end.code, end.output).toBe(3);
      expect(end.output).toContain("1 of 3 nodes");
      yield* closes(cache, end);
      yield* nodes[1]!.start;
      yield* finishes(cache, total);
    }),
  timeout,
);

it.scopedLive(
  "a name that does not resolve is said with the name, exit 3, nothing begun",
  () =>
    Effect.gen(function*() {
      const cache = yield* world([1]);
      const lost = { ...cache, variables: { ...cache.variables, CACHE_REDIS_ADDRS: "redis.invalid:6379" } };
      const end = yield* (yield* start(lost)).end;
      expect(end.code, end.output).toBe(3);
      expect(end.output).toContain("redis.invalid");
      expect(yield* cache.remaining).toBe(total);
      expect(yield* cache.migrated).toBe(0);
    }),
  timeout,
);
