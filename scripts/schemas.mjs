/**
 * Writes the JSON Schemas and the reference, all made from the declarations in src/. With `--check` it writes nothing and fails
 * where a file differs from what would be written.
 */
import { build } from "esbuild";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Node 20 runs no TypeScript. The bundle lies inside node_modules, so that its native imports are found. */
const generate = async () => {
  const cache = join(root, "node_modules", ".cache");
  await mkdir(cache, { recursive: true });
  const folder = await mkdtemp(join(cache, "schemas-"));
  try {
    const outfile = join(folder, "generated.mjs");
    await build({
      absWorkingDir: root,
      entryPoints: ["scripts/generated.ts"],
      outfile,
      bundle: true,
      format: "esm",
      platform: "node",
      target: "node20",
      external: ["better-sqlite3", "msgpackr-extract", "@parcel/watcher"],
      banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
      logLevel: "warning",
    });
    return (await import(pathToFileURL(outfile).href)).files;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};

const files = Object.entries(await generate());
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
