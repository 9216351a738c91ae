import type * as Args from "@effect/cli/Args";
import type { FileSystem } from "@effect/platform/FileSystem";
import type { Terminal } from "@effect/platform/Terminal";
import type { Effect, Scope } from "effect";
import type { Answer } from "./Answer.ts";
import type { Failure } from "./Failure.ts";
import * as Flag from "./Flag.ts";
import type { Host } from "./Host.ts";
import type { Render } from "./Render.ts";

/** What every verb understands. */
export const common = {
  environment: Flag.text("env", "NAME", "environment of the project file; else PIPELINE_ENV"),
  set: Flag.texts(
    "set",
    "PATH=VALUE",
    "replaces one setting of pipeline or project, e.g. tolerate.rejected=10; repeatable",
  ),
  project: Flag.text(
    "project",
    "FILE",
    "project file; else the ncps-pipeline.yaml found upward, else the packaged one",
  ),
  state: Flag.text("state", "PATH", "state file; else what the project file says, else .ncps-pipeline/state.db"),
  json: Flag.toggle("json", "one JSON envelope on stdout and nothing else; logs go to stderr"),
  verbose: Flag.toggle("verbose", "logs what is tried again, and why"),
};

export type Common = Flag.Values<typeof common>;

/** What a verb may use. */
export type Services = Host | Render | FileSystem | Terminal | Scope.Scope;

/** One subcommand: what it is called, what help says, what it takes and what it does. */
export interface Verb {
  /** One word, or two: `quarantine list`. */
  readonly name: string;
  /** One line, imperative, without a full stop. */
  readonly summary: string;
  /** What else help should say; whole sentences. */
  readonly description: string;
  readonly examples: ReadonlyArray<string>;
  /** Names of the arguments as help writes them: `NAME`, `[NAME…]`. */
  readonly usage: string;
  readonly args: Args.Args<any>;
  readonly flags: Flag.Flags;
  readonly run: (values: any, args: any) => Effect.Effect<Answer, Failure, Services>;
}

/** Ties the types of flags and arguments to those that `run` gets. */
export const make = <const F extends Flag.Flags, A>(
  verb: Omit<Verb, "flags" | "args" | "run"> & {
    readonly flags: F;
    readonly args: Args.Args<A>;
    readonly run: (values: Flag.Values<F> & Common, args: A) => Effect.Effect<Answer, Failure, Services>;
  },
): Verb => ({ ...verb, flags: verb.flags });

/** Its own flags and the common ones. */
export const flagsOf = (verb: Verb): Flag.Flags => ({ ...common, ...verb.flags });
