/** Which quarantined items a verb is about. */
import * as Args from "@effect/cli/Args";
import { Effect, Option, Stream } from "effect";
import type { StateError } from "../core/Errors.ts";
import type { QuarantineRecord, State } from "../core/State.ts";
import { UsageError } from "./Failure.ts";
import * as Flag from "./Flag.ts";
import * as Layout from "./Layout.ts";
import * as Workspace from "./Workspace.ts";

export const args = Args.text({ name: "WHAT" }).pipe(Args.repeated);
export const usage = "[WHAT…]";
export const meaning = "WHAT is an id of quarantine list, its first 6 letters or more, or the key of an item.";

export const flags = {
  pipeline: Flag.text("pipeline", "NAME", "only items of this pipeline"),
  code: Flag.text("code", "CODE", "only items with this code, e.g. narinfo/unknown-key"),
};

export const all = Flag.toggle("all", "every item that is not accepted yet");

type Values = Flag.Values<typeof flags>;
export type Filter = Parameters<State["Type"]["quarantined"]>[0];

/** Records asked of the state at once. */
export const pageSize = 1_000;

/** What to ask the state for. A pipeline's name among ids and keys is a slip, and would find nothing. */
export const filter = (
  workspace: Workspace.Workspace,
  values: Values,
  what: ReadonlyArray<string>,
  accepted: boolean | undefined,
): Effect.Effect<Omit<Filter, "limit" | "after">, UsageError> => {
  const name = what.find((word) => workspace.pipelines.some((pipeline) => pipeline.name === word));
  if (name !== undefined) {
    return new UsageError({
      reason: "selection",
      detail: `${name} is a pipeline, not the id or key of an item`,
      remedy: `write --pipeline ${name}`,
    });
  }
  const by = {
    environment: workspace.environment,
    ...(values.pipeline === undefined ? {} : { pipeline: values.pipeline }),
    ...(values.code === undefined ? {} : { code: values.code }),
    ...(what.length === 0 ? {} : { match: what }),
    ...(accepted === undefined ? {} : { accepted }),
  };
  return values.pipeline === undefined ? Effect.succeed(by) : Effect.as(Workspace.file(workspace, values.pipeline), by);
};

/** Page by page, so that memory does not grow with the quarantine (Invariant 4). */
export const pages = (
  state: State["Type"],
  by: Omit<Filter, "limit" | "after">,
): Stream.Stream<ReadonlyArray<QuarantineRecord>, StateError> =>
  Stream.unfoldEffect(
    undefined as string | undefined | null,
    (after) =>
      after === null ? Effect.succeedNone : Effect.map(
        state.quarantined({ ...by, limit: pageSize, ...(after === undefined ? {} : { after }) }),
        (page) => {
          const last = page.at(-1);
          return last === undefined
            ? Option.none()
            : Option.some([page, page.length < pageSize ? null : last.id] as const);
        },
      ),
  );

/** At most so many; one more than that tells that there are more. */
export const first = (state: State["Type"], by: Omit<Filter, "limit" | "after">, limit: number) =>
  Stream.runFoldWhile(
    pages(state, by),
    [] as ReadonlyArray<QuarantineRecord>,
    (found) => found.length < limit,
    (found, page) => [...found, ...page.slice(0, limit - found.length)],
  );

/** Changing verbs never take "nothing said" for "everything". */
export const demand = (
  values: Values & { readonly all: boolean },
  what: ReadonlyArray<string>,
  advised: string,
): Effect.Effect<void, UsageError> =>
  what.length > 0 || values.code !== undefined || values.all
    ? Effect.void
    : new UsageError({
      reason: "selection",
      detail: "which items? give ids or keys, --code CODE or --all",
      remedy: `see ${advised}`,
    });

/** `--all` of none is done already: scripts call it after every run. */
export const isAll = (values: Values & { readonly all: boolean }, what: ReadonlyArray<string>): boolean =>
  values.all && what.length === 0 && values.code === undefined;

/** That there is none, with what was asked for: a mistyped code looks like a clean quarantine otherwise. */
export const none = (kind: "waiting" | "accepted", { code, pipeline }: Values, what: ReadonlyArray<string>): string =>
  [
    `nothing ${kind} in quarantine`,
    ...(what.length === 0 ? [] : [`is called ${what.join(", ")}`]),
    ...(code === undefined ? [] : [`with code ${code}`]),
    ...(pipeline === undefined ? [] : [`of pipeline ${pipeline}`]),
  ].join(" ");

/** Of an id; shorter words are looked for among keys alone. */
const shortestId = 6;

export const nothing = (values: Values, what: ReadonlyArray<string>, advised: string): UsageError =>
  new UsageError({
    reason: "selection",
    detail: what.length === 0 ? none("waiting", values, what) : `nothing in quarantine is called ${what.join(", ")}`,
    remedy: what.some((word) => word.length < shortestId)
      ? `give the first ${shortestId} letters of an id, or more: see ${advised}`
      : `see ${advised}`,
  });

/** As `--json` shows a record. */
export const json = (record: QuarantineRecord) => ({
  id: record.id,
  environment: record.environment,
  pipeline: record.pipeline,
  source: record.source,
  key: record.key,
  sha256: record.sha256,
  kind: record.kind,
  code: record.code,
  reason: record.reason,
  firstSeen: Layout.iso(record.firstSeen),
  lastSeen: Layout.iso(record.lastSeen),
  runId: record.runId,
  accepted: record.accepted === undefined
    ? null
    : { at: Layout.iso(record.accepted.at), note: record.accepted.note },
});
