/** A part of a source, chosen by a hash of the keys: the same seed chooses the same keys, whatever else comes or goes. */
import { Effect, Stream } from "effect";
import type { Source } from "../core/Component.ts";

export type Sample =
  /** This many keys, or all where there are fewer. */
  | { readonly _tag: "Count"; readonly count: number }
  /** This part of the keys, above 0 and at most 1. */
  | { readonly _tag: "Share"; readonly share: number };

/** Keys whose hash lies below are chosen. */
export type Cut = number;

const range = 2 ** 32;
/** Read at once, as a source would by itself. */
const keysAtOnce = 512;

/** FNV-1a from a seed, then the finalizer of MurmurHash3, since keys differ in few places. */
const hash = (key: string, seed: number): number => {
  let h = (0x811c9dc5 ^ Math.imul(seed, 0x9e3779b1)) >>> 0;
  for (let at = 0; at < key.length; at++) h = Math.imul(h ^ key.charCodeAt(at), 0x01000193);
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
};

export const isChosen = (cut: Cut, seed: number, key: string): boolean => hash(key, seed) < cut;

/** Invariant 4: of all keys, the smallest hashes are kept, and no more than twice as many as are wanted. */
export const cutOf = <E>(
  sample: Sample,
  seed: number,
  keys: Stream.Stream<ReadonlyArray<string>, E>,
): Effect.Effect<Cut, E> => {
  if (sample._tag === "Share") return Effect.succeed(sample.share * range);
  const { count } = sample;
  let smallest: Array<number> = [];
  const settle = (): Cut => {
    smallest = smallest.sort((a, b) => a - b).slice(0, count);
    return smallest.length < count ? range : smallest.at(-1)! + 1;
  };
  return Stream.runFold(keys, range, (cut, some) => {
    for (const key of some) {
      const hashed = hash(key, seed);
      if (hashed < cut) smallest.push(hashed);
    }
    return smallest.length < 2 * count ? cut : settle();
  }).pipe(Effect.map(settle));
};

const keysOf = (source: Source) =>
  Stream.flatMap(Stream.fromIterableEffect(source.partitions), (partition) => source.keys(partition));

/** A source of the chosen keys alone; its keys are listed, nothing else of it is read. */
export const narrow = (sample: Sample, seed: number) => (source: Source) =>
  Effect.map(cutOf(sample, seed, keysOf(source)), (cut): Source => ({
    ...source,
    partitions: Effect.succeed(["sample"]),
    read: () =>
      keysOf(source).pipe(
        Stream.mapConcat((keys) => keys.filter((key) => isChosen(cut, seed, key))),
        Stream.grouped(keysAtOnce),
        Stream.flatMap((keys) => source.pick([...keys])),
      ),
  }));
