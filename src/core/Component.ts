import type { Duration, Effect, Schema, Scope, Stream } from "effect";
import type { Access } from "./Access.ts";
import type { Connections } from "./Connections.ts";
import type { ConnectionError, SqlError, StorageError } from "./Errors.ts";
import type { Dismissal, Item, Receipt, Sifted } from "./Item.ts";
import type { Problem } from "./Problem.ts";
import type { Row, SqlNeeds } from "./Sql.ts";
import type { Storage, StorageNeeds } from "./Storage.ts";

/** What an item's value is: `object` is whole bytes (`ObjectValue`), every other shape a plain document with dotted paths. */
export type Shape = "object" | "document" | (string & {});

/** The value of an item of shape `object`. */
export interface ObjectValue {
  readonly bytes: Uint8Array;
}

export type ComponentError = ConnectionError | StorageError | SqlError;

type Opened<A> = Effect.Effect<A, ComponentError, Connections | Scope.Scope>;

/** What looking at a component's surroundings found; `facts` is the component's own and comes back at `open`. */
export interface Inspection {
  readonly facts: unknown;
  /** Names and values that identify what is read or written, without secrets: part of the plan hash. */
  readonly identity: Readonly<Record<string, string>>;
  readonly problems: ReadonlyArray<Problem>;
  /** What will be run there, for `plan`: a title and the text of the statement. */
  readonly statements: ReadonlyArray<{ readonly title: string; readonly text: string }>;
}

// ---------------------------------------------------------------------------------------------------------- running

export interface Source<out A = unknown> {
  /**
   * `ordered`: positions grow within a partition; `resumable`: `after` is honoured; `unique`: no key comes twice;
   * `countable`: listing the keys costs next to nothing beside reading them.
   */
  readonly caps: {
    readonly ordered: boolean;
    readonly resumable: boolean;
    readonly unique: boolean;
    readonly countable: boolean;
  };
  /** Identity of what is listed, without secrets; part of quarantine identities. */
  readonly fingerprint: string;
  readonly partitions: Effect.Effect<ReadonlyArray<string>, ComponentError>;
  /** Lazy, in position order where `ordered`; what cannot be an item comes out dismissed. */
  readonly read: (partition: string, after?: string) => Stream.Stream<Sifted<A>, ComponentError>;
  /** Reads just these keys, for quarantine retry; a key that is gone comes out `skipped`. */
  readonly pick: (keys: ReadonlyArray<string>) => Stream.Stream<Sifted<A>, ComponentError>;
  /** Whether items are still what was read, asked under the lock; absent where asking costs a round trip per item. */
  readonly check?: (
    items: ReadonlyArray<Item<unknown>>,
  ) => Effect.Effect<ReadonlyArray<"same" | "changed" | "gone">, ComponentError>;
  /** Keys only, nothing read: for counts and samples. */
  readonly keys: (partition: string) => Stream.Stream<ReadonlyArray<string>, ComponentError>;
  /** The objects behind the items, where post-steps can act on them. */
  readonly objects?: { readonly storage: Storage; readonly prefix: string; readonly suffix: string };
}

/** A pure plain loop, or one Effect per chunk; never one per item. */
export interface Transform<in A = unknown, out B = unknown> {
  readonly apply: (
    items: ReadonlyArray<Item<A>>,
  ) => Sifted<B> | Effect.Effect<Sifted<B>, ComponentError>;
  /** Of one that takes objects apart: the key of the object that an item was cut from, so that it can be read again. */
  readonly objectOf?: (key: string) => string;
}

/** What a committed write did for one item. `Found`: a full row was there, untouched. */
export type Written =
  | { readonly _tag: "Wrote" | "Found" }
  | {
    readonly _tag: "Refused";
    readonly outcome: "rejected" | "conflict";
    readonly code: string;
    readonly reason: string;
  };

/**
 * What reading back says of one item. `Exact`: every column and child as written; `Covered`: what the spec calls covering, though other
 * columns differ; `Absent`: no row, or a stub that waits to be filled; `Differs`: a full row that does not cover the item.
 */
export type Verdict =
  | { readonly _tag: "Exact" | "Covered" | "Absent" }
  | { readonly _tag: "Differs"; readonly code: "conflict/different" | "conflict/incomplete"; readonly reason: string };

export interface Sink {
  /** Whether writes exclude one another whatever they write: then batches take their locks one at a time, just before the write. */
  readonly singleWriter: boolean;
  /** Two items of equal identity may not share a batch (the root key, folded as its column's collation does). */
  readonly identify: (item: Item) => string;
  /** Says before any batch why an item can never be written: a value too long for its column, a wrong type. */
  readonly sift: (items: ReadonlyArray<Item>) => Sifted;
  /**
   * For a forecast: the columns, by name, for which none of the items it was shown has a value. Absent where the paths of documents are
   * declared, so that a slip in one is found without them.
   */
  readonly watch?: () => {
    readonly see: (items: ReadonlyArray<Item>) => void;
    readonly unfilled: () => ReadonlyArray<string>;
  };
  /** One short transaction for the whole batch, committed; one answer per item, in order. */
  readonly write: (items: ReadonlyArray<Item>) => Effect.Effect<ReadonlyArray<Written>, SqlError | StorageError>;
  /**
   * Rows that wait to be filled, in the order of their key and at most a page of them, after the last row of the page before; a row holds
   * the values of `columns`. Absent where there are no such rows.
   */
  readonly stubs?: {
    readonly columns: ReadonlyArray<string>;
    readonly page: (after: Row | undefined) => Effect.Effect<ReadonlyArray<Row>, SqlError | StorageError>;
  };
  /** Reads the batch back; what is `Exact` or `Covered` is durable when this returns (Invariant 1). */
  readonly verify: (items: ReadonlyArray<Item>) => Effect.Effect<ReadonlyArray<Verdict>, SqlError | StorageError>;
}

