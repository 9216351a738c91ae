/** What any database server does to a run sooner or later, said once for all engines. */
import { describe, expect, it } from "@effect/vitest";
import { Cause, Effect, Exit } from "effect";
import type { Scope } from "effect";
import * as Damage from "../crash/Damage.ts";
import * as Proxy from "../support/servers/Proxy.ts";
import type { ServerProcess } from "../support/servers/ServerProcess.ts";
import { closes, complete, finishes, small, start, until } from "./Running.ts";
import * as World from "./World.ts";

type Rows = Effect.Effect<ReadonlyArray<Record<string, unknown>>>;
type Query = (sql: string) => Rows;

export interface Server extends ServerProcess {
  readonly port: number;
  readonly query: (sql: string, database?: string) => Rows;
  readonly session: (database?: string) => Effect.Effect<Query, never, Scope.Scope>;
}

export interface Engine<S extends Server> {
  readonly title: string;
  readonly make: Effect.Effect<S, never, Scope.Scope>;
  readonly target: (server: S, port?: number) => Effect.Effect<World.Target>;
  /** A target on a small disk, what fills the disk up, and what makes room again. */
  readonly crowded: Effect.Effect<
    {
      readonly database: World.Target;
      readonly crowd: Effect.Effect<unknown>;
      readonly makeRoom: Effect.Effect<unknown>;
    },
    never,
    Scope.Scope
  >;
  /** How many transactions wait for a row of another one. */
  readonly waiting: (target: World.Target) => string;
  /** What a rival begins with, so that of two in a deadlock it is the other that has to go. */
  readonly prevail: ReadonlyArray<string>;
  /** Refuses the first three writes as a server does that cannot serialize them; counts in the sequence `hiccups`. */
  readonly hiccups: ReadonlyArray<string>;
  readonly hiccupsCounted: string;
  /** Ends a user's sessions and allows it so many from then on, or any number again. */
  readonly limitSessions: (server: S, target: World.Target, limit: number | undefined) => Effect.Effect<unknown>;
  readonly readOnly: (server: S, is: boolean) => Effect.Effect<unknown>;
  /** Whether a server that only reads is waited for: else the run ends at once. */
  readonly waitsForWrites: boolean;
}

const total = 200;
const testMillis = 60_000;

/** Until a deadline, however often: a server that restarts refuses connections at once. */
const patient = ["sink.retry.attempts=60", "sink.retry.maxBackoff=500ms", "sink.retry.deadline=20s"];
const impatient = ["sink.retry.attempts=60", "sink.retry.maxBackoff=200ms", "sink.retry.deadline=2s"];
const quick = ["sink.statementTimeout=1s"];
/** So that all rows meet in one transaction. */
const atOnce = ["sink.batch.items.start=500"];

/** Far enough away for a fault to strike in mid-batch. */
const latencyMillis = 5;

