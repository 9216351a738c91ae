/** `doctor` and `verify` before and after a migration, on every kind of server. */
import { expect, layer } from "@effect/vitest";
import { Context, Effect, Layer } from "effect";
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import * as MariaDb from "../support/servers/MariaDb.ts";
import * as Postgres from "../support/servers/Postgres.ts";
import * as Redis from "../support/servers/Redis.ts";
import * as S3 from "../support/servers/S3.ts";
import * as World from "./World.ts";

class PostgresServer extends Context.Tag("test/Postgres")<PostgresServer, Postgres.Postgres>() {}
class MariaDbServer extends Context.Tag("test/MariaDb")<MariaDbServer, MariaDb.MariaDb>() {}
class RedisServer extends Context.Tag("test/Redis")<RedisServer, Redis.Redis>() {}
class S3Server extends Context.Tag("test/S3")<S3Server, S3.S3>() {}

const servers = Layer.mergeAll(
  Layer.scoped(PostgresServer, Postgres.make()),
  Layer.scoped(MariaDbServer, MariaDb.make()),
  Layer.scoped(RedisServer, Redis.make()),
  Layer.scoped(S3Server, S3.make()),
);

const bin = fileURLToPath(new URL("../../dist/bin.js", import.meta.url));
/** Every fourth has a stub. */
const total = 120;
const timeout = 120_000;

const pipeline = (world: World.World, args: ReadonlyArray<string>, variables: Readonly<Record<string, string>> = {}) =>
  Effect.async<{ readonly code: number; readonly output: string; readonly result: any }>((resume) => {
    const env = { PATH: process.env["PATH"], ...world.variables, ...variables };
    const child = execFile(
      process.execPath,
      [bin, ...args, "--json"],
      { cwd: world.folder, env },
      (_, stdout, stderr) => {
        const { result } = stdout === "" ? { result: undefined } : JSON.parse(stdout);
        resume(Effect.succeed({ code: child.exitCode ?? -1, output: stdout + stderr, result }));
      },
    );
  });

const kinds = {
  "PostgreSQL, S3 and Redis": Effect.gen(function*() {
    const redis = yield* RedisServer;
    return yield* World.make({
      total,
      store: yield* World.s3Store(yield* S3Server),
      database: yield* World.postgres(yield* PostgresServer),
      variables: { CACHE_REDIS_ADDRS: `127.0.0.1:${redis.port}` },
    });
  }),
  "MariaDB and a folder": Effect.gen(function*() {
    return yield* World.make({
      total,
      store: yield* World.localStore,
      database: yield* World.mariaDb(yield* MariaDbServer),
    });
  }),
};

const checks = (result: any, status: string): ReadonlyArray<string> =>
  result.subjects.flatMap((subject: any) =>
    subject.checks.filter((check: any) => check.status === status).map(({ name }: { name: string }) => name)
  );

layer(servers, { excludeTestServices: true, timeout: "5 minutes" })("doctor and verify", (it) => {
  for (const [kind, made] of Object.entries(kinds)) {
    it.scoped(
      `${kind}: what is missing, migrated, orphaned; nothing written but by the run`,
      () =>
        Effect.gen(function*() {
          const world = yield* made;
          const before = yield* world.rows;
          const ready = yield* pipeline(world, ["doctor"]);
          expect({ code: ready.code, failed: checks(ready.result, "fail") }, ready.output).toEqual({
            code: 0,
            failed: [],
          });

          const unmigrated = yield* pipeline(world, ["verify", "narinfo-to-db"]);
          expect(unmigrated).toMatchObject({
            code: 1,
            result: { counts: { missing: total }, orphans: { stubs: total / 4, orphans: 0 } },
          });
          const sampled = yield* pipeline(world, ["verify", "narinfo-to-db", "--sample", "10"]);
          expect(sampled).toMatchObject({ code: 1, result: { counts: { missing: 10 }, orphans: { stubs: 10 } } });
          expect(yield* world.rows).toEqual(before);
          expect(yield* world.remaining).toBe(total);

          expect(yield* pipeline(world, ["run", "narinfo-to-db", "--keep"])).toMatchObject({ code: 0 });
          const orphan = "0".repeat(32);
          yield* world.database.query(`INSERT INTO narinfos (hash, url) VALUES ('${orphan}', '')`);
          const migrated = yield* pipeline(world, ["verify", "narinfo-to-db"]);
          expect(migrated).toMatchObject({
            code: 0,
            result: { counts: { missing: 0, undeleted: total }, orphans: { stubs: 1, orphans: 1 } },
          });
          expect(migrated.output).toContain(`store/narinfo/0/00/${orphan}.narinfo`);
          expect(yield* world.damage).toEqual([]);
        }),
      timeout,
    );

    it.scoped(
      `${kind}: a database that cannot be reached is told, without its password, and the rest is looked at`,
      () =>
        Effect.gen(function*() {
          const world = yield* made;
          const url = world.variables["CACHE_DATABASE_URL"]!;
          const { code, output, result } = yield* pipeline(world, ["doctor"], {
            CACHE_DATABASE_URL: url.replace(/@127\.0\.0\.1:\d+/, "@127.0.0.1:1"),
          });
          expect(code).toBe(3);
          expect(checks(result, "fail")).toHaveLength(1);
          expect(checks(result, "pass").filter((name) => name.startsWith("storage/") || name.startsWith("s3/")))
            .not.toEqual([]);
          expect(output).not.toContain(new URL(url).password);
        }),
      timeout,
    );
  }
});
