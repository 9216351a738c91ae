/** The main side of a file worker: calls by name, answered or failed, never left hanging. */
import { Effect, type Scope } from "effect";
import { Worker } from "node:worker_threads";
import { StorageError } from "../../core/Errors.ts";
import { pack, unpack } from "../Packed.ts";
import { threadLimits } from "../threadLimits.ts";
import type { Operations, Request, Response, WorkerData } from "./localWorker.ts";

type Result<Op extends keyof Operations> = Effect.Effect<ReturnType<Operations[Op]>, StorageError>;

export interface Client {
  readonly call: <Op extends keyof Operations>(op: Op, ...args: Parameters<Operations[Op]>) => Result<Op>;
}

/** Bundled next to every dist chunk; under vitest (TypeScript sources) the built one is used. */
const workerUrl = new URL(
  import.meta.url.endsWith(".ts") ? "../../../dist/localWorker.js" : "./localWorker.js",
  import.meta.url,
);

type Resume = (result: Effect.Effect<unknown, StorageError>) => void;

/** Starts a worker, which ends with the scope; calls after its death fail as the ones before it did. */
export const make = (
  name: string,
  workerData: WorkerData,
  url: URL = workerUrl,
): Effect.Effect<Client, never, Scope.Scope> =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() =>
        start(name, new Worker(url, { workerData, name: `storage ${name}`, resourceLimits: threadLimits }))
      ),
      ({ worker }) => Effect.promise(() => worker.terminate()),
    ),
    ({ client }) => client,
  );

const start = (name: string, worker: Worker): { readonly worker: Worker; readonly client: Client } => {
  const pending = new Map<number, Resume>();
  let calls = 0;
  let death: StorageError | undefined;

  const die = (detail: string, cause?: unknown): void => {
    death ??= new StorageError({
      reason: "Unavailable",
      connection: name,
      detail,
      remedy: "Run again; nothing is lost",
      ...(cause === undefined ? {} : { cause }),
    });
    for (const resume of pending.values()) resume(Effect.fail(death));
    pending.clear();
  };

  worker.on("message", (response: Response) => {
    const resume = pending.get(response.id);
    pending.delete(response.id);
    resume?.(
      "value" in response
        ? Effect.succeed(unpack(response.value))
        : "fault" in response
        ? Effect.fail(new StorageError({ connection: name, ...response.fault }))
        : Effect.die(response.defect),
    );
  });
  worker.on("messageerror", (cause) => die("an answer of its file worker could not be read", cause));
  worker.on("error", (cause) => die(`its file worker failed: ${String(cause)}`, cause));
  worker.on("exit", (code) => die(`its file worker ended with code ${code}`));

  const call: Client["call"] = (op, ...args) =>
    Effect.async((resume: Resume) => {
      if (death !== undefined) return resume(Effect.fail(death));
      const id = ++calls;
      pending.set(id, resume);
      worker.postMessage({ id, op, args: pack(args) } satisfies Request);
      return Effect.sync(() => {
        pending.delete(id);
      });
    }) as Effect.Effect<never, StorageError>;

  return { worker, client: { call } };
};
