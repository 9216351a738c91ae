import { Duration, Effect } from "effect";
import * as File from "../../../src/drivers/lock/File.ts";

// A process of its own beside a test: holds keys in a folder until it is killed.
const [folder = "", ...keys] = process.argv.slice(2);

Effect.runPromise(
  Effect.scoped(Effect.gen(function*() {
    const lock = yield* File.make(folder);
    const { taken } = yield* lock.acquire(keys, Duration.hours(1));
    process.stdout.write(`${JSON.stringify(taken)}\n`);
    yield* Effect.never;
  })),
);
