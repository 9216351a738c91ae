import { expect, it } from "@effect/vitest";
import { Effect } from "effect";
import * as LocalClient from "../../../src/drivers/storage/LocalClient.ts";

const script = (text: string) => new URL(`data:text/javascript,${encodeURIComponent(text)}`);
const client = (text: string) => LocalClient.make("cache-storage", { root: "/", armed: undefined }, script(text));

it.scoped("a worker that cannot be loaded fails calls, it does not hang them", () =>
  Effect.gen(function*() {
    const { call } = yield* client("this is no program");
    expect(yield* Effect.flip(call("root"))).toMatchObject({ _tag: "StorageError", reason: "Unavailable" });
    expect(yield* Effect.flip(call("root"))).toMatchObject({ _tag: "StorageError", reason: "Unavailable" });
  }));

it.scoped("a worker that ends midway fails every call that waits for it", () =>
  Effect.gen(function*() {
    const { call } = yield* client(
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => process.exit(3))",
    );
    const failed = yield* Effect.all([1, 2, 3].map(() => Effect.flip(call("root"))), { concurrency: "unbounded" });
    for (const error of failed) expect(error.message).toContain("ended with code 3");
  }));

it.scoped("a worker that throws where nobody expects it fails the calls with the cause", () =>
  Effect.gen(function*() {
    const { call } = yield* client(
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', () => { throw new Error('boom') })",
    );
    expect((yield* Effect.flip(call("root"))).message).toContain("boom");
  }));

it.scoped("an interrupted call leaves no answer behind for the next one", () =>
  Effect.gen(function*() {
    const { call } = yield* client(
      "import { parentPort } from 'node:worker_threads'; parentPort.on('message', ({ id, args }) => setTimeout(() => parentPort.postMessage({ id, value: ['plain', args[1][0]] }), 50))",
    );
    yield* Effect.fork(call("partitions", "first")).pipe(
      Effect.tap(() => Effect.yieldNow()),
      Effect.flatMap((fiber) => fiber.interruptAsFork(fiber.id())),
    );
    expect(yield* call("partitions", "second")).toBe("second");
  }));
