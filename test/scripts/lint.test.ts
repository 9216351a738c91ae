import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Path under src → its text, and what the linter must say of it (rule names), nothing where it is fine. */
const files: ReadonlyArray<readonly [path: string, text: string, rules: ReadonlyArray<string>]> = [
  ["core/Item.ts", "export type Item = string;", []],
  ["core/Yaml.ts", 'export { parse } from "yaml";', ["house(imports)"]],
  ["core/Upward.ts", 'import type { Plan } from "../engine/Plan.ts"; export type Up = Plan;', ["house(imports)"]],
  ["core/internal/mint.ts", 'import type { Item } from "../Item.ts"; export const mint = (item: Item) => item;', []],
  ["core/Cycle.ts", 'import type { Back } from "./Back.ts"; export type Cycle = Back;', ["import(no-cycle)"]],
  ["core/Back.ts", 'import type { Cycle } from "./Cycle.ts"; export type Back = Cycle;', ["import(no-cycle)"]],
  ["core/Long.ts", `${"//\n".repeat(500)}export const long = 1;`, ["eslint(max-lines)"]],
  ["core/utils.ts", "export const one = 1;", ["house(file-name)"]],
  ["formats/Forged.ts", 'export { mint } from "../core/internal/mint.ts";', ["house(imports)"]],
  ["spec/Package.ts", 'export { default } from "../../package.json" with { type: "json" };', ["house(imports)"]],
  ["engine/Plan.ts", 'import type { Item } from "../core/Item.ts"; export type Plan = Item;', []],
  ["engine/Run.ts", 'export { mint } from "../core/internal/mint.ts";', []],
  ["engine/Eager.ts", 'export { files } from "../sources/files.ts";', ["house(imports)"]],
  ["sources/files.ts", 'export { walk } from "./Walk.ts"; export const files = 1;', []],
  ["sources/Walk.ts", "export const walk = 1;", []],
  ["sources/other.ts", 'export { files } from "./files.ts";', ["house(imports)"]],
  ["sinks/lazy.ts", 'export const open = () => import("../drivers/sql/Sqlite.ts");', ["house(imports)"]],
  ["sinks/typed.ts", 'export type Plan = import("../engine/Plan.ts").Plan;', ["house(imports)"]],
  ["drivers/sql/Sqlite.ts", 'export { default } from "better-sqlite3"; try { console.log(Date.now()); } catch { }', []],
  ["cli/Render.ts", "console.log(new Date());", []],
  ["cli/async.ts", "export const run = async () => 1;", ["oxc(no-async-await)"]],
  ["cli/caught.ts", 'try { JSON.parse("1"); } catch { }', ["house(edges-only)"]],
  ["cli/clock.ts", "export const at = [new Date(), Date.now()];", [
    "house(edges-only)",
    "eslint(no-restricted-properties)",
  ]],
  ["cli/chance.ts", "export const roll = () => Math.random();", ["eslint(no-restricted-properties)"]],
  ["cli/environment.ts", "export const home = process.env.HOME;", ["eslint(no-restricted-globals)"]],
  ["cli/timer.ts", "setTimeout(() => undefined, 1);", ["eslint(no-restricted-globals)"]],
  ["cli/print.ts", 'console.log("");', ["eslint(no-console)"]],
  ["cli/cast.ts", "export const cast = (value: unknown) => value as any;", ["house(no-as-any)"]],
  ["odd/Place.ts", 'export { Effect } from "effect";', ["house(imports)"]],
];

describe("lint", () => {
  let folder: string;
  let said: ReadonlyArray<{ readonly filename: string; readonly code: string }>;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), "ncps-pipeline-lint-"));
    for (const path of [".oxlintrc.json", "scripts/lint"]) {
      cpSync(join(root, path), join(folder, path), { recursive: true });
    }
    symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
    for (const [path, text] of files) {
      const file = join(folder, "src", path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    const oxlint = join(root, "node_modules/.bin/oxlint");
    const { stdout } = spawnSync(oxlint, ["--format=json", "src"], { cwd: folder, encoding: "utf8" });
    said = JSON.parse(stdout).diagnostics;
  });

  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it.each(files)("src/%s: a broken house rule goes unseen", (path, _, rules) => {
    const found = said.filter(({ filename }) => filename === `src/${path}`).map(({ code }) => code);
    expect([...new Set(found)].toSorted()).toEqual(rules.toSorted());
  });
});
