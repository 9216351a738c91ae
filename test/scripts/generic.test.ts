/** The stages and the engine move any document: what a narinfo is stands in formats, two transforms and one YAML file. */
import { transformSync } from "esbuild";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const src = fileURLToPath(new URL("../../src", import.meta.url));

const knowledge = /nar_?infos?\b|nar_?(?:hash|size|files?|url)\b|\.nar\b|store_?path|nix-?(?:32|hash)|\bderiver\b/i;

/** Lines of code, comments left out: those may say what was measured with. */
const knowing = (text: string): ReadonlyArray<string> =>
  transformSync(text, { loader: "ts", legalComments: "none" }).code.split("\n").filter((line) => knowledge.test(line));

describe("no line of it knows what a narinfo is", () => {
  it.each(["core", "drivers", "engine", "poststeps", "sinks", "sources", "sql"])("src/%s", (folder) => {
    const files = readdirSync(join(src, folder), { recursive: true, encoding: "utf8" }).filter((name) =>
      name.endsWith(".ts")
    );
    expect(files.length).toBeGreaterThan(0);
    expect(
      files.flatMap((name) => knowing(readFileSync(join(src, folder, name), "utf8")).map((line) => `${name}: ${line}`)),
    ).toEqual([]);
  });

  it("and those that do know it are found by this test", () => {
    for (const name of ["formats/NarUrl.ts", "transforms/parseNarinfo.ts", "formats/NixHash.ts"]) {
      expect(knowing(readFileSync(join(src, name), "utf8"))).not.toEqual([]);
    }
  });
});
