import { Duration, Effect } from "effect";
import { State } from "../../../src/core/State.ts";
import * as SqlState from "../../../src/drivers/state/SqlState.ts";

// A process of its own beside a test: `open` a state, `write` so many chunks to it, or write `forever` until it is killed.
const [path = "", verb, name = ""] = process.argv.slice(2);

const scope = { environment: "prod", pipeline: "p", source: "s" };

/** A line per step, for whoever waits for it. */
const say = (line: string) => Effect.sync(() => process.stdout.write(`${line}\n`));

const write = (chunks: number) =>
  Effect.gen(function*() {
    const state = yield* State;
    const id = yield* state.begin({ ...scope, planHash: "h", postSteps: "[]", kind: "run", lease: Duration.hours(1) });
    yield* say(id);
    for (let chunk = 0; chunk < chunks; chunk++) {
      yield* state.quarantine(
        id,
        Array.from({ length: 10 }, (_, index) => ({
          ...scope,
          key: `${name}/${chunk}/${index}`,
          sha256: "",
          code: "x/y",
          kind: "rejected" as const,
          reason: "z".repeat(500),
        })),
      );
      yield* state.heartbeat(id, { chunk }, new Map([["part", String(chunk)]]));
      yield* say(String(chunk));
    }
    yield* state.finish(id, "succeeded", {});
  });

const program = verb === "open"
  ? Effect.asVoid(Effect.flatMap(State, (state) => state.runs({ environment: scope.environment, limit: 1 })))
  : write(verb === "forever" ? Infinity : Number(verb));

Effect.runPromise(
  program.pipe(
    Effect.provide(SqlState.layer({ path, access: name === "read" ? "read" : "write" })),
    Effect.matchEffect({
      onSuccess: () => say("ended"),
      onFailure: ({ message, reason }) => say(JSON.stringify({ reason, message })),
    }),
  ),
);
