import * as CommandDescriptor from "@effect/cli/CommandDescriptor";
import { Array } from "effect";
import * as Flag from "./Flag.ts";
import * as Verb from "./Verb.ts";
import { makeCompletions } from "./verbs/completions.ts";
import { doctor } from "./verbs/doctor.ts";
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
import { verify } from "./verbs/verify.ts";

/** What the tool is called on a command line. */
export const program = "pipeline";

/** In the order of help. */
const shipped: ReadonlyArray<Verb.Verb> = [
  init,
  list,
  validate,
  doctor,
  plan,
  run,
  verify,
  status,
  history,
  quarantineList,
  quarantineShow,
  quarantineRetry,
  quarantineAccept,
  explain,
  schema,
];

const descriptor = (name: string, verb: Verb.Verb) =>
  CommandDescriptor.make(name, Flag.all(Verb.flagsOf(verb)), verb.args).pipe(
    CommandDescriptor.withDescription(verb.summary),
  );

/** The tree of subcommands, for completion scripts. */
const tree = (verbs: ReadonlyArray<Verb.Verb>) => {
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

const completions: Verb.Verb = makeCompletions((shell) => {
  const scripts = {
    bash: CommandDescriptor.getBashCompletions,
    fish: CommandDescriptor.getFishCompletions,
    zsh: CommandDescriptor.getZshCompletions,
  };
  return scripts[shell](tree([...shipped, completions]), program);
});

/** Every verb, in the order of help. */
export const all: ReadonlyArray<Verb.Verb> = [...shipped, completions];

/** The verb of exactly these words. */
export const find = (words: ReadonlyArray<string>): Verb.Verb | undefined =>
  all.find(({ name }) => name === words.join(" "));
