import { it } from "@effect/vitest";
import { DateTime, Duration, Effect, Exit, TestClock } from "effect";
import { describe, expect } from "vitest";
import { Connections } from "../../src/core/Connections.ts";
import { ConnectionError, SqlError } from "../../src/core/Errors.ts";
import { HostLoad } from "../../src/core/HostLoad.ts";
import * as Brake from "../../src/engine/Brake.ts";
import type { Throttle } from "../../src/spec/Spec.ts";
import { ModelWorld } from "../support/ModelWorld.ts";

const statementTimeout = Duration.seconds(4);

/** What a throttle says at this moment. */
const says = (throttle: Throttle, world = new ModelWorld([])) =>
  Effect.scoped(Effect.gen(function*() {
    const [brake] = yield* Brake.openAll([throttle], statementTimeout);
    return yield* brake!.check;
  })).pipe(Effect.provide(world.layer));

describe("hours", () => {
  const hours = (from: string, to: string, zone: string): Throttle => {
    const minutes = (text: string) => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));
    return { hours: { from: minutes(from), to: minutes(to), zone: DateTime.zoneUnsafeMakeNamed(zone) } };
  };
  const at = (instant: string, throttle: Throttle) =>
    Effect.zipRight(TestClock.setTime(Date.parse(instant)), Effect.map(says(throttle), (text) => text !== undefined));

  it.effect("hold from the first minute to the one before the last, in their zone", () =>
    Effect.gen(function*() {
      const office = hours("08:00", "18:00", "America/New_York");
      expect(yield* at("2026-11-20T12:59:59Z", office)).toBe(false);
      expect(yield* at("2026-11-20T13:00:00Z", office)).toBe(true);
      expect(yield* at("2026-11-20T22:59:59Z", office)).toBe(true);
      expect(yield* at("2026-11-20T23:00:00Z", office)).toBe(false);
      expect(yield* says(hours("08:00", "18:00", "UTC"))).toBeUndefined();
    }));

  it.effect("reach across midnight", () =>
    Effect.gen(function*() {
      const night = hours("22:00", "06:00", "Europe/Berlin");
      for (
        const [instant, holds] of [
          ["2026-11-20T20:59:00Z", false],
          ["2026-11-20T21:00:00Z", true],
          ["2026-11-20T23:30:00Z", true],
          ["2026-11-21T04:59:00Z", true],
          ["2026-11-21T05:00:00Z", false],
        ] as const
      ) expect(yield* at(instant, night)).toBe(holds);
      yield* TestClock.setTime(Date.parse("2026-11-20T23:30:00Z"));
      expect(yield* says(night)).toBe("22:00 to 06:00 Europe/Berlin");
    }));

  it.effect("follow the wall clock when summer time begins and ends", () =>
    Effect.gen(function*() {
      const night = hours("22:00", "06:00", "Europe/Berlin");
      // 29 March 2026, 02:00 becomes 03:00: six o'clock is an hour earlier in UTC than the day before.
      expect(yield* at("2026-03-28T04:30:00Z", night)).toBe(true);
      expect(yield* at("2026-03-29T03:59:00Z", night)).toBe(true);
      expect(yield* at("2026-03-29T04:00:00Z", night)).toBe(false);
      // 25 October 2026, 03:00 becomes 02:00.
      expect(yield* at("2026-10-25T04:59:00Z", night)).toBe(true);
      expect(yield* at("2026-10-25T05:00:00Z", night)).toBe(false);
      // The hour that does not exist is over as soon as it would have begun, and what begins in it begins after it.
      const gap = hours("02:30", "04:00", "Europe/Berlin");
      expect(yield* at("2026-03-29T00:59:00Z", gap)).toBe(false);
      expect(yield* at("2026-03-29T01:00:00Z", gap)).toBe(true);
      expect(yield* at("2026-03-29T02:00:00Z", gap)).toBe(false);
    }));
});

describe("load", () => {
  const under = (perCore: number | undefined) =>
    Effect.provideService(says({ load: { max: 1.5 } }), HostLoad, Effect.succeed(perCore));

  it.effect("holds above its bound, and never where the system does not tell", () =>
    Effect.gen(function*() {
      expect(yield* under(1.5)).toBeUndefined();
      expect(yield* under(1.62)).toBe("load 1.62 > 1.5 per core");
      expect(yield* under(undefined)).toBeUndefined();
    }));
});

describe("replica lag", () => {
  const throttle: Throttle = { replicaLag: { connection: "replica", max: Duration.seconds(10) } };
  const error = (reason: SqlError["reason"]) =>
    new SqlError({ connection: "replica", detail: "gone", reason, code: "08006" });
  const behind = (lag: ModelWorld["lag"]) => {
    const world = new ModelWorld([]);
    world.lag = lag;
    return world;
  };
  const saysAt = (lag: ModelWorld["lag"]) => says(throttle, behind(lag));

  it.effect("holds while a replica is too far behind, stopped, or cannot be asked just now", () =>
    Effect.gen(function*() {
      expect(yield* saysAt(Effect.succeed(Duration.seconds(10)))).toBeUndefined();
      expect(yield* saysAt(Effect.succeed(undefined))).toBeUndefined();
      expect(yield* saysAt(Effect.succeed(Duration.millis(14_040)))).toBe("replica lag 14s > 10s");
      expect(yield* saysAt(Effect.succeed(Duration.infinity))).toBe("replication has stopped");
      expect(yield* saysAt(error("ConnectionLost"))).toContain("replica lag unknown");
    }));

  it.effect("ends the run where it will never be told", () =>
    Effect.gen(function*() {
      expect(Exit.isFailure(yield* Effect.exit(saysAt(error("Environment"))))).toBe(true);
    }));

  it.effect("that cannot be told is found before the run, at its place in the spec", () =>
    Effect.gen(function*() {
      const problems = (lag: ModelWorld["lag"]) =>
        Brake.inspect([{ load: { max: 1 } }, throttle], statementTimeout).pipe(Effect.provide(behind(lag).layer));
      expect(yield* problems(Effect.succeed(Duration.zero))).toEqual([]);
      expect(yield* problems(error("Environment"))).toMatchObject([
        { code: "sql/environment", severity: "error", path: ["throttles", 1, "replicaLag", "connection"] },
      ]);
      expect(yield* problems(Effect.succeed(undefined))).toMatchObject([{ severity: "warning" }]);
    }));

  it.effect("of a database that can have no replica is a mistake in the spec", () =>
    Effect.gen(function*() {
      const world = new ModelWorld([]);
      const connections = yield* Effect.provide(Connections, world.layer);
      const problems = yield* Brake.inspect([throttle], statementTimeout).pipe(
        Effect.provideService(Connections, {
          ...connections,
          sql: (name, options) =>
            Effect.map(connections.sql(name, options), (sql) => {
              const { lag: _lag, ...without } = sql;
              return without;
            }),
        }),
      );
      expect(problems).toMatchObject([{ code: "throttle/no-replicas", severity: "error" }]);
      const unreachable = new ConnectionError({ connection: "replica", reason: "Unreachable", detail: "no route" });
      const exit = yield* Effect.exit(
        Brake.inspect([throttle], statementTimeout).pipe(
          Effect.provideService(Connections, { ...connections, sql: () => unreachable }),
        ),
      );
      expect(Exit.isFailure(exit)).toBe(true);
    }));
});
