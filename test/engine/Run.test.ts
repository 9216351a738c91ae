import { it } from "@effect/vitest";
import { Deferred, Duration, Effect, Exit, FastCheck, Fiber, TestClock } from "effect";
import { describe, expect } from "vitest";
import type { Stop } from "../../src/engine/Report.ts";
import { ModelWorld } from "../support/ModelWorld.ts";
import type { ModelItem, Trouble } from "../support/ModelWorld.ts";
import { balanced, keys, simulate } from "../support/simulate.ts";

describe("Invariant 2: the ledger closes", () => {
  it.effect("a clean run commits and deletes everything once", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(100));
      const report = yield* simulate(world);
      expect(report.status).toBe("succeeded");
      expect(report.ledger).toMatchObject({ listed: 100, committed: 100, deleted: 100 });
      expect(world.deleted.size).toBe(100);
      expect(world.finished?.status).toBe("succeeded");
      expect(world.swept).toBe(1);
    }));

  it.effect("every class of item is counted once on each side", () =>
    Effect.gen(function*() {
      const world = new ModelWorld([
        { key: "a1" },
        { key: "a2", rival: "same" },
        { key: "a3", rival: "different" },
        { key: "a4", poison: "Data" },
        { key: "a5", poison: "Constraint" },
        { key: "a6", dismissed: "rejected" },
        { key: "a7", dismissed: "skipped" },
        { key: "a8", dismissed: "failed" },
        { key: "b1", contended: 2 },
        { key: "b2", contended: 1_000_000 },
        { key: "b3", vanishes: 1 },
        { key: "b4", vanishes: 1_000_000 },
        { key: "b5", checked: "gone" },
        { key: "b6", checked: "changed" },
        { key: "c1", onDelete: "Gone" },
        { key: "c2", onDelete: "Changed" },
        { key: "c3", onDelete: "Undeleted" },
      ]);
      const report = yield* simulate(world);
      balanced(report);
      expect(report.ledger).toEqual({
        listed: 17,
        committed: 6,
        already: 1,
        skipped: 2,
        rejected: 3,
        conflict: 1,
        contended: 1,
        failed: 3,
        deleted: 4,
        gone: 1,
        changed: 1,
        kept: 0,
        undeleted: 1,
      });
      expect(report.status).toBe("failed");
    }));

  for (const ill of [{ dismissed: "failed" }, { contended: 1_000_000 }, { checked: "changed" }] as const) {
    it.effect(`quarantine keeps what a run could not judge again: ${JSON.stringify(ill)}`, () =>
      Effect.gen(function*() {
        const world = new ModelWorld([{ key: "a1" }, { key: "a2", ...ill }]);
        const report = yield* simulate(world);
        balanced(report);
        expect(world.swept).toBe(0);
      }));
  }

  it.effect("an accepted reject is skipped, and the run succeeds", () =>
    Effect.gen(function*() {
      const world = new ModelWorld([{ key: "a1", dismissed: "rejected" }, { key: "a2" }]);
      world.accepted.add("a1 model/dismissed");
      const report = yield* simulate(world);
      expect(report.ledger).toMatchObject({ listed: 2, skipped: 1, committed: 1, rejected: 0 });
      expect(report.status).toBe("succeeded");
    }));

  it.effect("without post-steps everything durable is kept", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(10));
      const report = yield* simulate(world, { steps: false });
      expect(report.ledger).toMatchObject({ committed: 10, kept: 10, deleted: 0 });
      expect(report.status).toBe("succeeded");
    }));
});

describe("Invariant 1: nothing is deleted that is not durable", () => {
  it.effect("an unknown commit is resolved by reading back, written or not", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(20), ["CommitUnknown-written", "CommitUnknown-lost", "read-back-fails"]);
      const report = yield* simulate(world, { concurrency: 1 });
      balanced(report);
      expect(report.ledger.deleted).toBe(20);
      expect(report.ledger.already).toBeGreaterThanOrEqual(5);
      expect(world.receipts.every(({ durable }) => durable)).toBe(true);
    }));

  it.effect("a lock lost before the delete leaves the file", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(10));
      world.leaseLost = true;
      const report = yield* simulate(world);
      balanced(report);
      expect(report.ledger).toMatchObject({ committed: 10, undeleted: 10 });
      expect(world.deleted.size).toBe(0);
      expect(report.incidents[0]).toMatchObject({ code: "lock/lost", count: 10 });
    }));

  it.effect("an object goes only when all its parts have receipts", () =>
    Effect.gen(function*() {
      const parts = (object: string, of: number, broken?: number): ReadonlyArray<ModelItem> =>
        Array.from({ length: of }, (_, index) => ({
          key: `${object}#${String(index).padStart(2, "0")}`,
          parts: { object, of },
          ...(index === broken ? { dismissed: "rejected" as const } : {}),
        }));
      const world = new ModelWorld([...parts("a1", 12), ...parts("a2", 12, 3), ...parts("a3", 1)]);
      const report = yield* simulate(world);
      balanced(report);
      expect(report.ledger).toMatchObject({ listed: 25, committed: 24, deleted: 13, kept: 11, rejected: 1 });
      expect(world.receipts.map(({ receipt }) => receipt.key).sort()).toEqual(["a1", "a3"]);
    }));
});