export const sqlFaults = <S extends Server>(engine: Engine<S>): void => {
  describe(`${engine.title} that fails`, () => {
    const distant = Effect.gen(function*() {
      const server = yield* engine.make;
      const proxy = yield* Proxy.make(server.port);
      yield* proxy.delay(latencyMillis);
      const database = yield* engine.target(server, proxy.port);
      return { server, proxy, world: yield* World.make({ total, store: yield* World.localStore, database }) };
    });
    const near = Effect.gen(function*() {
      const server = yield* engine.make;
      const database = yield* engine.target(server);
      return { server, database, world: yield* World.make({ total, store: yield* World.localStore, database }) };
    });
    const stubs = Damage.stubs(total).map(([hash]) => hash).sort();
    const row = (hash: string | undefined) => `SELECT id FROM narinfos WHERE hash = '${hash}' FOR UPDATE`;
    const isWaiting = (server: S, target: World.Target) =>
      Effect.map(server.query(engine.waiting(target)), ([found]) => Number(found!["n"]) > 0);

    it.scopedLive(
      "restarted and killed in mid-batch: waited for, and everything is done",
      () =>
        Effect.gen(function*() {
          const { server, world } = yield* distant;
          const running = yield* start(world, [...small, ...patient]);
          yield* running.midway();
          yield* server.restart();
          yield* running.midway(100);
          yield* server.restart("kill");
          yield* complete(world, total, yield* running.end);
        }),
      testMillis,
    );

    it.scopedLive("gone for good: exit 3 when the time is over, the ledger closes", () =>
      Effect.gen(function*() {
        const { server, world } = yield* distant;
        const running = yield* start(world, [...small, ...impatient]);
        yield* running.midway();
        yield* server.kill;
        const end = yield* running.end;
        expect(end.code, end.output).toBe(3);
        yield* server.start;
        yield* closes(world, end);
        yield* finishes(world, total);
      }), testMillis);

    it.scopedLive("connections reset in mid-batch: made anew, and everything is done", () =>
      Effect.gen(function*() {
        const { proxy, world } = yield* distant;
        const running = yield* start(world, [...small, ...patient]);
        for (const rows of [40, 80, 120]) {
          yield* running.midway(rows);
          yield* proxy.reset;
        }
        yield* complete(world, total, yield* running.end);
      }), testMillis);

    it.scopedLive(
      "connections that swallow everything are given up in time, and everything is done",
      () =>
        Effect.gen(function*() {
          const { proxy, world } = yield* distant;
          const running = yield* start(world, [...small, ...patient, ...quick]);
          yield* running.midway();
          yield* proxy.blackhole;
          // Without healing the silent ones: only a deadline of the client's ends those.
          yield* Effect.sleep("1 second");
          yield* proxy.clear;
          yield* complete(world, total, yield* running.end);
        }),
      testMillis,
    );

    it.scopedLive("deadlock with a rival: the loser tries again, and everything is done", () =>
      Effect.gen(function*() {
        const { database, server, world } = yield* near;
        const rival = yield* server.session(database.name);
        for (const sql of engine.prevail) {
          yield* rival(sql);
        }
        yield* rival(row(stubs.at(-1)));
        const running = yield* start(world, [...atOnce, ...patient]);
        yield* until("a wait for the rival", isWaiting(server, database));
        // The batch has the first row and waits for the last, the rival the other way round.
        const second = yield* Effect.exit(rival(row(stubs[0])));
        expect(Exit.isSuccess(second), Exit.isFailure(second) ? Cause.pretty(second.cause) : "").toBe(true);
        yield* rival("ROLLBACK");
        yield* complete(world, total, yield* running.end);
      }), testMillis);

    it.scopedLive(
      "a row locked past the lock timeout: tried again until it is free, and everything is done",
      () =>
        Effect.gen(function*() {
          const { database, server, world } = yield* near;
          const rival = yield* server.session(database.name);
          yield* rival("BEGIN");
          yield* rival(row(stubs[3]));
          const running = yield* start(world, [
            ...atOnce,
            ...patient,
            "connections.cache-database.lockTimeout=1s",
          ]);
          yield* until("a wait for the rival", isWaiting(server, database));
          yield* Effect.sleep("1500 millis");
          yield* rival("ROLLBACK");
          yield* complete(world, total, yield* running.end);
        }),
      testMillis,
    );

    it.scopedLive(
      "a row locked for good: exit 3 when the time is over, the ledger closes",
      () =>
        Effect.gen(function*() {
          const { database, server, world } = yield* near;
          const rival = yield* server.session(database.name);
          yield* rival("BEGIN");
          yield* rival(row(stubs[3]));
          const running = yield* start(world, [
            ...atOnce,
            ...impatient,
            "connections.cache-database.lockTimeout=1s",
          ]);
          const end = yield* running.end;
          expect(end.code, end.output).toBe(3);
          yield* closes(world, end);
          yield* rival("ROLLBACK");
          yield* finishes(world, total);
        }),
      testMillis,
    );

    it.scopedLive(
      "transactions that cannot be serialized: tried again, and everything is done",
      () =>
        Effect.gen(function*() {
          const { database, world } = yield* near;
          for (const sql of engine.hiccups) {
            yield* database.query(sql);
          }
          yield* complete(world, total, yield* (yield* start(world, patient)).end);
          const [counted] = yield* database.query(engine.hiccupsCounted);
          expect(Number(counted!["n"])).toBeGreaterThan(3);
        }),
      testMillis,
    );

    it.scopedLive(
      "fewer connections than asked for in mid-run: waited for, and everything is done",
      () =>
        Effect.gen(function*() {
          const { server, world } = yield* distant;
          const running = yield* start(world, [...small, ...patient]);
          yield* running.midway();
          yield* engine.limitSessions(server, world.database, 1);
          yield* Effect.sleep("1 second");
          yield* engine.limitSessions(server, world.database, undefined);
          yield* complete(world, total, yield* running.end);
        }),
      testMillis,
    );

    it.scopedLive("failed over to a server that only reads", () =>
      Effect.gen(function*() {
        const { server, world } = yield* distant;
        const running = yield* start(world, [...small, ...patient]);
        yield* running.midway();
        yield* engine.readOnly(server, true);
        yield* Effect.sleep("500 millis");
        const written = yield* world.migrated;
        yield* Effect.sleep("300 millis");
        expect(yield* world.migrated, "written though it should only read").toBe(written);
        expect(written).toBeLessThan(total);
        if (engine.waitsForWrites) {
          yield* engine.readOnly(server, false);
          yield* complete(world, total, yield* running.end);
        } else {
          const end = yield* running.end;
          expect(end.code, end.output).toBe(3);
          expect(end.output).toMatch(/read.only/);
          yield* engine.readOnly(server, false);
          yield* closes(world, end);
          yield* finishes(world, total);
        }
      }), testMillis);

    it.scopedLive(
      "disk full: exit 3 at once, says so, nothing half written; all is done once there is room",
      () =>
        Effect.gen(function*() {
          const { crowd, database, makeRoom } = yield* engine.crowded;
          const world = yield* World.make({ total: 1000, store: yield* World.localStore, database });
          yield* crowd;
          const end = yield* (yield* start(world)).end;
          expect(end.code, end.output).toBe(3);
          expect(end.output).toMatch(/[Ff]ree disk space/);
          yield* closes(world, end);
          yield* makeRoom;
          yield* finishes(world, 1000);
        }),
      testMillis,
    );

    it.scopedLive(
      "a name that does not resolve is said with the name, exit 3, nothing begun",
      () =>
        Effect.gen(function*() {
          const { database, world } = yield* near;
          const url = database.variables["CACHE_DATABASE_URL"]!.replace("127.0.0.1", "db.invalid");
          const lost = { ...world, variables: { ...world.variables, CACHE_DATABASE_URL: url } };
          const end = yield* (yield* start(lost)).end;
          expect(end.code, end.output).toBe(3);
          expect(end.output).toContain("db.invalid");
          expect(yield* world.remaining).toBe(total);
        }),
      testMillis,
    );
  });
};
