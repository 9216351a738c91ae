import * as Args from "@effect/cli/Args";
import * as CliConfig from "@effect/cli/CliConfig";
import type { HelpDoc } from "@effect/cli/HelpDoc";
import * as HelpDocs from "@effect/cli/HelpDoc";
import * as Options from "@effect/cli/Options";
import { Effect } from "effect";
import { nearest } from "../core/Nearest.ts";
import { UsageError } from "./Failure.ts";
import * as Flag from "./Flag.ts";
import { common, flagsOf } from "./Verb.ts";
import type { Common, Verb } from "./Verb.ts";
import * as Verbs from "./Verbs.ts";

const config = CliConfig.make({ isCaseSensitive: true });

/** `--name` of the flags that the word after them belongs to. */
const valuedNames = (flags: Flag.Flags): ReadonlySet<string> =>
  new Set(Object.values(flags).filter(({ value }) => value !== undefined).map(({ name }) => `--${name}`));

const valued = valuedNames(common);

/** A command line, as far as it can be read before its verb is known. */
export interface Line {
  /** From the verb on; what stands before it is appended. */
  readonly words: ReadonlyArray<string>;
  readonly verb: Verb | undefined;
  /** Flags and arguments of the verb, in their order: of a flag given twice, the last one counts. */
  readonly rest: ReadonlyArray<string>;
}

/** Finds the verb, of one word or two; flags may stand before it. */
export const read = (argv: ReadonlyArray<string>): Line => {
  let first = 0;
  while (first < argv.length && argv[first]!.startsWith("-")) first += valued.has(argv[first]!) ? 2 : 1;
  const [before, words] = [argv.slice(0, first), argv.slice(first)];
  for (const length of [2, 1]) {
    const verb = Verbs.find(words.slice(0, length));
    if (verb !== undefined) return { words: [...words, ...before], verb, rest: [...before, ...words.slice(length)] };
  }
  return { words: [...words, ...before], verb: undefined, rest: [] };
};

/** Why words name no verb. */
export const unknownVerb = (words: ReadonlyArray<string>): UsageError => {
  const [word = ""] = words;
  const group = Verbs.all.filter(({ name }) => name.startsWith(`${word} `));
  const wanted = group.length > 0 ? words.slice(0, 2).join(" ") : word;
  const meant = nearest(wanted, (group.length > 0 ? group : Verbs.all).map(({ name }) => name));
  return new UsageError({
    reason: "verb",
    detail: group.length > 0 && words.length < 2
      ? `${word} needs a verb of its own: ${group.map(({ name }) => name.split(" ")[1]).join(", ")}`
      : `there is no verb ${wanted}`,
    remedy: meant === undefined ? `see ${Verbs.program} --help` : `did you mean ${Verbs.program} ${meant}?`,
  });
};

const oneLine = (doc: HelpDoc): string =>
  HelpDocs.toAnsiText(doc).replace(/\u001b\[[\d;]*m/g, "").replace(/\s+/g, " ").trim();

/**
 * `--set=a=b` as `--set a=b`, which @effect/cli does not read where a flag may be repeated; nor does it miss a value there. Answers the
 * flag that lacks its value, if one does.
 */
const separated = (flags: Flag.Flags, words: ReadonlyArray<string>) => {
  const takesValue = valuedNames(flags);
  let waiting: string | undefined;
  const separate = words.flatMap((word) => {
    const [, name = word, value] = /^(--[a-z-]+)=(.*)$/s.exec(word) ?? [];
    const splits = waiting === undefined && value !== undefined && takesValue.has(name);
    waiting = waiting === undefined && !splits && takesValue.has(word) ? word : undefined;
    return splits ? [name, value] : [word];
  });
  return { words: separate, lacking: waiting };
};

/** Reads flags and arguments; both may stand in any order, and after `--` only arguments. */
export const parse = (verb: Verb, words: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const end = words.indexOf("--");
    const [open, forced] = end === -1 ? [words, []] : [words.slice(0, end), words.slice(end + 1)];
    const flags = flagsOf(verb);
    const separate = separated(flags, open);
    if (separate.lacking !== undefined) {
      return yield* new UsageError({
        reason: "flag",
        detail: `${separate.lacking} needs a value after it`,
        remedy: `see ${Verbs.program} ${verb.name} --help`,
      });
    }
    const [, left, values] = yield* Options.processCommandLine(Flag.all(flags), separate.words, config);
    const strange = left.find((word) => word.startsWith("-") && word !== "-");
    if (strange !== undefined) return yield* unknownFlag(verb, strange);
    const [rest, args] = yield* Args.validate(verb.args, [...left, ...forced], config);
    if (rest[0] !== undefined) {
      return yield* new UsageError({
        reason: "argument",
        detail: `${JSON.stringify(rest[0])} is one argument too many`,
        remedy: `write ${Verbs.program} ${verb.name} ${verb.usage}`.trimEnd(),
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
          remedy: `see ${Verbs.program} ${verb.name} --help`,
        })
    ),
  );

const unknownFlag = (verb: Verb, word: string): UsageError => {
  const name = word.replace(/=.*$/s, "");
  const known = Object.values(flagsOf(verb)).map((flag) => `--${flag.name}`);
  const meant = nearest(name, known);
  return new UsageError({
    reason: "flag",
    detail: known.includes(name) ? `${name} stands there twice` : `${Verbs.program} ${verb.name} has no ${name}`,
    remedy: known.includes(name)
      ? "give it once"
      : meant === undefined
      ? `see ${Verbs.program} ${verb.name} --help`
      : `did you mean ${meant}?`,
  });
};