describe("Invariant 7: the order of a batch", () => {
  it.effect("lock, write, read back, post-steps, unlock: for every batch, retried or not", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(15), [undefined, "Busy", "read-back-fails"]);
      yield* simulate(world, { concurrency: 1 });
      const attempts = world.calls.join(" → ").split(/(?<=unlock) → /);
      const whole = "lock → write → read back → post-step → unlock";
      expect(attempts.slice(0, 4)).toEqual([
        whole,
        "lock → write → unlock",
        "lock → write → read back → unlock",
        whole,
      ]);
      expect(new Set(attempts.slice(4))).toEqual(new Set([whole]));
    }));
});

describe("Invariant 6: one bad item costs one item", () => {
  it.effect("poison among many is bisected out and the rest commit", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(60, (index) => (index % 17 === 5 ? { poison: "Data" } : {})));
      const report = yield* simulate(world, { batch: 20 });
      balanced(report);
      expect(report.ledger).toMatchObject({ committed: 56, rejected: 4, deleted: 56 });
    }));

  it.effect("a busy database while a batch is bisected is waited for, as at any other time", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(
        [{ key: "a1" }, { key: "a2" }, { key: "a3" }, { key: "a4", poison: "Data" }],
        [undefined, "Busy", "Busy", "Busy"],
      );
      const report = yield* simulate(world, { concurrency: 1 });
      balanced(report);
      expect(report.stop).toBeUndefined();
      expect(report.ledger).toMatchObject({ committed: 3, rejected: 1, deleted: 3 });
    }));
});

describe("the surroundings fail", () => {
  it.effect("a database that stays busy ends the run instead of failing batch after batch", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(200), Array.from({ length: 10_000 }, (): Trouble => "Busy"));
      const report = yield* simulate(world, { concurrency: 1 });
      balanced(report);
      expect(report.stop).toMatchObject({ kind: "environment", code: "sql/busy" });
      expect(report.ledger.failed).toBe(5);
      expect(report.ledger.listed).toBe(5);
      expect(world.swept).toBe(0);
    }));

  for (const as of ["error", "defect"] as const) {
    it.effect(`a listing that breaks off by ${as} is never a success`, () =>
      Effect.gen(function*() {
        const world = new ModelWorld(keys(100));
        world.listingBreaks = { afterChunks: 3, as };
        const report = yield* simulate(world);
        balanced(report);
        expect(report.status).toBe("failed");
        expect(report.stop?.code).toBe(as === "error" ? "storage/unavailable" : "run/defect");
        expect(world.swept).toBe(0);
      }));
  }

  it.effect("a signal stops the admission, lets batches end and closes the ledger", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(300, (index) => (index % 10 === 0 ? { contended: 1_000_000 } : {})));
      const signal = yield* Deferred.make<Stop>();
      const fiber = yield* Effect.fork(simulate(world, { concurrency: 2 }, { stop: Deferred.await(signal) }));
      yield* TestClock.adjust("200 millis");
      yield* Deferred.succeed(signal, { kind: "signal" as const, code: "run/signal", reason: "SIGTERM" });
      const report = yield* Fiber.join(fiber);
      balanced(report);
      expect(report.status).toBe("interrupted");
      expect(report.ledger.contended).toBeGreaterThan(0);
    }));

  it.effect("a signal during a long pause between attempts does not wait for it", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(3), Array.from({ length: 10_000 }, (): Trouble => "Busy"));
      const signal: Stop = { kind: "signal", code: "run/signal", reason: "SIGTERM" };
      const report = yield* simulate(world, { attempts: 1_000, concurrency: 1 }, {
        stop: Effect.delay(Effect.succeed(signal), "20 seconds"),
      });
      balanced(report);
      expect(report.status).toBe("interrupted");
      expect(report.durationMillis).toBeLessThan(20_500);
    }));

  it.effect("a state that another process holds for a moment costs a heartbeat, not the run", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(20));
      world.latency = () => Duration.seconds(3);
      world.busyHeartbeats = 2;
      const report = yield* simulate(world, { concurrency: 1 });
      expect(world.heartbeats).toBeGreaterThan(2);
      expect(report.status).toBe("succeeded");
    }));

  it.effect("tidying that takes long keeps the lease, and ends with a signal", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(10));
      world.tidying = Effect.never;
      const signal: Stop = { kind: "signal", code: "run/signal", reason: "SIGTERM" };
      const report = yield* simulate(world, {}, { stop: Effect.delay(Effect.succeed(signal), "1 minutes") });
      expect(report.ledger).toMatchObject({ listed: 10, deleted: 10 });
      expect(report.status).toBe("interrupted");
      expect(world.finished?.status).toBe("interrupted");
      expect(world.heartbeats).toBeGreaterThan(10);
      expect(world.swept).toBe(0);
    }));

  it.effect("a bug in tidying does not cost the report", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(10));
      world.tidying = Effect.dieMessage("a bug in the step");
      const report = yield* simulate(world);
      expect(report.ledger).toMatchObject({ listed: 10, deleted: 10 });
      expect(report.stop?.code).toBe("run/defect");
      expect(world.finished?.status).toBe("failed");
    }));
});

