import * as Install from "./servers/Install.ts";
import * as Versitygw from "./servers/Versitygw.ts";

/**
 * Once per vitest run, before any test's time runs: the servers that tests start are there afterwards. Where that fails, the tests that
 * need no server run all the same, and the others fail with what to do.
 */
export default async function setup(): Promise<void> {
  for (const ensure of [Install.ensure, Versitygw.ensure]) {
    try {
      await ensure();
    } catch (cause) {
      process.stderr.write(`${String(cause)}\n`);
    }
  }
}
