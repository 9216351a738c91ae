import { Effect } from "effect";
import { State } from "../../core/State.ts";
import * as Answer from "../Answer.ts";
import * as Flag from "../Flag.ts";
import { quote } from "../Invocation.ts";
import * as Layout from "../Layout.ts";
import { openState } from "../Prepare.ts";
import * as Selection from "../Selection.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

const byDefault = 50;

/** `pipeline quarantine list`. */
export const quarantineList = Verb.make({
  name: "quarantine list",
  summary: "lists items that were left behind: rejected, or in conflict with rows that others wrote",
  description: `Their files are untouched. ${Selection.meaning}`,
  examples: ["pipeline quarantine list", "pipeline quarantine list --code narinfo/unknown-key --limit 500"],
  usage: Selection.usage,
  args: Selection.args,
  flags: {
    ...Selection.flags,
    accepted: Flag.toggle("accepted", "those that were accepted instead of those that wait"),
    limit: Flag.count("limit", "items shown", byDefault),
  },
  run: Effect.fn("Cli.quarantineList")(function*(values, what) {
    const workspace = yield* Workspace.open(values);
    const by = yield* Selection.filter(workspace, values, what, values.accepted);
    const state = yield* openState(workspace, "read");
    const found = yield* Effect.flatMap(
      State,
      (port) => port.quarantined({ ...by, limit: values.limit + 1, forPeople: true }),
    ).pipe(
      Effect.provide(state),
    );
    const shown = found.slice(0, values.limit);
    const isMore = found.length > shown.length;
    const kind = values.accepted ? "accepted" : "waiting";
    const summary = `${isMore ? "more than " : ""}${Layout.plural(shown.length, "item")} ${kind}`;
    return Answer.make({
      summary,
      result: { environment: workspace.environment, items: shown.map(Selection.json), isComplete: !isMore },
      text: (paint) =>
        shown.length === 0 ? [Selection.none(kind, values, what)] : [
          ...Layout.columns(shown.map(({ accepted, code, id, key, reason }) => [
            paint.bold(id),
            paint.yellow(code),
            key,
            paint.dim(
              accepted === undefined || accepted.note === "" ? reason : `${reason} (accepted: ${accepted.note})`,
            ),
          ])),
          "",
          isMore
            ? `${summary}; ${workspace.advise(`quarantine list --limit ${values.limit * 10}`)} shows more`
            : summary,
          ...(values.accepted ? [] : [
            "Next",
            ...Layout.columns([
              [workspace.advise(`quarantine show ${shown[0]!.id}`), paint.dim("all that is known of one")],
              [workspace.advise("quarantine retry --all"), paint.dim("after files have been mended or removed")],
              [
                workspace.advise(`quarantine accept --code ${quote(shown[0]!.code)} --note WHY`),
                paint.dim("leaves these where they are, for good"),
              ],
            ], "  "),
          ]),
        ],
    });
  }),
});