describe("identities and locks", () => {
  it.effect("a spec that locks nothing needs no lock connection", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(3));
      world.lockBroken = true;
      expect((yield* simulate(world, { lock: false })).status).toBe("succeeded");
      expect(Exit.isFailure(yield* Effect.exit(simulate(world)))).toBe(true);
    }));

  it.effect("items of equal identity never share a batch", () =>
    Effect.gen(function*() {
      const world = new ModelWorld(keys(40, (index) => ({ identity: `id-${index % 4}` })));
      const report = yield* simulate(world, { batch: 10, lock: false, concurrency: 2 });
      balanced(report);
      const identity = new Map(world.items.map((item) => [item.key, item.identity!]));
      for (const batch of world.batches) {
        const seen = batch.map((key) => identity.get(key));
        expect(new Set(seen).size).toBe(seen.length);
      }
      expect(report.ledger).toMatchObject({ listed: 40, committed: 4, conflict: 36 });
    }));
});

const fate = {
  poison: FastCheck.option(FastCheck.constantFrom("Data" as const, "Constraint" as const), {
    nil: undefined,
    freq: 15,
  }),
  rival: FastCheck.option(FastCheck.constantFrom("same" as const, "different" as const), { nil: undefined, freq: 8 }),
  dismissed: FastCheck.option(FastCheck.constantFrom("rejected" as const, "skipped" as const, "failed" as const), {
    nil: undefined,
    freq: 10,
  }),
  contended: FastCheck.option(FastCheck.integer({ min: 1, max: 3 }), { nil: undefined, freq: 8 }),
  vanishes: FastCheck.option(FastCheck.integer({ min: 1, max: 3 }), { nil: undefined, freq: 8 }),
  checked: FastCheck.option(FastCheck.constantFrom("gone" as const, "changed" as const), { nil: undefined, freq: 12 }),
};

const part = FastCheck.record(fate, { requiredKeys: [] });

const item = FastCheck.record({
  ...fate,
  onDelete: FastCheck.option(FastCheck.constantFrom("Gone" as const, "Changed" as const, "Undeleted" as const), {
    nil: undefined,
    freq: 8,
  }),
}, { requiredKeys: [] });

const defined = (value: object): Partial<ModelItem> =>
  Object.fromEntries(Object.entries(value).filter(([, inner]) => inner !== undefined));

const trouble = FastCheck.constantFrom<Array<Trouble>>(
  undefined,
  undefined,
  undefined,
  "Busy",
  "ConnectionLost",
  "CommitUnknown-written",
  "CommitUnknown-lost",
  "read-back-fails",
);

