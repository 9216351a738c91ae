import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    // A real ncps is not ours to bring: `npm run test:ncps`; scripts/test.mjs says so where it is missing.
    exclude: ["test/bench/**", ...(process.env["NCPS_BIN"] === undefined ? ["test/ncps/**"] : [])],
    globalSetup: ["test/support/buildOnce.ts", "test/support/installServers.ts"],
    // Tests open databases too.
    setupFiles: ["src/drivers/KeepSqliteObjects.ts"],
    // Processes, not threads: native modules and signals behave as in production.
    pool: "forks",
    poolOptions: { forks: { minForks: 1, maxForks: 2 } },
    testTimeout: 20_000,
    hookTimeout: 30_000,
  },
});
