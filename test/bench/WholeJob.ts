/** The built CLI on files: everything from listing to the last verified delete. */
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import type { RunReport } from "../../src/engine/Report.ts";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";
import type { Options } from "./Options.ts";
import * as Process from "./Process.ts";
import * as Sqlite from "./Sqlite.ts";

export interface Place {
  /** Database, state and working folder. */
  readonly root: string;
  readonly storage: string;
  readonly database: string;
}

/** A database without narinfos and an empty cache, removed afterwards. */
export const within = async <A>(
  options: Pick<Options, "folder" | "files">,
  use: (place: Place) => Promise<A>,
  stubs = 0,
): Promise<A> => {
  const root = mkdtempSync(join(options.folder, "ncps-pipeline-bench-"));
  const storage = mkdtempSync(join(options.files, "ncps-pipeline-bench-cache-"));
  const database = join(root, "db.sqlite");
  try {
    mkdirSync(join(storage, "store", "narinfo"), { recursive: true });
    Sqlite.create(database, stubs);
    return await use({ root, storage, database });
  } finally {
    rmSync(root, { recursive: true, force: true });
    rmSync(storage, { recursive: true, force: true });
  }
};

/** Written back before the clock starts: otherwise the run would pay for it. */
export const fill = ({ storage }: Place, items: number): void => {
  ValidNarinfos.write(storage, 0, items, items);
  spawnSync("sync");
};

interface How {
  /** Of Node itself. */
  readonly flags?: ReadonlyArray<string>;
  readonly onSample?: Process.OnSample | undefined;
}

export const pipeline = (
  { database, root, storage }: Place,
  args: ReadonlyArray<string>,
  { flags = [], onSample }: How = {},
): Promise<Process.Ended> =>
  Process.node([...flags, resolve("dist/bin.js"), ...args], {
    cwd: root,
    env: { CACHE_STORAGE_LOCAL: storage, CACHE_DATABASE_URL: `sqlite:${database}` },
    ...(onSample === undefined ? {} : { onSample }),
  });

export interface Ran {
  readonly report: RunReport;
  readonly wallMillis: number;
  readonly used: Process.Used | undefined;
}

/** Runs `narinfo-to-db` on what `fill` made; a run that is not clean is no measurement. */
export const run = async (place: Place, items: number, sets: ReadonlyArray<string>, how?: How): Promise<Ran> => {
  const file = join(place.root, "report.json");
  const args = ["run", "narinfo-to-db", "--report", file, ...sets.flatMap((set) => ["--set", set])];
  const { code, stderr, used, wallMillis } = await pipeline(place, args, how);
  if (code !== 0) throw new Error(`pipeline run ended with ${code}: ${stderr}`);
  const report: RunReport = JSON.parse(readFileSync(file, "utf8"));
  const { committed, deleted } = report.ledger;
  if (committed !== items || deleted !== items) {
    throw new Error(`of ${items} narinfos ${committed} were committed and ${deleted} deleted`);
  }
  const left = readdirSync(place.storage, { recursive: true }).filter((name) => String(name).endsWith(".narinfo"));
  if (left.length > 0) throw new Error(`${left.length} files are left`);
  return { report, wallMillis, used };
};