describe("whatever happens to items and transactions", () => {
  it.effect(
    "the ledger closes, receipts are only for durable rows, and nothing disappears",
    () =>
      Effect.gen(function*() {
        const cases = FastCheck.sample(
          FastCheck.record({
            items: FastCheck.array(item, { maxLength: 60 }),
            troubles: FastCheck.array(trouble, { maxLength: 30 }),
            batch: FastCheck.integer({ min: 1, max: 12 }),
            chunk: FastCheck.integer({ min: 1, max: 15 }),
            concurrency: FastCheck.integer({ min: 1, max: 4 }),
            lock: FastCheck.boolean(),
          }),
          { numRuns: 200, seed: 20261121 },
        );
        for (const { items, troubles, ...options } of cases) {
          const world = new ModelWorld(keys(items.length, (index) => defined(items[index]!)), troubles);
          const report = yield* simulate(world, options);
          balanced(report);
          if (report.stop === undefined) expect(report.ledger.listed).toBe(items.length);
          expect(world.receipts.every(({ durable }) => durable)).toBe(true);
          for (const key of world.deleted) expect(world.rows.get(key)).toBe(key);
        }
      }),
    60_000,
  );

  it.effect(
    "the ledger closes wherever the run is stopped, its listing breaks off or its state cannot be written",
    () =>
      Effect.gen(function*() {
        const cases = FastCheck.sample(
          FastCheck.record({
            objects: FastCheck.array(FastCheck.array(part, { minLength: 1, maxLength: 6 }), { maxLength: 20 }),
            troubles: FastCheck.array(trouble, { maxLength: 30 }),
            stopAfterMillis: FastCheck.option(FastCheck.integer({ min: 0, max: 3_000 })),
            listingBreaks: FastCheck.option(
              FastCheck.record({
                afterChunks: FastCheck.integer({ min: 0, max: 8 }),
                as: FastCheck.constantFrom("error" as const, "defect" as const),
              }),
              { nil: undefined },
            ),
            quarantineBreaksAfter: FastCheck.option(FastCheck.integer({ min: 0, max: 5 })),
            busyHeartbeats: FastCheck.integer({ min: 0, max: 3 }),
            options: FastCheck.record({
              batch: FastCheck.integer({ min: 1, max: 12 }),
              chunk: FastCheck.integer({ min: 1, max: 15 }),
              concurrency: FastCheck.integer({ min: 1, max: 4 }),
              lock: FastCheck.boolean(),
            }),
          }),
          { numRuns: 200, seed: 20261122 },
        );
        for (const { objects, options, stopAfterMillis, troubles, ...surroundings } of cases) {
          const parts = objects.flatMap((members, index) => {
            const object = `${"abc"[index % 3]}${String(index).padStart(3, "0")}`;
            return members.map((member, line) => ({
              key: `${object}#${line}`,
              parts: { object, of: members.length },
              ...defined(member),
            }));
          });
          const world = new ModelWorld(parts.sort((a, b) => (a.key < b.key ? -1 : 1)), troubles);
          world.latency = () => Duration.millis(40);
          world.listingBreaks = surroundings.listingBreaks;
          world.busyHeartbeats = surroundings.busyHeartbeats;
          world.quarantineBreaksAfter = surroundings.quarantineBreaksAfter ?? Number.POSITIVE_INFINITY;
          const signal: Stop = { kind: "signal", code: "run/signal", reason: "SIGTERM" };
          const report = yield* simulate(world, options, {
            stop: stopAfterMillis === null ? Effect.never : Effect.delay(Effect.succeed(signal), stopAfterMillis),
          });
          balanced(report);
          expect(world.receipts.every(({ durable }) => durable)).toBe(true);
          for (const key of world.deleted) expect(world.rows.get(key)).toBe(key);
          expect(world.deleted.size).toBe(report.ledger.deleted);
          if (report.stop === undefined) expect(report.ledger.listed).toBe(parts.length);
          else expect(world.swept).toBe(0);
          const mark = (key: string) => world.checkpoints.get(key[0]!);
          for (const { checked, dismissed, key } of parts) {
            const passed = (mark(key) ?? "") >= key;
            if (passed) expect(world.deleted.has(key) || dismissed === "skipped" || checked === "gone").toBe(true);
          }
        }
      }),
    60_000,
  );

  it.effect(
    "a run that goes on where dead ones stopped misses nothing they had not settled for good",
    () =>
      Effect.gen(function*() {
        const cases = FastCheck.sample(
          FastCheck.record({
            items: FastCheck.array(item, { minLength: 20, maxLength: 120 }),
            troubles: FastCheck.array(trouble, { maxLength: 30 }),
            deaths: FastCheck.array(FastCheck.integer({ min: 0, max: 40_000 }), { maxLength: 4 }),
            options: FastCheck.record({
              batch: FastCheck.integer({ min: 1, max: 12 }),
              chunk: FastCheck.integer({ min: 1, max: 15 }),
              concurrency: FastCheck.integer({ min: 1, max: 4 }),
            }),
          }),
          { numRuns: 10, seed: 20261123 },
        );
        let resumed = 0;
        for (const { deaths, items, options, troubles } of cases) {
          const world = new ModelWorld(keys(items.length, (index) => defined(items[index]!)), troubles);
          world.latency = () => Duration.seconds(2);
          for (const death of deaths) {
            const fiber = yield* Effect.fork(simulate(world, options));
            yield* TestClock.adjust(death);
            yield* Fiber.interruptFork(fiber);
            yield* TestClock.adjust("1 minutes");
            yield* Fiber.await(fiber);
          }
          const report = yield* simulate(world, options);
          balanced(report);
          resumed += report.resumed;
          if (report.stop !== undefined) continue;
          world.checkpoints.clear();
          const fromTheBeginning = yield* simulate(world, options);
          expect(fromTheBeginning.ledger).toMatchObject({ committed: 0, deleted: 0 });
        }
        expect(resumed).toBeGreaterThan(0);
      }),
    60_000,
  );
});