/** What became of one receipt; `Done` for steps that delete nothing. */
export type StepOutcome =
  | { readonly _tag: "Done" | "Deleted" | "Gone" | "Changed" }
  | { readonly _tag: "Undeleted"; readonly code: string; readonly reason: string };

export interface PostStep {
  /** One outcome per receipt, in order. Invariant 1: receipts and nothing else. */
  readonly apply: (receipts: ReadonlyArray<Receipt>) => Effect.Effect<ReadonlyArray<StepOutcome>, ComponentError>;
  /** Once, after the last batch of an undisturbed run: tidying that needs no receipt. */
  readonly finish: Effect.Effect<void, ComponentError>;
}

// -------------------------------------------------------------------------------------------------------- declaring

export interface Example {
  readonly title: string;
  /** Settings of the component as they stand in a spec; every example is decoded by the tests. */
  readonly yaml: string;
}

/** What a component will ask of a connection. */
export type Need =
  | { readonly kind: "storage"; readonly connection: string; readonly needs: StorageNeeds }
  | { readonly kind: "sql"; readonly connection: string; readonly needs: SqlNeeds };

interface Declared<Options> {
  /** kebab-case; nouns for sources and sinks, verbs for transforms and post-steps. */
  readonly type: string;
  /** One noun phrase or imperative sentence: help, editor schema and reference show it. */
  readonly summary: string;
  readonly description?: string;
  /** The settings beside `type`; every field with a description, a default and a unit where it has one. */
  readonly options: OptionsSchema<Options>;
  readonly examples: ReadonlyArray<Example>;
  /** For `doctor`; absent: it uses no connection of its own. */
  readonly needs?: (options: Options) => ReadonlyArray<Need>;
  /** What only the settings themselves can show to be wrong; offline and pure. */
  readonly check?: (options: Options) => ReadonlyArray<Problem>;
}

/** A struct of the settings; it needs no services. */
export type OptionsSchema<Options> = Schema.Schema<Options, any, never>;

export interface SourceComponent<Options = any> extends Declared<Options> {
  readonly role: "source";
  readonly emits: Shape;
  readonly inspect: (options: Options) => Opened<Inspection>;
  readonly open: (options: Options) => Opened<Source>;
}

export interface TransformComponent<Options = any> extends Declared<Options> {
  readonly role: "transform";
  readonly accepts: Shape;
  readonly emits: Shape;
  /** Dotted paths of what it emits, so that a misspelt path in a mapping is found before anything runs; absent: unknown. */
  readonly paths?: ReadonlyArray<string>;
  readonly make: (options: Options) => Transform;
}

/** Settings that every sink has from the engine and that its component needs to know. */
export interface SinkSettings {
  readonly statementTimeout: Duration.Duration;
  /** Dotted paths that the last transform emits, where it says so. */
  readonly paths: ReadonlyArray<string> | undefined;
  /** Comparators by name, as registered in `builtins.ts`. */
  readonly comparators: ReadonlyMap<string, Comparator>;
}

export interface SinkComponent<Options = any> extends Declared<Options> {
  readonly role: "sink";
  readonly accepts: Shape;
  /** Reads the target's schema; what the settings need and it lacks comes back as problems that name table and column. */
  readonly inspect: (options: Options, settings: SinkSettings) => Opened<Inspection>;
  readonly open: (options: Options, settings: SinkSettings, facts: unknown, access: Access) => Opened<Sink>;
}

export interface PostStepComponent<Options = any> extends Declared<Options> {
  readonly role: "post-step";
  /** Whether it deletes what the items came from: then the plan says so, and `--keep` leaves it out. */
  readonly deletes: boolean;
  readonly inspect: (options: Options, source: Source) => Opened<Inspection>;
  readonly open: (options: Options, source: Source) => Opened<PostStep>;
}

export type Component = SourceComponent | TransformComponent | SinkComponent | PostStepComponent;

/** Whether two values mean the same though their text differs (two encodings of one hash, say). Total and symmetric. */
export type Comparator = (a: string, b: string) => boolean;

/** A dismissal of this item, as transforms make them. */
export const dismiss = (
  item: Item<unknown>,
  outcome: Dismissal["outcome"],
  code: string,
  reason: string,
): Dismissal => {
  const { value: _, ...ref } = item;
  return { item: ref, outcome, code, reason };
};

// The four ends below only fix the types of a declaration; `any` in the unions above is erased again when a spec has been decoded.
export const source = <O>(component: Omit<SourceComponent<O>, "role">): SourceComponent<O> => ({
  role: "source",
  ...component,
});
export const transform = <O>(component: Omit<TransformComponent<O>, "role">): TransformComponent<O> => ({
  role: "transform",
  ...component,
});
export const sink = <O>(component: Omit<SinkComponent<O>, "role">): SinkComponent<O> => ({
  role: "sink",
  ...component,
});
export const postStep = <O>(component: Omit<PostStepComponent<O>, "role">): PostStepComponent<O> => ({
  role: "post-step",
  ...component,
});
