import { Chunk, Duration, Effect, Random, Stream } from "effect";
import type { ComponentError, Sink, Source, Transform } from "../core/Component.ts";
import { comparePositions } from "../core/Item.ts";
import type { Dismissal, Item, Sifted } from "../core/Item.ts";
import type { Checkpoints } from "../core/State.ts";
import type { LockSettings } from "../spec/Spec.ts";
import type { Ticket, Watermarks } from "./Watermarks.ts";

/** An item on its way through the engine. */
export interface Admitted {
  readonly item: Item;
  /** Unique within a batch. */
  readonly identity: string;
  /** `undefined` where the spec locks nothing. */
  readonly lockKey: string | undefined;
  readonly ticket: Ticket;
  /** Whether the ledger has listed it. */
  listed: boolean;
  /** Times it left a batch to be tried again; when that began, in milliseconds of the run's clock. */
  deferrals: number;
  deferredSince: number;
}

/** The locks of a batch, each once: two items may share one, though not an identity. */
export const lockKeysOf = (members: ReadonlyArray<Admitted>): ReadonlySet<string> => {
  const keys = new Set<string>();
  for (const { lockKey } of members) keys.add(lockKey!);
  return keys;
};

/** What one chunk of the source came to. */
export interface AdmittedChunk {
  readonly items: ReadonlyArray<Admitted>;
  readonly dismissed: ReadonlyArray<{ readonly dismissal: Dismissal; readonly ticket: Ticket }>;
}

/** Where objects were taken apart, a chunk may hold a hundred thousand: this many are some milliseconds of work, and a batch's worth of memory. */
const itemsAtOnce = 1000;
/** Lets timers and answers have their turn; `yieldNow` would only let other fibers. */
const breathe = Effect.sleep(Duration.zero);

/** Runs a chunk through every transform and the sink's sieve; who is dismissed at one stage does not reach the next. */
export const sift = (
  chunk: Sifted,
  transforms: ReadonlyArray<Transform>,
  sink: Pick<Sink, "sift">,
): Effect.Effect<Sifted, ComponentError> =>
  Effect.gen(function*() {
    let items: ReadonlyArray<Item> = chunk.items;
    let dismissed = chunk.dismissed;
    for (const transform of transforms) {
      const applied = transform.apply(items);
      const sifted = Effect.isEffect(applied) ? yield* applied : applied;
      items = sifted.items;
      dismissed = dismissed.concat(sifted.dismissed);
    }
    const kept: Array<Item> = [];
    const turnedAway: Array<Dismissal> = [];
    for (let from = 0; from < items.length; from += itemsAtOnce) {
      if (from > 0) yield* breathe;
      const sifted = sink.sift(items.slice(from, from + itemsAtOnce));
      kept.push(...sifted.items);
      turnedAway.push(...sifted.dismissed);
    }
    return { items: kept, dismissed: dismissed.concat(turnedAway) };
  });

/** `migration:{hash}` becomes a function of the item's value; a path that leads to no plain value gives an empty part. */
export const lockKeyOf = (lock: LockSettings | undefined): (item: Item) => string | undefined => {
  if (lock === undefined) return () => undefined;
  const parts = lock.key.split(/\{([^}]*)\}/).map((text, index) => index % 2 === 0 ? text : text.split("."));
  return ({ value }) => parts.map((part) => typeof part === "string" ? part : at(value, part)).join("");
};

const at = (value: unknown, path: ReadonlyArray<string>): string => {
  let current = value;
  for (const name of path) {
    if (typeof current !== "object" || current === null) return "";
    current = (current as Record<string, unknown>)[name];
  }
  // A document's maps may have no prototype, and then no text.
  return typeof current === "object" || current === undefined ? "" : String(current as string);
};

/** The whole source as admitted chunks: partitions in order from a random one on, so that several runners do not walk in step. */
export const admit = (options: {
  readonly source: Source;
  readonly transforms: ReadonlyArray<Transform>;
  readonly sink: Pick<Sink, "sift" | "identify">;
  readonly lock: LockSettings | undefined;
  readonly watermarks: Watermarks;
  readonly checkpoints: Checkpoints;
  /** Only these keys, for a retry. */
  readonly pick: ReadonlyArray<string> | undefined;
}): Stream.Stream<AdmittedChunk, ComponentError> => {
  const lockKey = lockKeyOf(options.lock);
  const through = (partition: string, chunks: Stream.Stream<Sifted, ComponentError>) =>
    Stream.mapConcatEffect(
      chunks,
      (chunk) =>
        Effect.map(sift(chunk, options.transforms, options.sink), (sifted) => {
          const ticket = options.watermarks.open(
            partition,
            lastPosition(chunk),
            sifted.items.length + sifted.dismissed.length,
          );
          const items = admitted(sifted.items, ticket, options.sink.identify, lockKey);
          const dismissed = sifted.dismissed.map((dismissal) => ({ dismissal, ticket }));
          return Array.from(
            { length: Math.ceil(Math.max(items.length, dismissed.length, 1) / itemsAtOnce) },
            (_, index) => ({
              items: items.slice(index * itemsAtOnce, (index + 1) * itemsAtOnce),
              dismissed: dismissed.slice(index * itemsAtOnce, (index + 1) * itemsAtOnce),
              isFirst: index === 0,
            }),
          );
        }),
    ).pipe(Stream.mapEffect(({ isFirst, ...some }) => isFirst ? Effect.succeed(some) : Effect.as(breathe, some)));
  if (options.pick !== undefined) {
    const keys = options.pick.map((key) =>
      options.transforms.reduceRight((of, { objectOf }) => objectOf === undefined ? of : objectOf(of), key)
    );
    return through("picked", options.source.pick([...new Set(keys)]));
  }
  const partitions = Effect.gen(function*() {
    const all = yield* options.source.partitions;
    const start = all.length === 0 ? 0 : yield* Random.nextIntBetween(0, all.length);
    return Chunk.fromIterable([...all.slice(start), ...all.slice(0, start)]);
  });
  return Stream.flatMap(
    Stream.fromIterableEffect(partitions),
    (partition) => through(partition, options.source.read(partition, options.checkpoints.get(partition))),
  );
};

const admitted = (
  items: ReadonlyArray<Item>,
  ticket: Ticket,
  identify: Sink["identify"],
  lockKey: ReturnType<typeof lockKeyOf>,
): ReadonlyArray<Admitted> => {
  const members = new Array<Admitted>(items.length);
  for (let at = 0; at < items.length; at++) {
    const item = items[at]!;
    members[at] = {
      item,
      identity: identify(item),
      lockKey: lockKey(item),
      ticket,
      listed: false,
      deferrals: 0,
      deferredSince: 0,
    };
  }
  return members;
};

const lastPosition = (chunk: Sifted): string => {
  let last = "";
  for (const item of chunk.items) if (comparePositions(item.position, last) > 0) last = item.position;
  for (const { item } of chunk.dismissed) if (comparePositions(item.position, last) > 0) last = item.position;
  return last;
};
