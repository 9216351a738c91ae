/** One worker thread with one SQLite connection, seen from the main thread: requests by number, a deadline, death as an error. */
import { Deferred, Duration, Effect, FiberId } from "effect";
import type { Scope } from "effect";
import { Worker } from "node:worker_threads";
import { SqlError } from "../../core/Errors.ts";
import type { Program } from "../../core/Sql.ts";
import { pack, unpack } from "../Packed.ts";
import type { Packed } from "../Packed.ts";
import { threadLimits } from "../threadLimits.ts";
import * as SqliteError from "./SqliteError.ts";
import * as SqliteFile from "./SqliteFile.ts";
import type { Reply, Request, WorkerSettings } from "./sqliteProtocol.ts";

/** Bundled next to every dist chunk; under vitest (TypeScript sources) the built one is used. */
const workerUrl = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/sqliteWorker.js" : "./sqliteWorker.js",
  import.meta.url,
);

/**
 * Beyond two busy waits (one for the lock, one for readers at commit): no batch computes this long, so only a hung disk is left.
 * SQLite cannot cancel a running statement; the deadline frees the run from it. The thread is left to itself then: terminated, it
 * would take the process with it as soon as the statement fails (better-sqlite3 throws where nothing can be thrown any more).
 */
const deadlineBeyondWaits = Duration.seconds(30);

/** A batch goes to the thread that writes it and to the one that reads it back: it is packed for both. */
const packed = new WeakMap<object, Packed>();

const packedOnce = (input: unknown): Packed => {
  if (typeof input !== "object" || input === null) return pack(input);
  const known = packed.get(input);
  if (known !== undefined) return known;
  const made = pack(input);
  packed.set(input, made);
  return made;
};

export interface SqliteThread {
  readonly opened: Extract<Reply, { readonly _tag: "Opened" }>;
  readonly run: <D extends object, I, O>(
    program: Program<D, I, O>,
    definition: D,
    input: I,
  ) => Effect.Effect<O, SqlError>;
  readonly settle: Effect.Effect<void, SqlError>;
}

export const make = (
  connection: string,
  settings: WorkerSettings,
): Effect.Effect<SqliteThread, SqlError, Scope.Scope> =>
  Effect.gen(function*() {
    const fail = (
      fields: Pick<SqlError, "reason" | "code" | "detail"> & { readonly remedy?: string; readonly cause?: unknown },
    ) => new SqlError({ connection, ...fields });
    const pending = new Map<number, Deferred.Deferred<unknown, SqlError>>();
    const opening = yield* Deferred.make<Extract<Reply, { readonly _tag: "Opened" }>, SqlError>();
    const exited = yield* Deferred.make<void>();
    let ended: SqlError | undefined;
    let lastId = 0;

    /** What was under way has no answer; what comes later is not sent. */
    const end = (detail: string, cause?: unknown): void => {
      ended ??= fail({
        reason: "Environment",
        code: "WORKER",
        detail,
        remedy: "Run again: what was committed is found there",
        cause,
      });
      const reason = settings.access === "write" ? "CommitUnknown" as const : "ConnectionLost" as const;
      for (const waiting of pending.values()) {
        Deferred.unsafeDone(waiting, fail({ reason, code: "WORKER", detail, cause }));
      }
      pending.clear();
      Deferred.unsafeDone(opening, ended);
    };

    const receive = (reply: Reply): void => {
      if (reply._tag === "Opened") {
        return Deferred.unsafeDone(opening, Effect.succeed(reply));
      }
      const waiting = pending.get(reply.id);
      pending.delete(reply.id);
      if (reply._tag === "Done") {
        if (waiting !== undefined) Deferred.unsafeDone(waiting, Effect.succeed(unpack(reply.value)));
        return;
      }
      const error = SqliteError.translate(connection, settings.path, reply);
      if (waiting === undefined) Deferred.unsafeDone(opening, error);
      else Deferred.unsafeDone(waiting, reply.code === "DEFECT" ? Effect.die(error) : error);
    };

    const worker = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const started = new Worker(workerUrl, { workerData: settings, resourceLimits: threadLimits });
        started.on("message", receive);
        started.on("error", (cause) => end(`the database thread failed: ${cause.message}`, cause));
        started.on("exit", () => {
          end("the database thread has ended");
          Deferred.unsafeDone(exited, Effect.void);
        });
        return started;
      }),
      (started) =>
        Effect.sync(() => started.postMessage({ _tag: "Close" } satisfies Request)).pipe(
          // A finalizer is uninterruptible, and a timeout waits for what it cannot interrupt.
          Effect.zipRight(Effect.interruptible(Deferred.await(exited))),
          Effect.timeoutFail({ duration: deadlineBeyondWaits, onTimeout: () => undefined }),
          Effect.catchAll(() => Effect.sync(() => SqliteFile.keepOpen(settings.path))),
        ),
    );

    const deadline = Duration.sum(Duration.millis(2 * settings.busyTimeoutMs), deadlineBeyondWaits);
    const expire = (): void => end(`no answer within ${Duration.format(deadline)}`);
    // A timer of its own: an Effect timeout waits for what it cannot interrupt, and batches are uninterruptible.
    const beforeDeadline = <A, E>(answer: Effect.Effect<A, E>): Effect.Effect<A, E> =>
      Effect.suspend(() => {
        const timer = setTimeout(expire, Duration.toMillis(deadline));
        return Effect.ensuring(answer, Effect.sync(() => clearTimeout(timer)));
      });
    /** One at a time, so that a deadline counts from when the worker begins. */
    const turn = yield* Effect.makeSemaphore(1);

    const request = (message: (id: number) => Request): Effect.Effect<unknown, SqlError> =>
      Effect.suspend(() => {
        if (ended !== undefined) return ended;
        const id = ++lastId;
        const waiting = Deferred.unsafeMake<unknown, SqlError>(FiberId.none);
        pending.set(id, waiting);
        worker.postMessage(message(id));
        return Effect.ensuring(Deferred.await(waiting), Effect.sync(() => pending.delete(id)));
      }).pipe(beforeDeadline, turn.withPermits(1));

    const definitions = new WeakMap<object, number>();
    let lastDefinition = 0;
    const define = (value: object): number => {
      const known = definitions.get(value);
      if (known !== undefined) return known;
      const definition = ++lastDefinition;
      definitions.set(value, definition);
      worker.postMessage({ _tag: "Define", definition, value } satisfies Request);
      return definition;
    };

    return {
      opened: yield* beforeDeadline(Deferred.await(opening)),
      // The worker has the same table of programs: what it answers is what the program returns.
      run: <D extends object, I, O>(program: Program<D, I, O>, definition: D, input: I) =>
        request((id) => ({
          _tag: "Run",
          id,
          program: program.name,
          definition: define(definition),
          input: packedOnce(input),
        })) as Effect.Effect<O, SqlError>,
      settle: Effect.asVoid(request((id) => ({ _tag: "Settle", id }))),
    };
  });
