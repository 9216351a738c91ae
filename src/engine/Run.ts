import { Cause, DateTime, Duration, Effect, Either, Fiber, Stream } from "effect";
import type { Source, Transform } from "../core/Component.ts";
import { Connections } from "../core/Connections.ts";
import { Faults } from "../core/Faults.ts";
import type { Registry } from "../core/Registry.ts";
import { State } from "../core/State.ts";
import type { Checkpoints } from "../core/State.ts";
import type { BatchSettings } from "../spec/Spec.ts";
import { Adapt } from "./Adapt.ts";
import { admit } from "./Admission.ts";
import * as Brake from "./Brake.ts";
import * as Gate from "./Gate.ts";
import { Holds } from "./Holds.ts";
import { sinkSettings } from "./Inspect.ts";
import * as Intake from "./Intake.ts";
import * as Ledger from "./Ledger.ts";
import type { Plan } from "./Plan.ts";
import type { Progress, RunReport, Stop } from "./Report.ts";
import * as Retry from "./Retry.ts";
import { Settlement } from "./Settlement.ts";
import * as Watermarks from "./Watermarks.ts";
import * as Work from "./Work.ts";

export interface RunOptions {
  /** Only these keys, read again: a quarantine retry. */
  readonly pick?: ReadonlyArray<string>;
  /** Post-steps were left out of the plan (`--keep`). */
  readonly keep: boolean;
  /** Items per second at most; else as the spec says. */
  readonly maxRate?: number;
  /** Completes when the run should admit nothing more; never, if nobody asks. */
  readonly stop: Effect.Effect<Stop>;
  /** Called every `progressEvery` and once at the end. */
  readonly onProgress: (progress: Progress) => Effect.Effect<void>;
}

/** Often enough to reassure a person, seldom enough for a log. */
const progressEvery = Duration.seconds(5);
/** A run whose process died is recognised after this long: six missed heartbeats. */
const lease = Duration.seconds(30);
/** Batches under way where only one can be written at a time: one is written, one read back, one deleted. More would wait, in memory. */
const batchesPerWriter = 3;

/**
 * Runs a plan to its end or to the first reason to stop, and answers the closing account. Fails only before the first item: when a connection,
 * the source, the sink or the state cannot be opened.
 */
