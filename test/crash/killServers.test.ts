/** Invariant 3 on what operators run: the process is killed with SIGKILL at every boundary of a batch, then anywhere, while the servers live on. */
import { expect, it } from "@effect/vitest";
import { Effect } from "effect";
import type { Scope } from "effect";
import { complete, start } from "../integration/Running.ts";
import * as World from "../integration/World.ts";
import * as MariaDb from "../support/servers/MariaDb.ts";
import * as Postgres from "../support/servers/Postgres.ts";
import * as Redis from "../support/servers/Redis.ts";
import * as S3 from "../support/servers/S3.ts";
import * as Random from "./Random.ts";
import { boundaries, run, small } from "./Runner.ts";

const total = 2400;
const anywhere = 6;

const onPostgres = Effect.gen(function*() {
  const redis = yield* Redis.make();
  const store = yield* World.s3Store(yield* S3.make());
  const database = yield* World.postgres(yield* Postgres.make());
  return yield* World.make({ total, store, database, variables: { CACHE_REDIS_ADDRS: redis.address } });
});

const onMariaDb = Effect.gen(function*() {
  const database = yield* World.mariaDb(yield* MariaDb.make());
  return yield* World.make({ total, store: yield* World.localStore, database });
});

/** Locks of the dead end soon, and those who wait for them wait long enough. */
const afterDeaths = [
  "sink.statementTimeout=700ms",
  "sink.lock.holdTarget=100ms",
  "sink.lock.ttl=1700ms",
  "sink.retry.attempts=60",
];

for (
  const [title, servers] of [
    ["PostgreSQL, S3 and Redis", onPostgres],
    ["MariaDB and a folder", onMariaDb],
  ] as ReadonlyArray<readonly [string, Effect.Effect<World.World, never, Scope.Scope>]>
) {
  it.scopedLive(
    `${title}: killed at every boundary and anywhere, nothing is lost or doubled`,
    () =>
      Effect.gen(function*() {
        const world = yield* servers;
        const random = Random.from(Random.seed);
        const deaths = [
          ...boundaries.map((boundary) => ({ fault: `${boundary}:${1 + random(4)}` })),
          ...Array.from({ length: anywhere }, () => ({ afterMillis: 500 + random(700) })),
        ];
        let killed = 0;
        for (const death of deaths) {
          // A fast machine does much between two deaths: what is left is for the last run.
          if ("afterMillis" in death && (yield* world.remaining) < total / 4) break;
          const { output, signal } = yield* Effect.promise(() => run(world, [...small, ...afterDeaths], death));
          if ("fault" in death) expect(signal, `${death.fault}: ${output}`).toBe("SIGKILL");
          if (signal === "SIGKILL") killed++;
          expect(yield* world.damage, `seed ${Random.seed}, ${JSON.stringify(death)}`).toEqual([]);
        }
        expect(killed).toBeGreaterThanOrEqual(boundaries.length);
        const left = yield* world.remaining;
        expect(left, "used up too early for the last deaths to mean anything").toBeGreaterThan(0);
        const end = yield* (yield* start(world, afterDeaths)).end;
        expect((yield* complete(world, total, end)).ledger["listed"]).toBe(left);
      }),
    240_000,
  );
}
