/**
 * Bundles the CLI (src/bin.ts) and every worker entry (src/**\/*Worker.ts) into dist/: one flat folder, so that any chunk
 * reaches a worker as `./<name>Worker.js`, wherever the code that spawns it ended up.
 *
 * `--clean`, for a release, also writes the licences of what is bundled, and removes the chunks of earlier builds at once;
 * otherwise those stay an hour, for runs that still import them.
 */
import { build } from "esbuild";
import { existsSync } from "node:fs";
import { chmod, mkdir, readdir, readFile, rename, rm, stat, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { forNode } from "./bundling.mjs";

const root = fileURLToPath(new URL("..", import.meta.url));
const dist = join(root, "dist");
const licencesName = "THIRD-PARTY-LICENCES.txt";
const staleChunkMs = 3_600_000;

const workerEntries = async () => {
  const files = await readdir(join(root, "src"), { recursive: true });
  const workers = files.filter((file) => file.endsWith("Worker.ts")).sort();
  const names = new Set(workers.map((file) => basename(file)));
  if (names.size !== workers.length) {
    throw new Error(`Two worker entries share a base name, but dist/ is flat: ${workers.join(", ")}`);
  }
  return workers.map((file) => join("src", file));
};

/** Writes by rename: a process that starts during a build sees whole files. The time of a file is that of its last build. */
const writeOutput = async ({ path, contents }) => {
  const sameAsBefore = await readFile(path).then((before) => before.equals(contents), () => false);
  if (sameAsBefore) {
    const now = new Date();
    return utimes(path, now, now);
  }
  const temporary = `${path}.${process.pid}.tmp`;
  await writeFile(temporary, contents);
  if (basename(path) === "bin.js") await chmod(temporary, 0o755);
  await rename(temporary, path);
};

const removeStale = async (kept, maxAgeMs) => {
  for (const name of await readdir(dist)) {
    const path = join(dist, name);
    if (kept.has(path)) continue;
    // Another build may have removed or renamed it meanwhile.
    const ageMs = await stat(path).then(({ mtimeMs }) => Date.now() - mtimeMs, () => -1);
    if (ageMs >= maxAgeMs) await rm(path, { force: true });
  }
};

/** Text of the licence of every bundled package, as their terms ask of whoever ships them. */
const licences = async (inputs) => {
  const packages = new Set(
    Object.keys(inputs).flatMap((path) => path.match(/^.*node_modules\/(?:@[^/]+\/)?[^/]+/) ?? []),
  );
  const texts = await Promise.all(
    [...packages].sort().map(async (folder) => {
      const { name, version, license } = JSON.parse(await readFile(join(root, folder, "package.json"), "utf8"));
      const file = (await readdir(join(root, folder))).find((entry) => /^licen[cs]e/i.test(entry));
      const text = file === undefined ? "" : (await readFile(join(root, folder, file), "utf8")).trim();
      return `${name} ${version} (${license})\n\n${text}\n`;
    }),
  );
  return texts.join(`\n${"-".repeat(80)}\n\n`);
};

export const buildDist = async ({ clean = false } = {}) => {
  const { outputFiles, metafile } = await build({
    ...forNode,
    absWorkingDir: root,
    entryPoints: [...(existsSync(join(root, "src/bin.ts")) ? ["src/bin.ts"] : []), ...(await workerEntries())],
    outdir: dist,
    entryNames: "[name]",
    chunkNames: "chunk-[hash]",
    splitting: true,
    sourcemap: true,
    sourcesContent: false,
    write: false,
    metafile: true,
  });
  const bin = outputFiles.find((file) => basename(file.path) === "bin.js");
  if (bin !== undefined && !bin.text.startsWith("#!")) {
    throw new Error("src/bin.ts must start with #!/usr/bin/env node");
  }
  await mkdir(dist, { recursive: true });
  // Entries last: when bin.js changes, the chunks it names are already there.
  const isEntry = (file) => !basename(file.path).startsWith("chunk-");
  for (const file of outputFiles.filter((file) => !isEntry(file))) await writeOutput(file);
  for (const file of outputFiles.filter(isEntry)) await writeOutput(file);
  if (clean) await writeFile(join(dist, licencesName), await licences(metafile.inputs));
  await removeStale(
    new Set([...outputFiles.map((file) => file.path), join(dist, licencesName)]),
    clean ? 0 : staleChunkMs,
  );
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await buildDist({ clean: process.argv.includes("--clean") });
}
