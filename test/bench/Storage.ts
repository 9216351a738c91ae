/** What the benchmark asks of a storage. */
import type { Effect, Scope } from "effect";

/** An empty cache, on a server of its own if the storage has one. */
export interface Cache {
  /** What tells the tool of it. */
  readonly env: Readonly<Record<string, string>>;
  /** Puts this many narinfos, written back before it returns: otherwise the run would pay for it. */
  readonly fill: (items: number) => Promise<void>;
  /** Narinfos that are there. */
  readonly left: () => Promise<number>;
  /** Processor time of the server so far; 0 where there is none. */
  readonly cpuMillis: () => number;
  /** What the measurement of bare reads is given, where there is one. */
  readonly bare: object | undefined;
}

/** All objects, read without doing anything with them. */
export interface BareReads {
  readonly millis: number;
  readonly cpuMillis: number;
}

export interface Storage {
  /** Below `folder`. */
  readonly open: (folder: string) => Effect.Effect<Cache, never, Scope.Scope>;
  /** Reads all of `bare`; in a process of its own. */
  readonly readBare?: (bare: any) => Promise<BareReads>;
}
