/** A process that behaves as a serving ncps does, beside the runners: see rivalProcess.ts. */
import { buildSync } from "esbuild";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type * as Cache from "./Cache.ts";

export type Act = "touch" | "pull" | "migrate" | "purge" | "rewrite";

/** What it said at its end. */
export interface Deeds {
  readonly done: Readonly<Record<Act, number>>;
  /** Transactions that failed five times: what a client of ncps would have been told. */
  readonly gaveUp: Readonly<Record<Act, number>>;
  readonly retries: number;
  /** Files. */
  readonly deleted: number;
}

const modules = fileURLToPath(new URL("../../node_modules", import.meta.url));

export interface Program {
  readonly start: (cache: Cache.Cache, total: number, seed: number) => Rival;
  readonly remove: () => void;
}

export interface Rival {
  /** Lets it finish what it does; may be asked again. */
  readonly end: () => Promise<Deeds>;
}

export const build = (): Program => {
  const folder = mkdtempSync(join(tmpdir(), "ncps-rival-"));
  const program = join(folder, "rivalProcess.cjs");
  buildSync({
    entryPoints: [fileURLToPath(new URL("rivalProcess.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["better-sqlite3"],
    logLevel: "error",
  });
  return {
    start: (cache, total, seed) => {
      const child = spawn(process.execPath, [program, cache.database, cache.root, String(total), String(seed)], {
        env: { PATH: process.env["PATH"], NODE_PATH: modules },
        stdio: ["ignore", "pipe", "inherit"],
      });
      let output = "";
      child.stdout.on("data", (data) => output += String(data));
      const deeds = once(child, "close").then(() => JSON.parse(output) as Deeds);
      return {
        end: () => {
          child.kill("SIGTERM");
          return deeds;
        },
      };
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};
