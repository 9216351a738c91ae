/** The words every stage speaks: items, what is said of those that go no further, and receipts. */

/** What must still be true of an object before it may be deleted. Opaque outside the storage driver that made it. */
export interface Origin {
  /** What the store compares: an ETag, or device:inode:size:mtime:ctime in nanoseconds. */
  readonly version: string;
  /** SHA-256 of the content that was read, lowercase hex; empty where nothing was read. */
  readonly sha256: string;
}

/** Which of the parts of one object an item is (an NDJSON line, say); the object may go only when all parts have receipts. */
export interface Part {
  readonly object: string;
  /** How many items the object was split into. */
  readonly of: number;
}

export interface Item<out A = unknown> {
  /** Stable and unique in the source; `object#line` where one object holds many. */
  readonly key: string;
  /** Resume order within a partition: byte order. */
  readonly position: string;
  readonly origin: Origin;
  readonly value: A;
  /** Rows it stands for: 1, more for a key range. */
  readonly weight: number;
  /** Size of what was read, in bytes; counts toward the byte bound of a batch. */
  readonly bytes: number;
  readonly part?: Part;
}

/** Names one item in reports: all of it but its value. */
export type ItemRef = Omit<Item<never>, "value">;

/** Why an item goes no further: `skipped` is out of scope or gone, `rejected` cannot be accepted, `failed` could not be read. */
export interface Dismissal {
  readonly item: ItemRef;
  readonly outcome: "skipped" | "rejected" | "failed";
  /** Stable, `area/kebab-case`, e.g. `ndjson/syntax`. */
  readonly code: string;
  readonly reason: string;
}

/** What a stage makes of a chunk: the items that go on, and those that do not. Together they are all of the chunk. */
export interface Sifted<out A = unknown> {
  readonly items: ReadonlyArray<Item<A>>;
  readonly dismissed: ReadonlyArray<Dismissal>;
}

/** Declared, never defined, not exported: no value can carry it but by the cast in `internal/mint.ts`. */
declare const ReceiptBrand: unique symbol;

/** Invariant 1: proof that an item is durable in the sink. Only the engine mints it, after commit and read-back. */
export interface Receipt {
  readonly [ReceiptBrand]: true;
  readonly key: string;
  readonly origin: Origin;
  readonly outcome: "committed" | "already";
}

/** Order of positions: that of their UTF-8 bytes, which is that of their code points. */
export const comparePositions = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    // Surrogates stand for code points above U+FFFF, but their units lie below U+E000.
    if (x !== y) return (x >= 0xd800 && x < 0xe000 ? x + 0x10000 : x) - (y >= 0xd800 && y < 0xe000 ? y + 0x10000 : y);
  }
  return a.length - b.length;
};
