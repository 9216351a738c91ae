/**
 * `npm test`: installs what is missing, checks, runs every test, and closes with the line `N passed, N failed` (checks
 * counted). With arguments, vitest alone gets them: `npm test -- test/sql`.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureInstalled, main, root } from "./bootstrap.mjs";
import { runChecks } from "./check.mjs";

const vitest = (args) => {
  const folder = mkdtempSync(join(tmpdir(), "ncps-pipeline-test-"));
  const report = join(folder, "report.json");
  const command = join(root, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const { status } = spawnSync(process.execPath, [command, "run", ...reporters, ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  try {
    const { numPassedTests: passed, numFailedTests: failed } = JSON.parse(readFileSync(report, "utf8"));
    // A file that does not load or an unhandled error fails the run without a failed test.
    return { passed, failed: status === 0 ? failed : Math.max(failed, 1) };
  } catch {
    return { passed: 0, failed: 1 };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

await main(async () => {
  const args = process.argv.slice(2).filter((arg) => arg !== "--ncps");
  const hasNcps = (process.env["NCPS_BIN"] ?? "") !== "";
  if (process.argv.includes("--ncps") && !hasNcps) {
    throw new Error(
      "set NCPS_BIN to the path of an ncps binary (build it with `go build` in a clone of kalbasit/ncps)",
    );
  }
  ensureInstalled();
  const checks = args.length === 0 ? await runChecks() : { passed: 0, failed: 0 };
  const tests = vitest(args);
  const failed = checks.failed + tests.failed;
  if (!hasNcps && args.length === 0) {
    console.log(
      "\nLEFT OUT: the tests beside a real ncps. Set NCPS_BIN to its binary, or run `NCPS_BIN=… npm run test:ncps`.",
    );
  }
  console.log(`\n${checks.passed + tests.passed} passed, ${failed} failed`);
  if (failed > 0) process.exitCode = 1;
});
