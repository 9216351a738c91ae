/** Fresh data folders of database servers, which take seconds to make and milliseconds to copy. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as CacheFolder from "./CacheFolder.ts";
import { give } from "./ServerProcess.ts";

/** Copies the template of this name to `target`, made first by `build` in a folder that it is given. */
export const copy = async (
  name: string,
  target: string,
  build: (folder: string) => Promise<unknown>,
): Promise<void> => {
  const template = join(CacheFolder.path, `${name}-${process.getuid?.() ?? 0}`);
  if (!existsSync(template)) {
    await CacheFolder.locked(name, async () => {
      if (existsSync(template)) return;
      // Not in the cache's folder, into which the account of the servers may not write.
      const parent = mkdtempSync(join(tmpdir(), "ncps-template-"));
      give(parent);
      try {
        await build(join(parent, "data"));
        execFileSync("cp", ["-a", join(parent, "data"), `${template}.new`]);
        renameSync(`${template}.new`, template);
      } finally {
        rmSync(parent, { recursive: true, force: true });
        rmSync(`${template}.new`, { recursive: true, force: true });
      }
    });
  }
  execFileSync("cp", ["-a", template, target]);
};
