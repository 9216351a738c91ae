/** Two runners and processes that speak ncps' lock protocol, over one cache on PostgreSQL, S3 and Redis. */
import { expect, it } from "@effect/vitest";
import { Effect } from "effect";
import { join } from "node:path";
import { allOf } from "../crash/Damage.ts";
import * as Postgres from "../support/servers/Postgres.ts";
import * as Redis from "../support/servers/Redis.ts";
import * as S3 from "../support/servers/S3.ts";
import * as Peer from "./Peer.ts";
import { closes, finishes, start } from "./Running.ts";
import * as World from "./World.ts";

const total = 400;

const race = (settings: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const [postgres, redis, s3] = yield* Effect.all([Postgres.make(), Redis.make(), S3.make()]);
    const store = yield* World.s3Store(s3);
    const database = yield* World.postgres(postgres);
    const variables = { CACHE_REDIS_ADDRS: `127.0.0.1:${redis.port}` };
    const world = yield* World.make({ total, store, database, variables });
    const bucket = store.variables["CACHE_STORAGE_S3_BUCKET"]!;
    const peers = yield* Effect.forEach([0, 1], (seed) =>
      Peer.start({
        databaseUrl: database.variables["CACHE_DATABASE_URL"]!,
        redisPort: redis.port,
        all: allOf(total),
        path: (key) => join(s3.dataFolder, bucket, key),
        seed: seed * 211,
      }));
    const slow = ["sink.batch.items.start=8", "sink.batch.items.max=8", ...settings];
    const runs = [
      yield* start(world, slow, ["--state", join(world.folder, "one.db")]),
      yield* start(world, slow, ["--state", join(world.folder, "two.db")]),
    ];
    const accounts = yield* Effect.forEach(runs, ({ end }) => Effect.flatMap(end, (ended) => closes(world, ended)));
    const deeds = yield* Effect.forEach(peers, ({ end }) => end);
    const sum = (values: ReadonlyArray<number>) => values.reduce((a, b) => a + b, 0);
    const committed = sum(accounts.map(({ ledger }) => ledger["committed"]!));
    const migrated = sum(deeds.map((peer) => peer.migrated));
    expect(accounts.map(({ ledger }) => [ledger["conflict"], ledger["rejected"]])).toEqual([[0, 0], [0, 0]]);
    // A peer may have taken what was contended, or what comes back after the runs have ended: the last run finds nothing left.
    const last = yield* finishes(world, total);
    return {
      committed: committed + last.ledger["committed"]!,
      migrated,
      stolen: sum(deeds.map((peer) => peer.stolen)),
    };
  });

it.scopedLive(
  "beside peers: each narinfo is migrated exactly once, no lock is stolen, every ledger adds up",
  () =>
    Effect.gen(function*() {
      const { committed, migrated, stolen } = yield* race([]);
      expect(stolen).toBe(0);
      expect(migrated).toBeGreaterThan(0);
      expect(committed + migrated).toBe(total);
    }),
  60_000,
);

it.scopedLive(
  "Invariant 7: the same without locks: the rows are right, whoever writes them",
  () =>
    Effect.gen(function*() {
      const { committed, migrated } = yield* race(["lock.type=none"]);
      // Without locks the peer's own row may be found full, or its insert lost: each row is written by one of them.
      expect(committed + migrated).toBe(total);
    }),
  60_000,
);
