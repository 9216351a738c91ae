import * as Args from "@effect/cli/Args";
import * as CliConfig from "@effect/cli/CliConfig";
import * as CommandDescriptor from "@effect/cli/CommandDescriptor";
import type { HelpDoc } from "@effect/cli/HelpDoc";
import * as HelpDocs from "@effect/cli/HelpDoc";
import * as Options from "@effect/cli/Options";
import type { FileSystem } from "@effect/platform/FileSystem";
import type { Path } from "@effect/platform/Path";
import type { Terminal } from "@effect/platform/Terminal";
import { Array, Cause, Effect, Exit, Logger, LogLevel } from "effect";
import type { Scope } from "effect";
import { nearest } from "../core/Nearest.ts";
import * as Answer from "./Answer.ts";
import * as ExitCode from "./ExitCode.ts";
import { UsageError } from "./Failure.ts";
import type { Failure } from "./Failure.ts";
import * as Flag from "./Flag.ts";
import * as Help from "./Help.ts";
import { Host } from "./Host.ts";
import * as Render from "./Render.ts";
import { common } from "./Verb.ts";
import type { Common, Verb } from "./Verb.ts";
import { makeCompletions } from "./verbs/completions.ts";
import { explain } from "./verbs/explain.ts";
import { history } from "./verbs/history.ts";
import { init } from "./verbs/init.ts";
import { list } from "./verbs/list.ts";
import { plan } from "./verbs/plan.ts";
import { quarantineAccept } from "./verbs/quarantineAccept.ts";
import { quarantineList } from "./verbs/quarantineList.ts";
import { quarantineRetry } from "./verbs/quarantineRetry.ts";
import { quarantineShow } from "./verbs/quarantineShow.ts";
import { run } from "./verbs/run.ts";
import { schema } from "./verbs/schema.ts";
import { status } from "./verbs/status.ts";
import { validate } from "./verbs/validate.ts";

const config = CliConfig.make({ isCaseSensitive: true });

const flagsOf = (verb: Verb): Flag.Flags => ({ ...common, ...verb.flags });

const descriptor = (name: string, verb: Verb) =>
  CommandDescriptor.make(name, Flag.all(flagsOf(verb)), verb.args).pipe(
    CommandDescriptor.withDescription(verb.summary),
  );

const program = "pipeline";

/** The tree of subcommands, for completion scripts. */
const tree = (verbs: ReadonlyArray<Verb>) => {
  const groups = Array.groupBy(verbs, ({ name }) => name.split(" ")[0]!);
  const children = Object.entries(groups).map(([word, members]) => {
    const [first, ...others] = members.map((verb) =>
      [verb.name, descriptor(verb.name.split(" ").at(-1)!, verb)] as const
    );
    return members[0]!.name === word
      ? [word, first![1]] as const
      : [word, CommandDescriptor.withSubcommands(CommandDescriptor.make(word), [first!, ...others])] as const;
  });
  return CommandDescriptor.withSubcommands(CommandDescriptor.make(program), [children[0]!, ...children.slice(1)]);
};

/** In the order of help. */
const shipped: ReadonlyArray<Verb> = [
  init,
  list,
  validate,
  plan,
  run,
  status,
  history,
  quarantineList,
  quarantineShow,
  quarantineRetry,
  quarantineAccept,
  explain,
  schema,
];

const completions: Verb = makeCompletions((shell) => {
  const scripts = {
    bash: CommandDescriptor.getBashCompletions,
    fish: CommandDescriptor.getFishCompletions,
    zsh: CommandDescriptor.getZshCompletions,
  };
  return scripts[shell](tree([...shipped, completions]), program);
});

const verbs: ReadonlyArray<Verb> = [...shipped, completions];

const valued = new Set(
  Object.values(common).filter(({ value }) => value !== undefined).map(({ name }) => `--${name}`),
);

/** `--env prod run x` is `run --env prod x`: flags that stand before the verb are moved behind it. */
const verbFirst = (words: ReadonlyArray<string>): ReadonlyArray<string> => {
  let first = 0;
  while (first < words.length && words[first]!.startsWith("-")) first += valued.has(words[first]!) ? 2 : 1;
  return [...words.slice(first), ...words.slice(0, first)];
};

/** The verb that the first words name, and how many of them do. */
const find = (words: ReadonlyArray<string>): { readonly verb: Verb; readonly length: number } | undefined => {
  for (const length of [2, 1]) {
    const verb = verbs.find(({ name }) => name === words.slice(0, length).join(" "));
    if (verb !== undefined) return { verb, length };
  }
  return undefined;
};

