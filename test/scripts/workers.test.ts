/** A thread pays for what it loads with memory of its own: Effect would cost each of them 20 MB. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const dist = fileURLToPath(new URL("../../dist", import.meta.url));

const loaded = (name: string, seen = new Set<string>()): ReadonlySet<string> => {
  if (!seen.has(name)) {
    seen.add(name);
    for (const [, imported] of readFileSync(join(dist, name), "utf8").matchAll(/from "\.\/([\w-]+\.js)"/g)) {
      loaded(imported!, seen);
    }
  }
  return seen;
};

describe("a worker thread loads little", () => {
  it.each(readdirSync(dist).filter((name) => name.endsWith("Worker.js")))("%s", (name) => {
    const characters = [...loaded(name)].reduce((sum, file) => sum + readFileSync(join(dist, file), "utf8").length, 0);
    expect(characters).toBeGreaterThan(1_000);
    expect(characters).toBeLessThan(100_000);
  });
});
