import type { FileSystem } from "@effect/platform/FileSystem";
import type { Path } from "@effect/platform/Path";
import type { Terminal } from "@effect/platform/Terminal";
import { Cause, Effect, Exit, Logger, LogLevel } from "effect";
import type { Scope } from "effect";
import * as Answer from "./Answer.ts";
import * as CommandLine from "./CommandLine.ts";
import * as ExitCode from "./ExitCode.ts";
import type { Failure } from "./Failure.ts";
import * as Help from "./Help.ts";
import { Host } from "./Host.ts";
import * as Render from "./Render.ts";
import * as Verbs from "./Verbs.ts";

/** What is asked instead of a verb's work, if anything: the version, or help on whatever the words name. */
const aside = (words: ReadonlyArray<string>, version: string): Answer.Answer | undefined => {
  const before = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
  const say = (text: Answer.Answer["text"]) =>
    Answer.make({ summary: `${Verbs.program} ${version}`, result: null, text });
  if (before.includes("--version")) {
    return Answer.make({ summary: `${Verbs.program} ${version}`, result: { version }, text: () => [version] });
  }
  const asksHelp = before.includes("--help") || before.includes("-h");
  if (!asksHelp && words[0] !== "help" && words.length > 0) return undefined;
  const topic = words[0] === "help" ? words.slice(1) : words;
  const { verb } = CommandLine.read(topic);
  const group = Verbs.all.filter(({ name }) => name.startsWith(`${topic[0]} `));
  if (verb !== undefined) return say((paint) => Help.ofVerb(verb, paint));
  if (group.length > 0) return say((paint) => Help.ofGroup(topic[0]!, group, paint));
  return topic[0] === undefined || topic[0].startsWith("-")
    ? say((paint) => Help.overview(Verbs.all, version, paint))
    : undefined;
};

/** Runs the verb that the words ask for, says how it went, and answers the exit code. */
export const main = (
  argv: ReadonlyArray<string>,
): Effect.Effect<number, never, Host | FileSystem | Path | Terminal | Scope.Scope> =>
  Effect.gen(function*() {
    const host = yield* Host;
    const { rest, verb, words } = CommandLine.read(argv);
    const command = verb?.name ?? "";
    const render = Render.make({
      stdout: host.stdout,
      stderr: host.stderr,
      json: words.includes("--json"),
      colour: (host.variables["NO_COLOR"] ?? "") === "" && host.variables["TERM"] !== "dumb",
    });
    const answered = aside(words, host.version);
    const work: Effect.Effect<Answer.Answer, Failure, Host | FileSystem | Path | Terminal | Scope.Scope> =
      answered !== undefined
        ? Effect.succeed(answered)
        : verb === undefined
        ? Effect.fail(CommandLine.unknownVerb(words))
        : Effect.flatMap(
          CommandLine.parse(verb, rest),
          ({ args, values }) =>
            verb.run(values, args).pipe(
              Logger.withMinimumLogLevel(values.verbose ? LogLevel.Debug : LogLevel.Info),
            ),
        ).pipe(
          Effect.provideService(Render.Render, render),
          Effect.provide(Logger.replace(Logger.defaultLogger, render.logger)),
        );
    const ended = yield* Effect.exit(Effect.raceFirst(
      Effect.map(work, (answer) => ({ answer, signal: undefined })),
      Effect.map(host.interrupted, (signal) => ({ answer: undefined, signal })),
    ));
    if (Exit.isSuccess(ended)) {
      const { answer, signal } = ended.value;
      if (answer !== undefined) {
        yield* render.answer(command, answer);
        return ExitCode.of(answer.outcome);
      }
      yield* render.broken(command, `signal/${signal.toLowerCase()}`, `ended by ${signal} before anything began`, "");
      return ExitCode.of({ _tag: "Signalled", signal });
    }
    const failure = Cause.failureOption(ended.cause);
    if (failure._tag === "Some") {
      yield* render.failure(command, failure.value);
      return ExitCode.of({ _tag: "Failed", failure: failure.value });
    }
    yield* render.broken(
      command,
      "pipeline/defect",
      "this is a bug of ncps-pipeline: please report it with the lines below",
      Cause.pretty(ended.cause, { renderErrorCause: true }),
    );
    return ExitCode.of({ _tag: "Died" });
  });
