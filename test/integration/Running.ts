/** A run of the built CLI over a world, while something is done to its servers. */
import { Effect, Fiber } from "effect";
import type { Scope } from "effect";
import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import { accountOf } from "../crash/Runner.ts";
import type { Account, End } from "../crash/Runner.ts";
import type { World } from "./World.ts";

const bin = fileURLToPath(new URL("../../dist/bin.js", import.meta.url));

export interface Running {
  readonly end: Effect.Effect<End>;
  /** In the middle of the work: some rows are written, more are to come. Dies with what the run has said if it ends before. */
  readonly midway: (rows?: number) => Effect.Effect<void>;
}

/** Starts `narinfo-to-db`; a scope that closes kills it. */
export const start = (
  world: World,
  settings: ReadonlyArray<string> = [],
  args: ReadonlyArray<string> = [],
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.map(
    Effect.forkScoped(Effect.async<End>((resume) => {
      const sets = settings.flatMap((set) => ["--set", set]);
      const child = spawn(process.execPath, [bin, "run", "narinfo-to-db", "--json", ...args, ...sets], {
        cwd: world.folder,
        env: { PATH: process.env["PATH"], ...world.variables },
        stdio: ["ignore", "pipe", "pipe"],
      });
      let output = "";
      child.stdout.on("data", (data) => output += String(data));
      child.stderr.on("data", (data) => output += String(data));
      child.on("close", (code, signal) => resume(Effect.succeed({ code, signal, output })));
      return Effect.sync(() => void child.kill("SIGKILL"));
    })),
    (fiber): Running => {
      const end = Fiber.join(fiber);
      const tooSoon = Effect.flatMap(end, ({ output }) => Effect.dieMessage(`ended early: ${output}`));
      return {
        end,
        midway: (rows = 40) =>
          until(`${rows} rows`, Effect.map(world.migrated, (migrated) => migrated >= rows)).pipe(
            Effect.raceFirst(tooSoon),
          ),
      };
    },
  );

/** Looks until it is so; fails after ten seconds. */
export const until = (what: string, is: Effect.Effect<boolean>): Effect.Effect<void> =>
  Effect.gen(function*() {
    for (let looks = 0; !(yield* is); looks++) {
      if (looks > 500) return yield* Effect.dieMessage(`never came: ${what}`);
      yield* Effect.sleep("20 millis");
    }
  });

/** Batches of ten, of which a small cache has enough for a fault to strike in their midst. */
export const small = ["sink.batch.items.start=10", "sink.batch.items.max=10", "sink.concurrency.max=2"];

/** The closing account, which balances however the run ended; nothing is lost or doubled. */
export const closes = (world: World, end: End): Effect.Effect<Account> =>
  Effect.gen(function*() {
    const account = accountOf(end);
    expect(account.imbalances, end.output).toEqual([]);
    expect(yield* world.damage, end.output).toEqual([]);
    return account;
  });

/** Everything is in the database once, and no file is left. */
export const complete = (world: World, total: number, end: End): Effect.Effect<Account> =>
  Effect.gen(function*() {
    expect(end.code, end.output).toBe(0);
    const account = yield* closes(world, end);
    expect(yield* world.remaining).toBe(0);
    expect(yield* world.rows).toMatchObject({
      narinfos: total,
      narinfo_signatures: total,
      nar_files: total,
      narinfo_nar_files: total,
    });
    return account;
  });

/** Another run, now that nothing is wrong any more, does the rest. */
export const finishes = (world: World, total: number): Effect.Effect<Account, never, Scope.Scope> =>
  Effect.gen(function*() {
    const running = yield* start(world);
    return yield* complete(world, total, yield* running.end);
  });
