/** Imports a TypeScript file of this repository in a script: Node 20 runs no TypeScript, so it is bundled first. */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { forNode } from "./bundling.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

/** `path` from the root of the repository. */
export const importTypeScript = async (path) => {
  const { build } = await import("esbuild");
  // Inside node_modules, so that native modules are found.
  const cache = join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "script-"));
  try {
    const outfile = join(folder, "script.mjs");
    await build({
      ...forNode,
      absWorkingDir: root,
      entryPoints: [path],
      outfile,
    });
    return await import(pathToFileURL(outfile).href);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
