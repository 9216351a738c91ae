import { describe, expect, it } from "@effect/vitest";
import { Clock, Duration, Effect, Fiber, TestClock } from "effect";
import type { Admitted } from "../../src/engine/Admission.ts";
import * as Intake from "../../src/engine/Intake.ts";
import { Ticket } from "../../src/engine/Watermarks.ts";

const admitted = (key: string): Admitted => ({
  item: { key, position: key, origin: { version: "", sha256: "" }, value: undefined, weight: 1, bytes: 1 },
  identity: key,
  lockKey: undefined,
  ticket: new Ticket("", 1, () => {}),
  listed: true,
  deferrals: 0,
  deferredSince: 0,
});

const chunk = (...keys: ReadonlyArray<string>) => keys.map(admitted);

/** An intake of batches of two, and what its workers have been given so far. */
const world = Effect.gen(function*() {
  const intake = yield* Intake.make({
    batch: { items: { start: 2, max: 2 }, bytes: 1_000, wait: Duration.millis(500) },
    retry: {
      attempts: 5,
      backoff: Duration.seconds(1),
      maxBackoff: Duration.seconds(1),
      deadline: Duration.seconds(60),
    },
    size: () => 2,
    writers: () => 2,
    pass: () => Effect.void,
    now: Clock.currentTimeMillis,
  });
  const batches: Array<ReadonlyArray<string>> = [];
  const work = (then: (batch: ReadonlyArray<Admitted>) => Effect.Effect<void> = () => Effect.void) =>
    Effect.fork(intake.work((batch) =>
      Effect.suspend(() => {
        batches.push(batch.map(({ item }) => item.key));
        return then(batch);
      })
    ));
  return { intake, batches, work };
});

describe("what the source brings becomes batches", () => {
  it.effect("a full batch goes at once, a rest after its wait, and all of it when the source has ended", () =>
    Effect.gen(function*() {
      const { batches, intake, work } = yield* world;
      const worker = yield* work();
      yield* intake.put(chunk("a", "b", "c"));
      yield* TestClock.adjust("10 millis");
      expect(batches).toEqual([["a", "b"]]);
      yield* TestClock.adjust("480 millis");
      expect(batches).toHaveLength(1);
      yield* TestClock.adjust("20 millis");
      expect(batches).toEqual([["a", "b"], ["c"]]);
      yield* intake.put(chunk("d"));
      yield* intake.close;
      yield* Fiber.join(worker);
      expect(batches).toEqual([["a", "b"], ["c"], ["d"]]);
    }));

  it.effect("what came while all workers were busy goes as full batches, though its wait is over", () =>
    Effect.gen(function*() {
      const { batches, intake, work } = yield* world;
      const worker = yield* work(() => Effect.sleep("2 seconds"));
      yield* intake.put(chunk("a", "b", "c"));
      yield* TestClock.adjust("10 millis");
      yield* intake.put(chunk("d"));
      yield* intake.close;
      yield* TestClock.adjust("5 seconds");
      yield* Fiber.join(worker);
      expect(batches).toEqual([["a", "b"], ["c", "d"]]);
    }));

  it.effect("who needs a lock of a batch under way waits for its end, not for luck", () =>
    Effect.gen(function*() {
      const { batches, intake, work } = yield* world;
      const workers = [yield* work(() => Effect.sleep("2 seconds")), yield* work(() => Effect.sleep("2 seconds"))];
      const locked = (key: string, lockKey: string): Admitted => ({ ...admitted(key), lockKey });
      yield* intake.put([locked("a", "x"), locked("b", "y"), locked("c", "x")]);
      yield* intake.close;
      yield* TestClock.adjust("1900 millis");
      expect(batches).toEqual([["a", "b"]]);
      yield* TestClock.adjust("200 millis");
      expect(batches).toEqual([["a", "b"], ["c"]]);
      yield* TestClock.adjust("2 seconds");
      yield* Effect.all(workers.map(Fiber.join));
    }));

  it.effect("a worker does not leave while another's batch may yet be put off", () =>
    Effect.gen(function*() {
      const { batches, intake, work } = yield* world;
      let tries = 0;
      const putOff = (batch: ReadonlyArray<Admitted>) =>
        Effect.sleep("5 seconds").pipe(
          Effect.zipRight(tries++ === 0 ? intake.defer(batch, 1) : Effect.void),
        );
      const workers = [yield* work(putOff), yield* work(putOff)];
      yield* intake.put(chunk("a"));
      yield* intake.close;
      yield* TestClock.adjust("4 seconds");
      expect(yield* intake.inFlight).toBe(1);
      for (const worker of workers) expect((yield* Fiber.poll(worker))._tag).toBe("None");
      yield* TestClock.adjust("1 minutes");
      yield* Fiber.joinAll(workers);
      expect(batches).toEqual([["a"], ["a"]]);
    }));

  it.effect("Invariant 4: while too much is put off, the source waits", () =>
    Effect.gen(function*() {
      const { batches, intake, work } = yield* world;
      const held = new Set(Array.from({ length: 20 }, (_, index) => `k${index}`));
      yield* work((batch) => held.has(batch[0]!.item.key) ? Effect.asVoid(intake.defer(batch, 1)) : Effect.void);
      const keys = [...held];
      const producer = yield* Effect.fork(
        Effect.forEach(keys, (key) => intake.put(chunk(key, `${key}'`))).pipe(Effect.zipRight(intake.close)),
      );
      yield* TestClock.adjust("900 millis");
      expect(batches).toHaveLength(4);
      expect((yield* Fiber.poll(producer))._tag).toBe("None");
      held.clear();
      yield* TestClock.adjust("10 seconds");
      yield* Fiber.join(producer);
      expect(new Set(batches.flat()).size).toBe(40);
    }));

  it.effect("once shut, waiting workers leave and what was put off is left over", () =>
    Effect.gen(function*() {
      const { batches, intake, work } = yield* world;
      const workers = [yield* work((batch) => Effect.asVoid(intake.defer(batch, 1))), yield* work()];
      const [first, second] = chunk("a", "b");
      yield* intake.put([first!, second!]);
      yield* intake.put([{ ...admitted("unlisted"), listed: false }]);
      yield* TestClock.adjust("100 millis");
      yield* intake.shut;
      yield* Fiber.joinAll(workers);
      expect(batches).toEqual([["a", "b"]]);
      expect(yield* intake.leftOver).toEqual([first, second]);
    }));
});
