/**
 * `npm run bench`: measures the built tool against the raw limit of its engine; docs/benchmarks.md says how to read it. Node 20 runs no
 * TypeScript, so test/bench is bundled first, with the database worker beside it, where native modules are found.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureBuilt, ensureInstalled, main, root } from "./bootstrap.mjs";
import { forNode } from "./bundling.mjs";

const bench = new URL("../test/bench/main.ts", import.meta.url);

await main(async () => {
  ensureInstalled();
  await ensureBuilt();
  const { build } = await import("esbuild");
  const outdir = join(root, "node_modules", ".cache", "bench");
  rmSync(outdir, { recursive: true, force: true });
  mkdirSync(outdir, { recursive: true });
  writeFileSync(join(outdir, "package.json"), '{ "type": "module" }\n');
  await build({
    ...forNode,
    absWorkingDir: root,
    entryPoints: [fileURLToPath(bench), "src/drivers/sql/sqliteWorker.ts"],
    outdir,
    entryNames: "[name]",
    splitting: true,
  });
  const { error, status } = spawnSync(process.execPath, [join(outdir, "main.js"), ...process.argv.slice(2)], {
    cwd: root,
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  process.exitCode = status ?? 1;
});
