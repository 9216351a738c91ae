import { describe, expect, it } from "@effect/vitest";
import { DateTime, Duration, Effect, FastCheck, TestClock } from "effect";
import type { Layer, Scope } from "effect";
import type { StateError } from "../../src/core/Errors.ts";
import { State } from "../../src/core/State.ts";
import type { QuarantineIdentity, RunStart } from "../../src/core/State.ts";

const scope = { environment: "prod", pipeline: "narinfo-to-db", source: "file:/cache" };

const run: RunStart = {
  environment: scope.environment,
  pipeline: scope.pipeline,
  planHash: "plan-a",
  postSteps: '["delete-objects"]',
  kind: "run",
  lease: Duration.seconds(30),
};

const identity = (key: string, changed: Partial<QuarantineIdentity> = {}): QuarantineIdentity => ({
  ...scope,
  key,
  sha256: "aa",
  code: "narinfo/unknown-key",
  ...changed,
});

const rejected = (key: string, changed: Partial<QuarantineIdentity> = {}) => ({
  ...identity(key, changed),
  kind: "rejected" as const,
  reason: `line 3 of ${key}`,
});

const environment = scope.environment;

/** What every State keeps to; `fresh` answers a layer onto an empty store of its own, the same store each time it is built. */
export const stateContract = (
  name: string,
  fresh: Effect.Effect<Layer.Layer<State, StateError>, never, Scope.Scope>,
): void => {
  const check = (hazard: string, test: Effect.Effect<void, unknown, State>) =>
    it.scoped(hazard, () => Effect.flatMap(fresh, (layer) => Effect.provide(test, layer)));

  describe(`${name} keeps runs`, () => {
    check(
      "a run's report and times come back as they were handed in",
      Effect.gen(function*() {
        const state = yield* State;
        yield* TestClock.setTime(Date.UTC(2026, 10, 21, 10, 15));
        const id = yield* state.begin(run);
        expect(id).toMatch(/^20261121T101500Z-[0-9a-f]{6}$/);
        const [begun] = yield* state.runs({ environment, limit: 10 });
        expect(begun).toMatchObject({
          id,
          status: "running",
          planHash: "plan-a",
          finishedAt: undefined,
          report: undefined,
          pid: process.pid,
        });
        yield* TestClock.adjust("5 seconds");
        yield* state.heartbeat(id, { found: 3 }, new Map());
        expect((yield* state.runs({ environment, limit: 10 }))[0]?.report).toEqual({ found: 3 });
        yield* state.finish(id, "succeeded", { listed: 3, nested: [null, "é"] });
        const [done] = yield* state.runs({ environment, limit: 10 });
        expect(done?.status).toBe("succeeded");
        expect(done?.report).toEqual({ listed: 3, nested: [null, "é"] });
        expect(DateTime.formatIso(done!.startedAt)).toBe("2026-11-21T10:15:00.000Z");
        expect(DateTime.formatIso(done!.finishedAt!)).toBe("2026-11-21T10:15:05.000Z");
      }),
    );

    check(
      "runs come newest first, of one environment, of one pipeline where asked",
      Effect.gen(function*() {
        const state = yield* State;
        const ids = yield* Effect.replicateEffect(state.begin(run), 3);
        const other = yield* state.begin({ ...run, pipeline: "other" });
        yield* state.begin({ ...run, environment: "staging" });
        const listed = yield* state.runs({ environment, limit: 10 });
        expect(listed.map(({ id }) => id)).toEqual([other, ...ids.toReversed()]);
        const ofPipeline = yield* state.runs({ environment, pipeline: run.pipeline, limit: 2 });
        expect(ofPipeline.map(({ id }) => id)).toEqual([ids[2], ids[1]]);
      }),
    );

    check(
      "history does not grow for ever, and a long run outlives it",
      Effect.gen(function*() {
        const state = yield* State;
        const long = yield* state.begin({ ...run, lease: Duration.days(1) });
        for (let index = 0; index < 1_005; index++) {
          yield* state.begin(run);
          yield* TestClock.adjust(run.lease);
        }
        const listed = yield* state.runs({ environment, limit: 2_000 });
        expect(listed.length).toBeLessThanOrEqual(1_001);
        expect(listed.at(-1)).toMatchObject({ id: long, status: "running" });
      }),
    );

    check(
      "a run whose lease is over reads as abandoned, and as running again when it speaks",
      Effect.gen(function*() {
        const state = yield* State;
        const id = yield* state.begin(run);
        const status = Effect.map(
          state.runs({ environment, pipeline: run.pipeline, limit: 10 }),
          (runs) => runs.find((one) => one.id === id)?.status,
        );
        yield* TestClock.adjust("29 seconds");
        yield* state.heartbeat(id, null, new Map());
        yield* TestClock.adjust("29 seconds");
        expect(yield* status).toBe("running");
        yield* TestClock.adjust("1 seconds");
        expect(yield* status).toBe("abandoned");
        yield* state.begin(run);
        expect(yield* status).toBe("abandoned");
        yield* state.heartbeat(id, null, new Map());
        expect(yield* status).toBe("running");
      }),
    );

    check(
      "a heartbeat does not bring a finished run back, and a run that the store does not know is told so",
      Effect.gen(function*() {
        const state = yield* State;
        const id = yield* state.begin(run);
        yield* state.finish(id, "failed", {});
        expect((yield* Effect.flip(state.heartbeat(id, {}, new Map()))).reason).toBe("Missing");
        expect((yield* state.runs({ environment, limit: 1 }))[0]?.status).toBe("failed");
        expect((yield* Effect.flip(state.finish("20200101T000000Z-000000", "failed", {}))).reason).toBe("Missing");
      }),
    );
  });

  describe(`${name} keeps checkpoints`, () => {
    const marks = new Map([["store/narinfo/0/", "store/narinfo/0/0a/x"], ["store/narinfo/1/", "store/narinfo/1/1b/y"]]);
    const expire = TestClock.adjust("31 seconds");

    check(
      "checkpoints are resumed after an abandoned run only, never from a live one",
      Effect.gen(function*() {
        const state = yield* State;
        const id = yield* state.begin(run);
        yield* state.heartbeat(id, null, marks);
        expect(yield* state.resumable(run)).toEqual(new Map());
        yield* expire;
        expect(yield* state.resumable(run)).toEqual(marks);
        // A run that died before its first checkpoint takes nothing away.
        yield* state.begin(run);
        yield* expire;
        expect(yield* state.resumable(run)).toEqual(marks);
      }),
    );

    check(
      "checkpoints hold for the same plan, post-steps, pipeline and environment only",
      Effect.gen(function*() {
        const state = yield* State;
        yield* state.heartbeat(yield* state.begin(run), null, marks);
        yield* expire;
        for (
          const change of [{ planHash: "plan-b" }, { postSteps: "[]" }, { pipeline: "other" }, {
            environment: "staging",
          }]
        ) {
          expect(yield* state.resumable({ ...run, ...change })).toEqual(new Map());
        }
        expect(yield* state.resumable(run)).toEqual(marks);
      }),
    );

    for (const status of ["succeeded", "failed", "interrupted"] as const) {
      check(
        `a later run that ${status} makes earlier checkpoints void`,
        Effect.gen(function*() {
          const state = yield* State;
          yield* state.heartbeat(yield* state.begin(run), null, marks);
          yield* expire;
          const later = yield* state.begin({ ...run, planHash: "plan-b" });
          yield* state.heartbeat(later, null, marks);
          yield* state.finish(later, status, {});
          expect(yield* state.resumable(run)).toEqual(new Map());
          expect(yield* state.resumable({ ...run, planHash: "plan-b" })).toEqual(new Map());
        }),
      );
    }

    check(
      "an earlier run that finishes late leaves a later run's checkpoints alone",
      Effect.gen(function*() {
        const state = yield* State;
        const early = yield* state.begin(run);
        yield* state.heartbeat(yield* state.begin(run), null, marks);
        yield* state.finish(early, "succeeded", {});
        yield* expire;
        expect(yield* state.resumable(run)).toEqual(marks);
      }),
    );

    check(
      "a retry of picked keys is never resumed",
      Effect.gen(function*() {
        const state = yield* State;
        yield* state.heartbeat(yield* state.begin({ ...run, kind: "retry" }), null, marks);
        yield* expire;
        expect(yield* state.resumable(run)).toEqual(new Map());
      }),
    );
  });

  describe(`${name} keeps quarantine`, () => {
    const all = { environment, limit: 1_000 };

    check(
      "an accept outlives being seen again, and lapses when content or code changes (design: quarantine identity)",
      Effect.gen(function*() {
        const state = yield* State;
        yield* state.quarantine("run-1", [rejected("a"), rejected("b")]);
        const [first] = yield* state.quarantined(all);
        expect(first).toMatchObject({
          key: "a",
          kind: "rejected",
          reason: "line 3 of a",
          runId: "run-1",
          accepted: undefined,
        });
        expect(first?.id).toMatch(/^[0-9a-f]{12}$/);
        expect(yield* state.accept([first!.id], "known")).toBe(1);
        expect(yield* state.accept([first!.id], "again")).toBe(0);
        yield* TestClock.adjust("1 hours");
        yield* state.quarantine("run-2", [rejected("a")]);
        const [again] = yield* state.quarantined(all);
        expect(again).toMatchObject({ id: first!.id, runId: "run-2", accepted: { note: "known" } });
        expect(DateTime.toEpochMillis(again!.lastSeen) - DateTime.toEpochMillis(again!.firstSeen)).toBe(3_600_000);
        const asked = [
          identity("b"),
          identity("a"),
          identity("a", { sha256: "bb" }),
          identity("a", { code: "x/y" }),
          identity("a", { source: "s3:x" }),
        ];
        expect(yield* state.accepted(asked)).toEqual([false, true, false, false, false]);

        yield* state.quarantine("run-3", [rejected("a", { sha256: "bb" })]);
        const [changed, ...others] = yield* state.quarantined(all);
        expect(changed).toMatchObject({ key: "a", sha256: "bb", accepted: undefined });
        expect(changed!.id).not.toBe(first!.id);
        expect(changed!.firstSeen).toEqual(changed!.lastSeen);
        expect(others.map(({ key }) => key)).toEqual(["b"]);
        yield* state.quarantine("run-4", [rejected("a")]);
        expect(yield* state.accepted([identity("a")])).toEqual([false]);
      }),
    );

    check(
      "one environment, pipeline or source never answers for another",
      Effect.gen(function*() {
        const state = yield* State;
        const elsewhere = [{ environment: "staging" }, { pipeline: "other" }, { source: "s3:x" }];
        yield* state.quarantine("run-1", [rejected("a"), ...elsewhere.map((change) => rejected("a", change))]);
        const records = yield* state.quarantined(all);
        expect(records).toHaveLength(3);
        expect(new Set(records.map(({ id }) => id)).size).toBe(3);
        expect(yield* state.quarantined({ ...all, pipeline: "other" })).toHaveLength(1);
        expect(yield* state.quarantined({ ...all, environment: "staging" })).toHaveLength(1);
        const mine = records.find((record) => record.pipeline === scope.pipeline && record.source === scope.source)!;
        yield* state.accept([mine.id], "");
        expect(yield* state.accepted([identity("a"), ...elsewhere.map((change) => identity("a", change))])).toEqual([
          true,
          false,
          false,
          false,
        ]);
        yield* state.release(scope, ["a"]);
        expect(yield* state.quarantined(all)).toHaveLength(2);
      }),
    );

    check(
      "released keys are gone, others stay",
      Effect.gen(function*() {
        const state = yield* State;
        yield* state.quarantine("run-1", ["a", "b", "c"].map((key) => rejected(key)));
        yield* state.release(scope, ["a", "c", "unheard-of"]);
        yield* state.release({ ...scope, source: "unheard-of" }, ["b"]);
        expect((yield* state.quarantined(all)).map(({ key }) => key)).toEqual(["b"]);
      }),
    );

    check(
      "a sweep drops what nobody has seen since the run began, and keeps what another runner saw meanwhile",
      Effect.gen(function*() {
        const state = yield* State;
        yield* state.quarantine("run-0", ["gone", "mine", "theirs"].map((key) => rejected(key)));
        yield* state.quarantine("run-0", [rejected("gone", { pipeline: "other" })]);
        yield* TestClock.adjust("1 minutes");
        const id = yield* state.begin(run);
        yield* state.quarantine(id, [rejected("mine")]);
        yield* state.quarantine("another-runner", [rejected("theirs")]);
        yield* state.sweep(scope, id);
        expect((yield* state.quarantined(all)).map(({ key, pipeline }) => [key, pipeline])).toEqual([
          ["mine", scope.pipeline],
          ["theirs", scope.pipeline],
          ["gone", "other"],
        ]);
      }),
    );

    check(
      "a clock that is set back while a run goes on does not make a sweep drop what the run has seen",
      Effect.gen(function*() {
        const state = yield* State;
        yield* TestClock.adjust("1 hours");
        yield* state.quarantine("run-0", [rejected("gone"), rejected("seen")]);
        yield* TestClock.adjust("1 minutes");
        const id = yield* state.begin(run);
        yield* TestClock.setTime(0);
        yield* state.quarantine(id, [rejected("seen")]);
        yield* state.sweep(scope, id);
        expect((yield* state.quarantined(all)).map(({ key }) => key)).toEqual(["seen"]);
      }),
    );

    check(
      "a sweep reaches beyond what one transaction looks at",
      Effect.gen(function*() {
        const state = yield* State;
        const keys = Array.from({ length: 12_345 }, (_, index) => `k${index}`);
        yield* state.quarantine("run-0", keys.map((key) => rejected(key)));
        yield* TestClock.adjust("1 minutes");
        const id = yield* state.begin(run);
        yield* state.quarantine(id, [rejected("k12344")]);
        yield* state.sweep(scope, id);
        expect((yield* state.quarantined(all)).map(({ key }) => key)).toEqual(["k12344"]);
      }),
    );

    check(
      "paging sees every record once, in byte order of keys, though pages are released while it goes on",
      Effect.gen(function*() {
        const state = yield* State;
        const keys = ["~", "é", "a/b", "a.b", "😀", "\uffff", "a", "B", "a\u0000b", "01", "1"];
        yield* state.quarantine("run-1", keys.flatMap((key) => [rejected(key), rejected(key, { pipeline: "z" })]));
        const seen: Array<string> = [];
        let after: string | undefined;
        for (;;) {
          const page = yield* state.quarantined({ ...all, limit: 2, ...(after === undefined ? {} : { after }) });
          const last = page.at(-1);
          if (last === undefined) break;
          seen.push(...page.map(({ key, pipeline }) => `${pipeline} ${key}`));
          yield* Effect.forEach(page, ({ key, pipeline }) => state.release({ ...scope, pipeline }, [key]));
          after = last.id;
        }
        const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
        expect(seen).toEqual([scope.pipeline, "z"].flatMap((pipeline) => sorted.map((key) => `${pipeline} ${key}`)));
        const lost = yield* Effect.flip(state.quarantined({ ...all, after: "000000000000" }));
        expect(lost.reason).toBe("Missing");
      }),
    );

    check(
      "people see the lines of a file in the order of the file",
      Effect.gen(function*() {
        const state = yield* State;
        yield* state.quarantine("run-1", ["a#10", "a#2", "a#1", "b", "a", "a#100"].map((key) => rejected(key)));
        const records = yield* state.quarantined({ ...all, forPeople: true, limit: 5 });
        expect(records.map(({ key }) => key)).toEqual(["a", "a#1", "a#2", "a#10", "a#100"]);
      }),
    );

    check(
      "records are found by code, by accept, by id, by prefix of an id and by key",
      Effect.gen(function*() {
        const state = yield* State;
        yield* state.quarantine("run-1", [
          rejected("a"),
          rejected("b", { code: "x/y" }),
          rejected("abcdef012345"),
          rejected("d"),
        ]);
        const keys = (filter: Omit<Parameters<State["Type"]["quarantined"]>[0], "environment" | "limit">) =>
          Effect.map(state.quarantined({ ...all, ...filter }), (records) => records.map(({ key }) => key));
        const ids = new Map((yield* state.quarantined(all)).map(({ id, key }) => [key, id]));
        yield* state.accept([ids.get("d")!], "");
        expect(yield* keys({ code: "x/y" })).toEqual(["b"]);
        expect(yield* keys({ accepted: true })).toEqual(["d"]);
        expect(yield* keys({ accepted: false })).toEqual(["a", "abcdef012345", "b"]);
        expect(yield* keys({ match: [ids.get("a")!, ids.get("b")!.slice(0, 6), "d", "abcdef012345"] })).toEqual([
          "a",
          "abcdef012345",
          "b",
          "d",
        ]);
        expect(yield* keys({ match: [ids.get("a")!, "d"], accepted: true })).toEqual(["d"]);
        expect(yield* keys({ match: [ids.get("a")!.slice(0, 5)] })).toEqual([]);
        expect(yield* keys({ match: [] })).toEqual([]);
      }),
    );

    check(
      "two records whose ids collide are both kept and told apart",
      Effect.gen(function*() {
        const state = yield* State;
        // Found by search: the SHA-256 of their identities begin with the same 12 hex digits, 98c294d85068.
        const keys = ["k32992100", "k46396168"];
        for (const key of keys) yield* state.quarantine("run-1", [rejected(key)]);
        const [first, second] = yield* state.quarantined(all);
        expect(first?.id).toBe("98c294d85068");
        expect(second?.id).toMatch(/^98c294d85068[0-9a-f]{8}$/);
        yield* state.accept([second!.id], "");
        expect(yield* state.accepted(keys.map((key) => identity(key)))).toEqual([false, true]);
        yield* state.release(scope, keys);
        yield* state.quarantine("run-2", keys.map((key) => rejected(key)));
        expect(yield* state.quarantined(all)).toHaveLength(2);
      }),
    );

    check(
      "any text survives: keys, codes, reasons, notes",
      Effect.gen(function*() {
        const state = yield* State;
        const texts = FastCheck.sample(
          FastCheck.tuple(FastCheck.string({ unit: "binary", minLength: 1 }), FastCheck.string({ unit: "binary" })),
          200,
        );
        const records = new Map(texts.map(([key, reason]) => [key, { ...rejected(key), reason }]));
        yield* state.quarantine("run-1", [...records.values()]);
        const stored = yield* state.quarantined(all);
        expect(new Map(stored.map(({ key, reason }) => [key, reason]))).toEqual(
          new Map([...records].map(([key, { reason }]) => [key, reason])),
        );
        expect(yield* state.accept(stored.map(({ id }) => id), "note 'quoted' \u0000 \"x\"")).toBe(records.size);
        expect(new Set(yield* state.accepted([...records.values()]))).toEqual(new Set([true]));
        expect((yield* state.quarantined(all))[0]?.accepted?.note).toBe("note 'quoted' \u0000 \"x\"");
      }),
    );

    check(
      "nothing asked is nothing done",
      Effect.gen(function*() {
        const state = yield* State;
        yield* state.quarantine("run-1", []);
        yield* state.release(scope, []);
        expect(yield* state.accepted([])).toEqual([]);
        expect(yield* state.accept([], "")).toBe(0);
        expect(yield* state.quarantined(all)).toEqual([]);
        expect(yield* state.resumable(run)).toEqual(new Map());
        expect(yield* state.runs({ environment, limit: 10 })).toEqual([]);
      }),
    );
  });
};
