import { Effect, Stream } from "effect";
import { State } from "../../core/State.ts";
import * as Answer from "../Answer.ts";
import * as Flag from "../Flag.ts";
import * as Layout from "../Layout.ts";
import { openState } from "../Prepare.ts";
import * as Selection from "../Selection.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

/** `pipeline quarantine accept`. */
export const quarantineAccept = Verb.make({
  name: "quarantine accept",
  summary: "accepts that items stay behind, so that runs no longer report them",
  description:
    `Nothing is deleted. An accept lapses when the item's content changes, or when it fails for another reason.\n${Selection.meaning}`,
  examples: [
    "pipeline quarantine accept 3f9a1c20 --note 'truncated in 2021, nobody asks for it'",
    "pipeline quarantine accept --code narinfo/unknown-key --note 'see ticket 42'",
    "pipeline quarantine accept --all --note 'looked through on Monday'",
  ],
  usage: Selection.usage,
  args: Selection.args,
  flags: { ...Selection.flags, all: Selection.all, note: Flag.text("note", "WHY", "why, for who comes after you") },
  run: Effect.fn("Cli.quarantineAccept")(function*(values, what) {
    const workspace = yield* Workspace.open(values);
    yield* Selection.demand(values, what, workspace.advise("quarantine list"));
    const by = yield* Selection.filter(workspace, values, what, false);
    // Reading first: where nothing matches, nothing is written or made.
    const found = yield* Effect.flatMap(State, (port) => Selection.first(port, by, 1)).pipe(
      Effect.provide(yield* openState(workspace, "read")),
    );
    const [one] = found;
    if (one === undefined) {
      if (!Selection.isAll(values, what)) {
        return yield* Selection.nothing(values, what, workspace.advise("quarantine list"));
      }
      const summary = Selection.none("waiting", values, what);
      return Answer.make({ summary, result: { accepted: 0 }, text: () => [summary] });
    }
    const accepted = yield* Effect.flatMap(State, (port) =>
      Stream.runFoldEffect(
        Selection.pages(port, by),
        0,
        (count, page) => Effect.map(port.accept(page.map(({ id }) => id), values.note ?? ""), (more) => count + more),
      )).pipe(Effect.provide(yield* openState(workspace, "write")));
    const summary = `${Layout.plural(accepted, "item")} accepted`;
    return Answer.make({
      summary,
      result: { accepted },
      text: (paint) => [
        paint.green(`✔ ${summary}: runs no longer report ${accepted === 1 ? "it" : "them"}; the files stay`),
        `Next: ${workspace.advise(`run ${one.pipeline}`)}`,
      ],
    });
  }),
});