const unknownVerb = (words: ReadonlyArray<string>): UsageError => {
  const [word = ""] = words;
  const group = verbs.filter(({ name }) => name.startsWith(`${word} `));
  const wanted = group.length > 0 ? words.slice(0, 2).join(" ") : word;
  const meant = nearest(wanted, (group.length > 0 ? group : verbs).map(({ name }) => name));
  return new UsageError({
    reason: "verb",
    detail: group.length > 0 && words.length < 2
      ? `${word} needs a verb of its own: ${group.map(({ name }) => name.split(" ")[1]).join(", ")}`
      : `there is no verb ${wanted}`,
    remedy: meant === undefined ? `see ${program} --help` : `did you mean ${program} ${meant}?`,
  });
};

const oneLine = (doc: HelpDoc): string =>
  HelpDocs.toAnsiText(doc).replace(/\u001b\[[\d;]*m/g, "").replace(/\s+/g, " ").trim();

/** `--set=a=b` as `--set a=b`, which @effect/cli does not read where a flag may be repeated. */
const separated = (flags: Flag.Flags, words: ReadonlyArray<string>): ReadonlyArray<string> => {
  const takesValue = new Set(
    Object.values(flags).filter(({ value }) => value !== undefined).map(({ name }) => `--${name}`),
  );
  let isValue = false;
  return words.flatMap((word) => {
    const [, name = word, value] = /^(--[a-z-]+)=(.*)$/s.exec(word) ?? [];
    const splits = !isValue && value !== undefined && takesValue.has(name);
    isValue = !isValue && !splits && takesValue.has(word);
    return splits ? [name, value] : [word];
  });
};

/** Reads flags and arguments; both may stand in any order, and after `--` only arguments. */
const parse = (verb: Verb, words: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const end = words.indexOf("--");
    const [open, forced] = end === -1 ? [words, []] : [words.slice(0, end), words.slice(end + 1)];
    const flags = flagsOf(verb);
    const [, left, values] = yield* Options.processCommandLine(Flag.all(flags), separated(flags, open), config);
    const strange = left.find((word) => word.startsWith("-") && word !== "-");
    if (strange !== undefined) return yield* unknownFlag(verb, strange);
    const [rest, args] = yield* Args.validate(verb.args, [...left, ...forced], config);
    if (rest[0] !== undefined) {
      return yield* new UsageError({
        reason: "argument",
        detail: `${JSON.stringify(rest[0])} is one argument too many`,
        remedy: `write ${program} ${verb.name} ${verb.usage}`.trimEnd(),
      });
    }
    return { values: values as Common, args };
  }).pipe(
    Effect.mapError((error) =>
      error._tag === "UsageError"
        ? error
        : new UsageError({
          reason: "flag",
          detail: oneLine(error.error),
          remedy: `see ${program} ${verb.name} --help`,
        })
    ),
  );

const unknownFlag = (verb: Verb, word: string): UsageError => {
  const name = word.replace(/=.*$/s, "");
  const meant = nearest(name, Object.values(flagsOf(verb)).map((flag) => `--${flag.name}`));
  return new UsageError({
    reason: "flag",
    detail: `${program} ${verb.name} has no ${name}`,
    remedy: meant === undefined ? `see ${program} ${verb.name} --help` : `did you mean ${meant}?`,
  });
};

/** What is asked instead of a verb's work, if anything: the version, or help on whatever the words name. */
const aside = (words: ReadonlyArray<string>, version: string): Answer.Answer | undefined => {
  const before = words.includes("--") ? words.slice(0, words.indexOf("--")) : words;
  const say = (text: Answer.Answer["text"]) => Answer.make({ summary: `${program} ${version}`, result: null, text });
  if (before.includes("--version")) {
    return Answer.make({ summary: `${program} ${version}`, result: { version }, text: () => [version] });
  }
  const asksHelp = before.includes("--help") || before.includes("-h");
  if (!asksHelp && words[0] !== "help" && words.length > 0) return undefined;
  const topic = words[0] === "help" ? words.slice(1) : words;
  const found = find(topic);
  const group = verbs.filter(({ name }) => name.startsWith(`${topic[0]} `));
  if (found !== undefined) return say((paint) => Help.ofVerb(found.verb, paint));
  if (group.length > 0) return say((paint) => Help.ofGroup(topic[0]!, group, paint));
  return topic[0] === undefined || topic[0].startsWith("-")
    ? say((paint) => Help.overview(verbs, version, paint))
    : undefined;
};

/** Runs the verb that the words ask for, says how it went, and answers the exit code. */
export const main = (
  argv: ReadonlyArray<string>,
): Effect.Effect<number, never, Host | FileSystem | Path | Terminal | Scope.Scope> =>
  Effect.gen(function*() {
    const host = yield* Host;
    const words = verbFirst(argv);
    const found = find(words);
    const command = found?.verb.name ?? "";
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
        : found === undefined
        ? Effect.fail(unknownVerb(words))
        : Effect.flatMap(
          parse(found.verb, words.slice(found.length)),
          ({ args, values }) =>
            found.verb.run(values, args).pipe(
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
