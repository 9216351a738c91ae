import type { Effect, Stream } from "effect";
import type { Check } from "./Check.ts";
import type { StorageError } from "./Errors.ts";
import type { Origin } from "./Item.ts";

/**
 * One listed object. `odd` says why it is not read: `rejected` for good (a symlink, a FIFO, a folder with the suffix, a name that is no
 * UTF-8), `failed` for now (a folder that cannot be listed, its key ending in `/`: what it holds is unknown).
 */
export interface Entry {
  readonly key: string;
  readonly odd?: { readonly outcome: "rejected" | "failed"; readonly code: string; readonly reason: string };
}

/** `Refused`: this object alone cannot be taken, for good (`rejected`) or for now (`failed`). */
export type ReadOutcome =
  | { readonly _tag: "Read"; readonly bytes: Uint8Array; readonly origin: Origin }
  | { readonly _tag: "Gone" }
  | {
    readonly _tag: "Refused";
    readonly outcome: "rejected" | "failed";
    readonly code: string;
    readonly reason: string;
  };

export interface Target {
  readonly key: string;
  readonly origin: Origin;
}

/** `Undeleted`: it is as it was read, but could not be deleted. */
export type DeleteOutcome =
  | { readonly _tag: "Deleted" | "Gone" | "Changed" }
  | { readonly _tag: "Undeleted"; readonly code: string; readonly reason: string };

/** What a pipeline will ask of a storage, below this prefix. */
export interface StorageNeeds {
  readonly prefix: string;
  readonly deletes: boolean;
}

/** Objects by key, in a folder or a bucket. Every method works on a chunk; answers are in the order asked. */
export interface Storage {
  /** Who it is, without secrets: scheme, host, bucket or real path. Part of the plan hash and of quarantine identities. */
  readonly identity: string;
  /**
   * Whether `remove` compares and deletes in one step; if not, a window remains and the spec must accept it. Where only a try can tell, a
   * canary is written, tried and removed, once: to be asked by who is about to delete, never by a reading verb (Invariant 10).
   */
  readonly conditionalDelete: Effect.Effect<boolean, StorageError>;
  /** For `doctor`: what is there, allowed and safe; never fails, writes nothing but the canary of `conditionalDelete`. */
  readonly checkup: (needs: StorageNeeds) => Effect.Effect<ReadonlyArray<Check>>;
  /** Prefixes below `prefix` that together hold all its keys, in byte order; `[prefix]` where there is nothing to divide. */
  readonly partitions: (prefix: string) => Effect.Effect<ReadonlyArray<string>, StorageError>;
  /** Keys with the prefix and suffix after `after`, in byte order, lazily; Invariant 4: never more than one folder's or page's names in memory. */
  readonly list: (options: {
    readonly prefix: string;
    readonly suffix: string;
    readonly after?: string;
  }) => Stream.Stream<ReadonlyArray<Entry>, StorageError>;
  /**
   * Reads whole objects of at most `maxBytes` each; larger ones are refused unread. Invariant 4: answers the first keys only, at least one,
   * when all of them together would be too much to hold; the caller asks again for the rest.
   */
  readonly read: (
    keys: ReadonlyArray<string>,
    maxBytes: number,
  ) => Effect.Effect<ReadonlyArray<ReadOutcome>, StorageError>;
  /** Whether objects are still what was read, cheaply (no content); `undefined` where asking would cost a round trip each. */
  readonly check?: (
    targets: ReadonlyArray<Target>,
  ) => Effect.Effect<ReadonlyArray<"same" | "changed" | "gone">, StorageError>;
  /** Invariant 1: deletes each object only if its origin is unchanged. */
  readonly remove: (targets: ReadonlyArray<Target>) => Effect.Effect<ReadonlyArray<DeleteOutcome>, StorageError>;
  /**
   * Removes empty folders below the prefix and the prefix itself, but none whose name ends with the suffix: those were listed as odd, and a
   * reject is left alone. Does nothing where folders do not exist. Answers how many.
   */
  readonly prune: (prefix: string, suffix: string) => Effect.Effect<number, StorageError>;
}
