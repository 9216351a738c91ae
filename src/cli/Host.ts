import { Context } from "effect";
import type { Effect, Layer, Scope } from "effect";
import type { Access } from "../core/Access.ts";
import type { Check } from "../core/Check.ts";
import type { ConnectionsConfig } from "../core/Config.ts";
import type { Connections } from "../core/Connections.ts";
import type { StateError } from "../core/Errors.ts";
import type { Problem } from "../core/Problem.ts";
import type { Registry } from "../core/Registry.ts";
import type { State } from "../core/State.ts";
import type { Stop } from "../engine/Report.ts";

/** One of the two streams a process writes to. */
export interface Output {
  /** Never fails and never waits: what nobody reads any more is dropped. */
  readonly write: (text: string) => void;
  readonly isTerminal: boolean;
}

/** What the process and the composition root give to the verbs; made by bin.ts. */
export class Host extends Context.Tag("ncps-pipeline/cli/Host")<Host, {
  readonly version: string;
  /** Holds the shipped project file, pipelines and schemas. */
  readonly packageRoot: string;
  readonly workingFolder: string;
  readonly variables: Readonly<Record<string, string | undefined>>;
  readonly stdout: Output;
  readonly stderr: Output;
  /** Whether a person could answer a question. */
  readonly isInteractive: boolean;
  /** Completes at the first SIGINT or SIGTERM; once somebody waits for it, that signal no longer interrupts. */
  readonly stop: Effect.Effect<Stop>;
  /** Answers the signal's name at the first signal that nobody's `stop` has taken. */
  readonly interrupted: Effect.Effect<string>;
  readonly registry: Effect.Effect<Registry>;
  readonly connections: (config: ConnectionsConfig) => Layer.Layer<Connections>;
  readonly state: (options: { readonly path: string; readonly access: Access }) => Layer.Layer<State, StateError>;
  /** What is questionable about a place for the state file. */
  readonly checkState: (path: string) => Effect.Effect<ReadonlyArray<Problem>, never, Scope.Scope>;
  /** All that `doctor` asks of it. */
  readonly checkupState: (path: string) => Effect.Effect<ReadonlyArray<Check>>;
}>() {}
