import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";

/** Builds dist once per vitest run: workers and the spawned CLI are the built ones (Node 20 runs no TypeScript worker). */
export default function setup(): void {
  execFileSync(process.execPath, [fileURLToPath(new URL("../../scripts/build.mjs", import.meta.url))], {
    stdio: "inherit",
  });
}
