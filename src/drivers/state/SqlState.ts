import { Effect, Layer } from "effect";
import type { Access } from "../../core/Access.ts";
import type { StateError } from "../../core/Errors.ts";
import { State } from "../../core/State.ts";
import { fault } from "./fault.ts";
import * as Owner from "./Owner.ts";
import * as Quarantine from "./Quarantine.ts";
import * as Runs from "./Runs.ts";
import * as StateFile from "./StateFile.ts";

/** Reads of a state that nothing has been written to yet; Invariant 10: reading does not make it. */
const absent = (path: string): State["Type"] => {
  const refused = Effect.fail(
    fault(path, "Denied", "it is opened for reading and does not exist", { remedy: "Begin a run first" }),
  );
  return {
    begin: () => refused,
    heartbeat: () => refused,
    finish: () => refused,
    quarantine: () => refused,
    release: () => refused,
    sweep: () => refused,
    accept: () => refused,
    resumable: () => Effect.succeed(new Map()),
    runs: () => Effect.succeed([]),
    accepted: (identities) => Effect.succeed(identities.map(() => false)),
    quarantined: () => Effect.succeed([]),
  };
};

/** The state in one SQLite file on a local disk; opened, made and migrated when the layer is built. */
export const layer = (options: { readonly path: string; readonly access: Access }): Layer.Layer<State, StateError> =>
  Layer.scoped(
    State,
    Effect.gen(function*() {
      const session = yield* StateFile.open(options.path, options.access);
      if (session === undefined) return absent(options.path);
      return { ...Runs.make(session, yield* Owner.self), ...Quarantine.make(session) };
    }),
  );
