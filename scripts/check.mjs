/** Every check that needs no test: types, lint, format, dead code, drift. Each failure prints its output and what to do. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureInstalled, main, root } from "./bootstrap.mjs";

const tool = (name, ...args) => [join(root, "node_modules", ".bin", name), ...args];
const script = (name, ...args) => [process.execPath, join(root, "scripts", name), ...args];

const checks = [
  { name: "types", command: tool("tsc", "--noEmit"), remedy: "correct the types" },
  {
    name: "lint",
    command: tool("oxlint", "--deny-warnings", "src", "test", "scripts", "vitest.config.ts"),
    remedy: "the rules are in .oxlintrc.json and scripts/lint/house.mjs, their reasons in CONTRIBUTING.md",
  },
  { name: "format", command: tool("dprint", "check", "--list-different"), remedy: "npm run format" },
  { name: "dead code", command: tool("knip", "--no-progress"), remedy: "remove it, or use it" },
  { name: "pins", command: script("check-pins.mjs"), remedy: "write exact versions" },
  { name: "lock file", command: script("complete-lock.mjs", "--check"), remedy: "node scripts/complete-lock.mjs" },
  { name: "schemas", command: script("schemas.mjs", "--check"), remedy: "npm run schemas" },
];

const run = ([command, ...args]) =>
  new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    const output = [];
    child.stdout.on("data", (data) => output.push(data));
    child.stderr.on("data", (data) => output.push(data));
    child.on("error", (error) => resolve({ ok: false, output: String(error) }));
    child.on("close", (code) => resolve({ ok: code === 0, output: Buffer.concat(output).toString().trim() }));
  });

/** Runs all checks side by side; a line per check as it ends. */
export const runChecks = async () => {
  const results = await Promise.all(checks.map(async ({ name, command, remedy }) => {
    const startedMs = performance.now();
    const { ok, output } = await run(command);
    const seconds = ((performance.now() - startedMs) / 1000).toFixed(1);
    console.log(ok ? `  ok      ${name} (${seconds} s)` : `  FAILED  ${name}\n${output}\n  To do: ${remedy}\n`);
    return ok;
  }));
  const passed = results.filter(Boolean).length;
  return { passed, failed: results.length - passed };
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await main(async () => {
    ensureInstalled();
    const { failed } = await runChecks();
    if (failed > 0) process.exitCode = 1;
  });
}
