/** S3 that fails in every way a run may meet: asked again and done in time, or told clearly; nothing lost, nothing doubled. */
import { expect, layer } from "@effect/vitest";
import { Context, Effect, Layer } from "effect";
import { allOf } from "../crash/Damage.ts";
import * as HttpProxy from "../support/servers/HttpProxy.ts";
import * as Proxy from "../support/servers/Proxy.ts";
import * as S3 from "../support/servers/S3.ts";
import { closes, complete, finishes, small, start, until } from "./Running.ts";
import * as World from "./World.ts";

class Server extends Context.Tag("test/S3")<Server, S3.S3>() {}

const total = 120;

const timeout = 60_000;

/** A cache in S3 behind a proxy that understands HTTP, its database in SQLite. */
const spoilt = (rule: HttpProxy.Rule) =>
  Effect.gen(function*() {
    const server = yield* Server;
    const proxy = yield* HttpProxy.make(server.port);
    const store = yield* World.s3Store(server, proxy.port);
    const world = yield* World.make({ total, store, database: yield* World.sqlite });
    yield* proxy.become(rule);
    return { proxy, server, store, world };
  });

const slowDown = '<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your rate</Message></Error>';
const internal = '<?xml version="1.0"?><Error><Code>InternalError</Code><Message>We failed</Message></Error>';

const isObject = (path: string) => path.includes(".narinfo");

layer(Layer.scoped(Server, S3.make()), { excludeTestServices: true })("S3 that fails", (it) => {
  for (
    const [fault, spoil] of [
      ["503 SlowDown", () => ({ status: 503, body: slowDown })],
      ["500", () => ({ status: 500, body: internal })],
      ["a body cut short", ({ method }) => method === "GET" ? { truncate: 100 } : undefined],
      ["a slow first byte", ({ number }) => number % 20 === 7 ? { delay: 700 } : undefined],
    ] as ReadonlyArray<readonly [string, HttpProxy.Rule]>
  ) {
    it.scoped(
      `${fault} for whatever is asked for the first time: asked again, and everything is done`,
      () =>
        Effect.gen(function*() {
          const asked = new Set<string>();
          const { proxy, world } = yield* spoilt((request) => {
            const isFirst = asked.size < asked.add(`${request.method} ${request.path}`).size;
            return isFirst ? spoil(request) : undefined;
          });
          const running = yield* start(world, small);
          yield* complete(world, total, yield* running.end);
          expect(yield* proxy.spoiled).toBeGreaterThan(0);
        }),
      timeout,
    );
  }

  for (
    const [fault, spoil] of [
      ["comes truncated", { truncate: 100 }],
      ["gives 500", { status: 500, body: internal }],
    ] as ReadonlyArray<readonly [string, HttpProxy.Spoil]>
  ) {
    it.scoped(
      `an object that ${fault} however often it is asked for fails alone, and stays`,
      () =>
        Effect.gen(function*() {
          const victim = allOf(total)[7]!.key;
          const { proxy, world } = yield* spoilt(({ method, path }) =>
            method === "GET" && path.endsWith(victim) ? spoil : undefined
          );
          const end = yield* (yield* start(world)).end;
          expect(end.code, end.output).toBe(1);
          expect((yield* closes(world, end)).ledger).toMatchObject({ failed: 1, deleted: total - 1 });
          expect(end.output).toContain(victim);
          expect(yield* world.remaining).toBe(1);
          yield* proxy.become(() => undefined);
          yield* finishes(world, total);
        }),
      timeout,
    );
  }

  it.scoped(
    "deletes that the server refuses: rows are durable, the files are told to be left, the next run deletes them",
    () =>
      Effect.gen(function*() {
        const { proxy, world } = yield* spoilt(({ method, path }) =>
          method === "DELETE" && isObject(path) || (method === "POST" && path.includes("delete"))
            ? { status: 500, body: internal }
            : undefined
        );
        const end = yield* (yield* start(world)).end;
        expect(end.code, end.output).toBe(1);
        expect((yield* closes(world, end)).ledger).toMatchObject({ committed: total, undeleted: total });
        expect(yield* world.remaining).toBe(total);
        yield* proxy.become(() => undefined);
        expect((yield* finishes(world, total)).ledger).toMatchObject({ already: total, deleted: total });
      }),
    timeout,
  );

  it.scoped("the server is killed in mid-run and comes back: nobody notices", () =>
    Effect.gen(function*() {
      const { server, world } = yield* spoilt(({ method }) => method === "DELETE" ? { delay: 30 } : undefined);
      const running = yield* start(world, small);
      yield* running.midway();
      yield* server.kill;
      yield* Effect.sleep("300 millis");
      yield* server.start;
      yield* complete(world, total, yield* running.end);
    }), timeout);

  it.scoped("every connection reset in mid-run, twice: nobody notices", () =>
    Effect.gen(function*() {
      const server = yield* Server;
      const proxy = yield* Proxy.make(server.port);
      yield* proxy.delay(5);
      const store = yield* World.s3Store(server, proxy.port);
      const world = yield* World.make({ total, store, database: yield* World.sqlite });
      const running = yield* start(world, small);
      yield* running.midway();
      yield* proxy.reset;
      yield* running.midway(70);
      yield* proxy.reset;
      yield* complete(world, total, yield* running.end);
    }), timeout);

  it.scoped(
    "connections that go silent in mid-run are given up in time, and the ledger closes",
    () =>
      Effect.gen(function*() {
        const server = yield* Server;
        const proxy = yield* Proxy.make(server.port);
        yield* proxy.delay(5);
        const store = yield* World.s3Store(server, proxy.port);
        const world = yield* World.make({ total, store, database: yield* World.sqlite });
        const running = yield* start(world, small);
        yield* running.midway();
        yield* proxy.blackhole;
        yield* Effect.sleep("2 seconds");
        yield* proxy.heal;
        const end = yield* running.end;
        yield* closes(world, end);
        yield* finishes(world, total);
      }),
    timeout,
  );

  it.scoped("a name that does not resolve is said with the name, exit 3, nothing begun", () =>
    Effect.gen(function*() {
      const { world } = yield* spoilt(() => undefined);
      const lost = { ...world, variables: { ...world.variables, CACHE_STORAGE_S3_ENDPOINT: "http://s3.invalid:9000" } };
      const end = yield* (yield* start(lost)).end;
      expect(end.code, end.output).toBe(3);
      expect(end.output).toContain("s3.invalid");
      expect(yield* world.remaining).toBe(total);
      expect(yield* world.migrated).toBe(0);
    }), timeout);

  it.scoped(
    "503 for as long as one asks: exit 3 once patience ends, everything is where it was",
    () =>
      Effect.gen(function*() {
        const { proxy, world } = yield* spoilt(({ path }) =>
          isObject(path) ? { status: 503, body: slowDown } : undefined
        );
        const running = yield* start(world, [], ["--max-runtime", "3s"]);
        yield* until("a refusal", Effect.map(proxy.spoiled, (spoiled) => spoiled > 0));
        const end = yield* running.end;
        expect(end.code, end.output).not.toBe(0);
        yield* closes(world, end);
        expect(yield* world.remaining).toBe(total);
      }),
    timeout,
  );
});