export const run = Effect.fn("Engine.run")(function*(plan: Plan, registry: Registry, options: RunOptions) {
  const { spec } = plan;
  const state = yield* State;
  const connections = yield* Connections;
  const faults = yield* Faults;
  const settings = sinkSettings(spec, registry);
  const source: Source = yield* spec.source.component.open(spec.source.options);
  const sink = yield* spec.sink.component.open(spec.sink.options, settings, plan.sinkFacts, "write");
  const steps = yield* Effect.forEach(spec.postSteps, (step) => step.component.open(step.options, source));
  const locking = spec.sink.lock === undefined
    ? undefined
    : { lock: yield* connections.lock, ttl: spec.sink.lock.ttl };

  const brakes = yield* Brake.openAll(spec.throttles, spec.sink.statementTimeout);

  const startedAt = yield* DateTime.now;
  const now = yield* Work.monotonic;
  const scope = { environment: plan.environment, pipeline: plan.pipeline, source: source.fingerprint };
  const identity = {
    environment: plan.environment,
    pipeline: plan.pipeline,
    planHash: plan.hash,
    postSteps: plan.postSteps,
  };
  const checkpoints: Checkpoints = options.pick === undefined && source.caps.ordered && source.caps.resumable
    ? yield* state.resumable(identity)
    : new Map();
  const kind = options.pick === undefined ? "run" : "retry";
  const runId = yield* state.begin({ ...identity, kind, lease });

  const settlement = new Settlement(state, runId, scope);
  const watermarks = new Watermarks.Watermarks();
  const maxRate = options.maxRate ?? spec.maxRate;
  const workers = sink.singleWriter ? Math.min(batchesPerWriter, spec.sink.concurrency.max) : spec.sink.concurrency.max;
  const adapt = new Adapt(
    paced(spec.sink.batch.items, maxRate),
    spec.sink.lock?.holdTarget,
    sink.singleWriter ? { start: 1, max: 1 } : spec.sink.concurrency,
  );
  const holds = new Holds(spec.sink.lock?.holdTarget);
  const gate = Gate.make({ brakes, perSecond: maxRate, now, onResume: () => adapt.restart() });
  const intake: Intake.Intake = yield* Intake.make({
    batch: spec.sink.batch,
    retry: spec.sink.retry,
    size: () => adapt.items,
    writers: () => sink.singleWriter ? workers : adapt.writers,
    pass: (items) => Effect.catchAll(gate.pass(items), (failure) => stopOn(failure)),
    // Nobody's time runs out while the run stands still.
    now: Effect.zipWith(now, gate.pausedMillis, (at, paused) => at - paused),
  });
  const halt = yield* Effect.makeLatch(false);
  let stopped: Stop | undefined;
  let total: number | undefined;

  const stop = (reason: Stop) =>
    Effect.suspend(() => {
      stopped ??= reason;
      return Effect.zipRight(halt.open, intake.shut);
    });
  const bench: Work.Bench = {
    source,
    sink,
    steps,
    locking,
    retry: spec.sink.retry,
    settlement,
    defer: intake.defer,
    adapt,
    attempted: Effect.suspend(() => {
      adapt.ended();
      return intake.adjust;
    }),
    holds,
    writing: yield* Effect.makeSemaphore(sink.singleWriter ? 1 : workers),
    now,
    stop,
    stopping: halt.await,
  };
  const stopOn = (failure: Retry.Failure) =>
    stop({ kind: "environment", code: Retry.code(failure), reason: failure.message });
  /** A bug, wherever it shows: what is under way comes to its end first, and the run is no success. */
  const stopOnDefect = (cause: Cause.Cause<never>) =>
    stop({ kind: "environment", code: "run/defect", reason: Cause.pretty(cause) });

  const transforms = spec.transforms.map((transform) => transform.component.make(transform.options));
  const producer = yield* admit({
    source,
    transforms,
    sink,
    lock: spec.sink.lock,
    watermarks,
    checkpoints,
    pick: options.pick,
  }).pipe(
    Stream.takeWhile(() => stopped === undefined),
    Stream.runForEach((chunk) => Effect.zipRight(settlement.dismiss(chunk.dismissed), intake.put(chunk.items))),
    Effect.catchAll(stopOn),
    Effect.catchAllCause(stopOnDefect),
    Effect.ensuring(intake.close),
    Effect.forkScoped,
  );

  const progress = Effect.map(
    Effect.all([now, intake.inFlight, gate.paused]),
    ([elapsedMillis, inFlight, paused]): Progress => {
      const ledger = settlement.ledger;
      // What was deleted while it was being counted is not in the count.
      const known = total === undefined ? undefined : Math.max(total, ledger.listed);
      return {
        keep: options.keep,
        total: known,
        ledger,
        elapsedMillis,
        rate: rateOf(ledger, elapsedMillis),
        inFlight,
        batchItems: adapt.items,
        writers: adapt.writers,
        maxRate,
        paused,
      };
    },
  );
  const checkpoint = Effect.gen(function*() {
    yield* faults.hit("before-checkpoint");
    const current = yield* progress;
    yield* state.heartbeat(runId, current, new Map([...checkpoints, ...watermarks.snapshot()]));
    yield* faults.hit("after-checkpoint");
  });
  const pulse = yield* checkpoint.pipe(
    // A state that is busy costs this heartbeat; the lease outlasts it.
    Effect.catchAll((failure) =>
      Retry.remedy(failure) === "again" ? Effect.logWarning(failure.message) : stopOn(failure)
    ),
    Effect.zipRight(Effect.flatMap(progress, options.onProgress)),
    Effect.delay(progressEvery),
    Effect.forever,
    Effect.catchAllCause(stopOnDefect),
    Effect.forkScoped,
  );
  const signal = yield* Effect.forkScoped(Effect.flatMap(options.stop, stop));
  const isCountable = source.caps.countable && isKeyed(transforms);
  const counting = yield* (options.pick === undefined && isCountable && checkpoints.size === 0
    ? count(source).pipe(Effect.map((keys) => total = keys), Effect.ignore)
    : Effect.void).pipe(Effect.forkScoped);

  yield* Effect.all(
    Array.from(
      { length: workers },
      () => intake.work((batch) => Work.batch(bench, batch)).pipe(Effect.catchAllCause(stopOnDefect)),
    ),
    { concurrency: "unbounded", discard: true },
  );
  yield* Fiber.interruptAll([producer, counting]);

  const waiting = (yield* intake.leftOver).map((member) => ({
    ref: member.item,
    ticket: member.ticket,
    outcome: "contended" as const,
    code: "run/stopped",
    reason: "the run was stopped before its turn came again; run again",
  }));
  yield* Effect.orDie(settlement.refuse(waiting));
  settlement.abandonParts();

  const tidy = Effect.gen(function*() {
    for (const step of steps) yield* Effect.catchAll(step.finish, (failure) => Effect.logWarning(failure.message));
    // What could not be read, or not be locked, has not been judged again, but is still there.
    const { contended, failed } = settlement.ledger;
    const sawAll = options.pick === undefined && checkpoints.size === 0 && failed + contended === 0;
    if (sawAll) yield* state.sweep(scope, runId);
  }).pipe(Effect.catchAll(stopOn), Effect.catchAllCause(stopOnDefect));
  // It may take long: the heart beats on, and a signal ends it.
  if (stopped === undefined) yield* Effect.raceFirst(tidy, halt.await);
  yield* Fiber.interruptAll([pulse, signal]);
  // Whatever the count was: what has been listed by now is all there was.
  if (stopped === undefined && isCountable) total = settlement.ledger.listed;
  yield* Effect.flatMap(progress, options.onProgress);

  const finishedAt = yield* DateTime.now;
  const durationMillis = yield* now;
  const ledger = settlement.ledger;
  const shortfalls = [
    ...Ledger.shortfalls(ledger, spec.tolerate),
    ...(stopped === undefined ? [] : [`stopped: ${stopped.reason}`]),
  ];
  const report: RunReport = {
    runId,
    pipeline: plan.pipeline,
    environment: plan.environment,
    planHash: plan.hash,
    mode: kind,
    keep: options.keep,
    status: stopped?.kind === "signal" ? "interrupted" : shortfalls.length === 0 ? "succeeded" : "failed",
    startedAt: DateTime.formatIso(startedAt),
    finishedAt: DateTime.formatIso(finishedAt),
    durationMillis,
    rate: rateOf(ledger, durationMillis),
    ledger,
    imbalances: Ledger.imbalances(ledger),
    shortfalls,
    incidents: settlement.incidents.list(),
    stop: stopped,
    resumed: checkpoints.size,
    tuning: { batchItems: adapt.items, writers: adapt.writers },
    locks: locking === undefined ? undefined : holds.report(locking.lock.kind, yield* intake.deferred),
    pauses: yield* gate.pauses,
  };
  yield* faults.hit("before-report");
  const recorded = yield* Effect.either(state.finish(runId, report.status, report));
  yield* faults.hit("after-report");
  if (Either.isRight(recorded)) return report;
  const unrecorded: Stop = { kind: "environment", code: Retry.code(recorded.left), reason: recorded.left.message };
  return {
    ...report,
    status: "failed",
    stop: report.stop ?? unrecorded,
    shortfalls: [...report.shortfalls, `the report could not be recorded: ${unrecorded.reason}`],
  } satisfies RunReport as RunReport;
}, Effect.scoped);

/** Batches of a second's worth at most, so that a slow rate is no series of bursts. */
const paced = ({ max, start }: BatchSettings["items"], perSecond: number | undefined): BatchSettings["items"] => {
  const most = perSecond === undefined ? max : Math.min(max, Math.max(1, Math.floor(perSecond)));
  return { start: Math.min(start, most), max: most };
};

const rateOf = (ledger: Ledger.Ledger, elapsedMillis: number): number =>
  elapsedMillis > 0 ? Math.round(Ledger.processed(ledger) * 10_000 / elapsedMillis) / 10 : 0;

/** Whether each key of the source is one item; objects that are taken apart say nothing of how many items there will be. */
export const isKeyed = (transforms: ReadonlyArray<Transform>): boolean =>
  transforms.every(({ objectOf }) => objectOf === undefined);

/** How many keys the source holds; nothing is read. */
export const count = (source: Source) =>
  Stream.fromIterableEffect(source.partitions).pipe(
    Stream.flatMap((partition) => source.keys(partition)),
    Stream.runFold(0, (total, keys) => total + keys.length),
  );
