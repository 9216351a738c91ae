/** What figures depend on besides the code. */
import { readFileSync } from "node:fs";
import { cpus, loadavg, totalmem } from "node:os";
import { join } from "node:path";

export interface Machine {
  readonly node: string;
  readonly cpu: string;
  readonly cores: number;
  readonly memoryGiB: number;
  /** Of the last minute, before anything ran. */
  readonly load: number;
  /** Of the database's folder and of the files', e.g. `ext4 (rw,relatime,discard)`. */
  readonly folder: string;
  readonly files: string;
}

const filesystemOf = (path: string): string => {
  let mounts: string;
  try {
    mounts = readFileSync("/proc/self/mounts", "utf8");
  } catch {
    return "unknown";
  }
  const [nearest] = mounts.trimEnd().split("\n")
    .map((line) => line.split(" "))
    .filter(([, at]) => path === at || path.startsWith(join(at!, "/")))
    // Of equal ones the last hides the others.
    .toReversed()
    .sort((a, b) => b[1]!.length - a[1]!.length);
  return nearest === undefined ? "unknown" : `${nearest[2]} (${nearest[3]})`;
};

export const describe = (folder: string, files: string): Machine => ({
  node: process.version,
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: cpus().length,
  memoryGiB: Math.round(totalmem() / 2 ** 30),
  load: loadavg()[0]!,
  folder: filesystemOf(folder),
  files: filesystemOf(files),
});
