import * as Args from "@effect/cli/Args";
import { Effect } from "effect";
import * as Answer from "../Answer.ts";
import * as Verb from "../Verb.ts";

export const shells = ["bash", "fish", "zsh"] as const;

/** `pipeline completions`: needs to know every verb, this one included. */
export const makeCompletions = (script: (shell: typeof shells[number]) => Effect.Effect<ReadonlyArray<string>>) =>
  Verb.make({
    name: "completions",
    summary: "prints a completion script for a shell",
    description: "",
    examples: [
      "pipeline completions bash > ~/.local/share/bash-completion/completions/pipeline",
      "source <(pipeline completions zsh)",
    ],
    usage: shells.join("|"),
    args: Args.choice(shells.map((shell) => [shell, shell] as const), { name: "SHELL" }),
    flags: {},
    run: (_, shell) =>
      Effect.map(
        script(shell),
        (lines) =>
          Answer.make({
            summary: `completion script for ${shell}`,
            result: { shell, script: lines },
            text: () => lines,
          }),
      ),
  });
