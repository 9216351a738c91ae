/**
 * Writes the JSON Schemas and the reference, all made from the declarations in src/. With `--check` it writes nothing and fails
 * where a file differs from what would be written.
 */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { importTypeScript } from "./importTypeScript.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));

const files = Object.entries((await importTypeScript("scripts/generated.ts")).files);
const read = (path) => readFile(join(root, path), "utf8").catch(() => undefined);

const stale = [];
for (const [path, text] of files) if ((await read(path)) !== text) stale.push(path);

if (process.argv.includes("--check")) {
  if (stale.length > 0) {
    console.error(`Out of date: ${stale.join(", ")}. Run npm run schemas.`);
    process.exitCode = 1;
  }
} else {
  for (const [path, text] of files.filter(([path]) => stale.includes(path))) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
    console.log(`wrote ${path}`);
  }
}
