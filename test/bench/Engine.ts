/** What the benchmark asks of a database engine. */
import type { Effect, Scope } from "effect";

/** Rows per table; `linked` are the narinfos with a link to the NAR that their URL names. */
export type Counts = Readonly<Record<string, number>>;

/** What is counted, in SQL that all engines understand where `||` joins text. */
export const counted: Readonly<Record<string, string>> = {
  narinfos: "narinfos WHERE url <> ''",
  narinfo_references: "narinfo_references",
  narinfo_signatures: "narinfo_signatures",
  nar_files: "nar_files",
  narinfo_nar_files: "narinfo_nar_files",
  linked: `narinfo_nar_files l JOIN narinfos n ON n.id = l.narinfo_id JOIN nar_files f ON f.id = l.nar_file_id
    WHERE n.url = 'nar/' || f.hash || '.nar.xz'`,
};

/** A database as `ncps migrate up` leaves it, on a server of its own if the engine has one. */
export interface Database {
  /** As ncps takes it. */
  readonly url: string;
  readonly counts: () => Promise<Counts>;
  /** Rows so far in a database that had none, without looking at them. */
  readonly narinfosSoFar: () => Promise<number>;
  /** Processor time of the server so far; 0 where the engine runs in the process that uses it. */
  readonly cpuMillis: () => number;
}

export interface Loaded {
  /** From the first row to the end of the last COMMIT, making the values left out. */
  readonly millis: number;
  readonly cpuMillis: number;
  /** When how many narinfos were in, committed or not. */
  readonly marks: ReadonlyArray<{ readonly narinfos: number; readonly millis: number }>;
}

export interface Load {
  readonly items: number;
  readonly url: string;
}

/** At least these shares of the raw limit, at most this memory. */
export interface Goals {
  readonly sink: number;
  readonly stubs: number;
  readonly whole: number;
  /** The whole job with locks in Redis. */
  readonly locked: number;
  readonly memoryMiB: number;
}

export interface Engine {
  /** What the raw limit is, in a few words. */
  readonly limit: string;
  readonly goals: Goals;
  /** Narinfos per second of ncps' own migration from local files, with its locks and deletes. */
  readonly ncpsRate: number;
  /** Below `folder`; with stubs of these hashes, made in this order, as ncps leaves them for what it has not migrated. */
  readonly open: (folder: string, stubs: ReadonlyArray<string>) => Effect.Effect<Database, never, Scope.Scope>;
  /** Loads as fast as the engine can, ids known, indexes and foreign keys on; in a process of its own. */
  readonly loadRaw: (load: Load) => Promise<Loaded>;
}

const stubsAtOnce = 10_000;

/** What makes these stubs, in their order, in few statements. */
export const stubInserts = (stubs: ReadonlyArray<string>): ReadonlyArray<string> => {
  const texts: Array<string> = [];
  for (let from = 0; from < stubs.length; from += stubsAtOnce) {
    const rows = stubs.slice(from, from + stubsAtOnce).map((hash) => `('${hash}')`);
    texts.push(`INSERT INTO narinfos (hash) VALUES ${rows.join()}`);
  }
  return texts;
};
