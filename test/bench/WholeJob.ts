/** The built CLI on a filled cache: everything from listing to the last verified delete. */
import { Effect, type Scope } from "effect";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { RunReport } from "../../src/engine/Report.ts";
import * as Catalogue from "./Catalogue.ts";
import type { Database } from "./Engine.ts";
import * as Folders from "./Folders.ts";
import * as Locks from "./Locks.ts";
import type { Options } from "./Options.ts";
import * as Process from "./Process.ts";
import type { Cache } from "./Storage.ts";

export interface Place {
  /** State and working folder. */
  readonly root: string;
  readonly cache: Cache;
  readonly database: Database;
  readonly locks: Locks.Locks;
}

/** A working folder, an empty database and locks, for this cache. */
export const place = (
  { engine, folder, locks }: Pick<Options, "engine" | "folder" | "locks">,
  cache: Cache,
): Effect.Effect<Place, never, Scope.Scope> =>
  Effect.all({
    root: Folders.make(folder),
    cache: Effect.succeed(cache),
    database: Catalogue.engines[engine].open(folder, []),
    locks: Locks.locks[locks](folder),
  });

interface How {
  /** Of Node itself. */
  readonly flags?: ReadonlyArray<string>;
  /** Of the verb. */
  readonly args?: ReadonlyArray<string>;
  readonly onSample?: Process.OnSample | undefined;
}

export const pipeline = (
  { cache, database, locks, root }: Place,
  args: ReadonlyArray<string>,
  { flags = [], onSample }: How = {},
): Promise<Process.Ended> =>
  Process.node([...flags, resolve("dist/bin.js"), ...args], {
    cwd: root,
    env: { ...cache.env, ...locks.env, CACHE_DATABASE_URL: database.url },
    ...(onSample === undefined ? {} : { onSample }),
  });

/** Processor time of each server. */
export interface Servers {
  readonly database: number;
  readonly storage: number;
  readonly locks: number;
}

const serversOf = ({ cache, database, locks }: Place): Servers => ({
  database: database.cpuMillis(),
  storage: cache.cpuMillis(),
  locks: locks.cpuMillis(),
});

export interface Ran {
  readonly report: RunReport;
  readonly wallMillis: number;
  readonly used: Process.Used | undefined;
  readonly servers: Servers;
}

/** Runs `narinfo-to-db` on what the cache was filled with; a run that is not clean is no measurement. */
export const run = async (place: Place, items: number, sets: ReadonlyArray<string>, how: How = {}): Promise<Ran> => {
  const file = join(place.root, "report.json");
  const settings = sets.flatMap((set) => ["--set", set]);
  const before = serversOf(place);
  const { code, stderr, used, wallMillis } = await pipeline(
    place,
    ["run", "narinfo-to-db", "--report", file, ...settings, ...how.args ?? []],
    how,
  );
  const after = serversOf(place);
  if (code !== 0) throw new Error(`pipeline run ended with ${code}: ${stderr}`);
  const report: RunReport = JSON.parse(readFileSync(file, "utf8"));
  const { committed, deleted } = report.ledger;
  const expected = report.keep ? items : 0;
  if (committed !== items || deleted !== items - expected) {
    throw new Error(`of ${items} narinfos ${committed} were committed and ${deleted} deleted`);
  }
  const left = await place.cache.left();
  if (left !== expected) throw new Error(`${left} narinfos are left in storage instead of ${expected}`);
  return {
    report,
    wallMillis,
    used,
    servers: {
      database: after.database - before.database,
      storage: after.storage - before.storage,
      locks: after.locks - before.locks,
    },
  };
};
