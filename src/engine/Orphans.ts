import { Effect, Either, Option, Stream } from "effect";
import type { ComponentError, Sink, Source } from "../core/Component.ts";
import type { Row } from "../core/Sql.ts";
import * as KeyTemplate from "../spec/KeyTemplate.ts";
import * as Sample from "./Sample.ts";

/** Rows that wait for an object which is not there. */
export interface OrphanPage {
  /** Rows that were looked at. */
  readonly stubs: number;
  /** Keys that their objects would have. */
  readonly orphans: ReadonlyArray<string>;
}

type Stubs = NonNullable<Sink["stubs"]>;

/** Why nobody can tell; or how the key of a row's object is made. */
export const keyOf = (
  template: string | undefined,
  stubs: Stubs | undefined,
): Either.Either<(row: Row) => string, string> => {
  if (stubs === undefined) return Either.left("this sink knows no rows that wait to be filled");
  if (template === undefined) {
    return Either.left("the pipeline does not say which object a row waits for (orphans.key)");
  }
  return Either.flatMap(KeyTemplate.parse(template), (parsed) => {
    const unknown = parsed.columns.filter((column) => !stubs.columns.includes(column));
    return unknown.length > 0
      ? Either.left(`orphans.key names ${unknown.join(", ")}; the key of a row is ${stubs.columns.join(", ")}`)
      : Either.right((row) => KeyTemplate.render(parsed, (column) => String(row[stubs.columns.indexOf(column)] ?? "")));
  });
};

/**
 * Every row that waits to be filled, its object asked of the source: one page of rows and of objects at a time (Invariant 4). A row that
 * was filled, its object deleted, while it was being asked about is no orphan: the page is read again wherever one seems to be.
 */
export const pages = (
  stubs: Stubs,
  source: Source,
  keyOf: (row: Row) => string,
  sampling: { readonly sample: Sample.Sample; readonly seed: number } | undefined,
): Stream.Stream<OrphanPage, ComponentError> => {
  const all = Stream.unfoldEffect(
    { after: undefined as Row | undefined },
    ({ after }) =>
      Effect.map(
        stubs.page(after),
        (rows) => rows.length === 0 ? Option.none() : Option.some([{ after, rows }, { after: rows.at(-1) }] as const),
      ),
  );
  const missing = (keys: ReadonlyArray<string>) =>
    Stream.runFold(source.pick(keys), new Set<string>(), (gone, { dismissed }) => {
      for (const { item, outcome } of dismissed) if (outcome === "skipped") gone.add(item.key);
      return gone;
    });
  const lookAt = (cut: Sample.Cut | undefined) =>
    Stream.mapEffect(all, ({ after, rows }) =>
      Effect.gen(function*() {
        const keys = rows.map(keyOf).filter((key) =>
          cut === undefined || sampling === undefined || Sample.isChosen(cut, sampling.seed, key)
        );
        const gone = keys.length === 0 ? new Set<string>() : yield* missing(keys);
        const waiting = gone.size === 0 ? gone : new Set((yield* stubs.page(after)).map(keyOf));
        return { stubs: keys.length, orphans: [...gone].filter((key) => waiting.has(key)) };
      }));
  if (sampling === undefined) return lookAt(undefined);
  const keys = Stream.map(all, ({ rows }) => rows.map(keyOf));
  return Stream.unwrap(Effect.map(Sample.cutOf(sampling.sample, sampling.seed, keys), lookAt));
};
