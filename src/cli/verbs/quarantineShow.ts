import * as Args from "@effect/cli/Args";
import { Effect } from "effect";
import type { QuarantineRecord } from "../../core/State.ts";
import { State } from "../../core/State.ts";
import * as Answer from "../Answer.ts";
import * as Layout from "../Layout.ts";
import type { Paint } from "../Paint.ts";
import { openState } from "../Prepare.ts";
import * as Selection from "../Selection.ts";
import * as Verb from "../Verb.ts";
import * as Workspace from "../Workspace.ts";

/** A key or prefix may name a few; nobody reads more than a page. */
const shownAtMost = 20;

const describe = (record: QuarantineRecord, paint: Paint): ReadonlyArray<string> =>
  Layout.columns([
    [paint.bold("id"), record.id],
    [paint.bold("key"), record.key],
    [paint.bold(record.kind), `${paint.yellow(record.code)}  ${record.reason}`],
    [paint.bold("pipeline"), `${record.pipeline}, environment ${record.environment}`],
    [paint.bold("source"), record.source],
    [paint.bold("content"), record.sha256 === "" ? "not read" : `sha256:${record.sha256}`],
    [
      paint.bold("seen"),
      `first ${Layout.instant(record.firstSeen)}, last ${Layout.instant(record.lastSeen)} by run ${record.runId}`,
    ],
    [
      paint.bold("accepted"),
      record.accepted === undefined
        ? "no"
        : `${Layout.instant(record.accepted.at)}${record.accepted.note === "" ? "" : `: ${record.accepted.note}`}`,
    ],
  ]);

/** `pipeline quarantine show`. */
export const quarantineShow = Verb.make({
  name: "quarantine show",
  summary: "shows all that is known of quarantined items",
  description: Selection.meaning,
  examples: ["pipeline quarantine show 3f9a1c20"],
  usage: "WHAT…",
  args: Args.text({ name: "WHAT" }).pipe(Args.atLeast(1)),
  flags: Selection.flags,
  run: Effect.fn("Cli.quarantineShow")(function*(values, what) {
    const workspace = yield* Workspace.open(values);
    const by = yield* Selection.filter(workspace, values, what, undefined);
    const state = yield* openState(workspace, "read");
    const found = yield* Effect.flatMap(
      State,
      (port) => Selection.first(port, by, shownAtMost),
    ).pipe(Effect.provide(state));
    const [one] = found;
    if (one === undefined) return yield* Selection.nothing(values, what, workspace.advise("quarantine list"));
    return Answer.make({
      summary: found.length === 1 ? `${one.key}: ${one.code}` : `${Layout.plural(found.length, "item")}`,
      result: { items: found.map(Selection.json) },
      text: (paint) => [
        ...found.flatMap((record) => [...describe(record, paint), ""]),
        "Next",
        ...Layout.columns([
          [workspace.advise(`quarantine retry ${one.id}`), paint.dim("after its file has been mended or removed")],
          [workspace.advise(`quarantine accept ${one.id} --note WHY`), paint.dim("leaves it where it is, for good")],
        ], "  "),
      ],
    });
  }),
});
