import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/bench/**"],
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
