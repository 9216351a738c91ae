/** The built CLI as a process of its own, which migrates a cache until it ends or is killed. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import type { FaultPoint } from "../../src/core/Faults.ts";
import type * as Cache from "./Cache.ts";

const bin = fileURLToPath(new URL("../../dist/bin.js", import.meta.url));

/** Boundaries of a batch, each of which a run passes many times. */
export const boundaries: ReadonlyArray<FaultPoint> = [
  "before-lock",
  "after-lock",
  "before-write",
  "before-commit",
  "after-commit",
  "before-read-back",
  "after-read-back",
  "before-post-steps",
  "before-delete",
  "after-delete",
  "before-unlock",
];

/** Where and when a process is to be killed: at a passing of a boundary, or after a while. */
export type Death = { readonly fault: string } | { readonly afterMillis: number };

export interface End {
  readonly signal: string | null;
  readonly code: number | null;
  readonly output: string;
}

/** Runs `narinfo-to-db` with these settings, in the cache's folder: runners of one cache share its state file. */
export const run = async (
  cache: Pick<Cache.Cache, "folder" | "variables">,
  settings: ReadonlyArray<string>,
  death: Death | undefined,
): Promise<End> => {
  const sets = settings.flatMap((set) => ["--set", set]);
  const child = spawn(process.execPath, [bin, "run", "narinfo-to-db", "--json", ...sets], {
    cwd: cache.folder,
    env: {
      PATH: process.env["PATH"],
      ...cache.variables,
      ...(death !== undefined && "fault" in death ? { NCPS_PIPELINE_FAULT: death.fault } : {}),
    },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (data) => output += String(data));
  child.stderr.on("data", (data) => output += String(data));
  const timer = death !== undefined && "afterMillis" in death
    ? setTimeout(() => child.kill("SIGKILL"), death.afterMillis)
    : undefined;
  const [code, signal] = await once(child, "close") as [number | null, string | null];
  clearTimeout(timer);
  return { code, signal, output };
};

export interface Account {
  readonly ledger: Readonly<Record<string, number>>;
  readonly imbalances: ReadonlyArray<string>;
}

/** The closing account in what a run has said. */
export const accountOf = ({ output }: End): Account => {
  const { result } = JSON.parse(output.slice(output.indexOf("{"))) as { readonly result: Account };
  return result;
};

/** Small batches, so that one cache lasts for hundreds of deaths. */
export const small = ["sink.batch.items.start=10", "sink.batch.items.max=10"];

export const locks = ["lock.type=local", "lock.type=none"] as const;
