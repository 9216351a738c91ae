import Database from "better-sqlite3";
import { execFileSync } from "node:child_process";
import { chmodSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import * as Cache from "./Cache.ts";
import { pipeline } from "./Pipeline.ts";

const isRoot = process.getuid?.() === 0;
const nobody = 65_534;

interface Subject {
  readonly kind: string;
  readonly name: string;
  readonly checks: ReadonlyArray<{ readonly name: string; readonly status: string; readonly remedy?: string }>;
}

const doctor = async (
  cache: Pick<Cache.Cache, "root" | "env">,
  options: Parameters<typeof pipeline>[2] = {},
  args: ReadonlyArray<string> = [],
) => {
  const { code, stdout } = await pipeline(cache, ["doctor", "--json", ...args], options);
  const { error, result } = JSON.parse(stdout);
  const subjects = result.subjects as ReadonlyArray<Subject>;
  const named = (status: string) =>
    subjects.flatMap(({ checks }) => checks.filter((check) => check.status === status).map(({ name }) => name));
  return { code, error, subjects, failed: named("fail"), warned: named("warn"), passed: named("pass"), stdout };
};

describe("doctor", () => {
  it("finds a folder and a SQLite file ready, and writes nothing (Invariant 10)", async () => {
    const cache = Cache.make({ narinfos: 20 });
    const before = Cache.fingerprint(cache.storage);
    const { code, error, failed, passed, subjects } = await doctor(cache);
    expect({ code, error, failed }).toEqual({ code: 0, error: null, failed: [] });
    expect(subjects.map(({ kind }) => kind)).toEqual([
      "project",
      "connection",
      "connection",
      "lock",
      "state",
      "pipeline",
    ]);
    for (const name of ["storage/delete-files", "sql/writable", "sql/durability", "sql/tables", "state/writable"]) {
      expect(passed).toContain(name);
    }
    expect(Cache.fingerprint(cache.storage)).toEqual(before);
    expect(cache.rows("narinfos")).toBe(0);
  });

  it("says what cannot be reached, and still looks at the rest: exit 3", async () => {
    const cache = Cache.make({ narinfos: 1 });
    const env = { CACHE_STORAGE_LOCAL: "/nonexistent" };
    const { code, failed, passed, warned } = await doctor(cache, { env });
    expect({ code, failed }).toEqual({ code: 3, failed: ["storage/missing"] });
    expect(passed).toContain("sql/tables");
    expect(warned).toContain("pipeline/not-inspected");
  });

  it("names no lock where the one that is set cannot be used: exit 2", async () => {
    const cache = Cache.make({ narinfos: 1 });
    const said = await pipeline(cache, ["doctor"], { env: { CACHE_LOCK_BACKEND: "redis" } });
    expect(said).toMatchObject({ code: 2, stdout: expect.stringContaining("\nlock unknown\n") });
  });

  it("shows no password of a database that it cannot open (Invariant 9)", async () => {
    const cache = Cache.make({ narinfos: 1 });
    const env = { CACHE_DATABASE_URL: "postgresql://ncps:hunter2@127.0.0.1:1/ncps" };
    const { code, failed, stdout } = await doctor(cache, { env });
    expect(code).toBe(3);
    expect(failed).toHaveLength(1);
    expect(stdout).not.toContain("hunter2");
    expect((await pipeline(cache, ["doctor"], { env })).stdout).not.toContain("hunter2");
  });

  it("tells a database that ncps has not set up from one that is missing", async () => {
    const cache = Cache.make({ narinfos: 1 });
    const empty = join(cache.root, "empty.sqlite");
    new Database(empty).exec("CREATE TABLE users (id INTEGER PRIMARY KEY)").close();
    expect(await doctor(cache, { env: { CACHE_DATABASE_URL: `sqlite:${empty}` } })).toMatchObject({
      code: 2,
      failed: ["sql/tables", "sql/missing-table"],
    });
    const none = { CACHE_DATABASE_URL: `sqlite:${join(cache.root, "none.sqlite")}` };
    expect(await doctor(cache, { env: none })).toMatchObject({ code: 3, failed: ["sql/environment"] });
  });

  it("lists what is wrong in the files: exit 2", async () => {
    const cache = Cache.make({ narinfos: 1 });
    const incomplete = await doctor(cache, { env: { CACHE_DATABASE_URL: "" } });
    expect(incomplete).toMatchObject({ code: 2, failed: ["project/incomplete"] });
    // What can be looked at is.
    expect(incomplete.passed).toContain("storage/delete-files");
    writeFileSync(join(cache.root, "ncps-pipeline.yaml"), "conections: {}\n");
    expect(await doctor(cache)).toMatchObject({ code: 2, failed: ["spec/unknown-key"] });
  });

  it("leaves out packaged pipelines whose connections a project of one's own does not have, as validate does", async () => {
    const cache = Cache.make({ narinfos: 1 });
    const own = `connections:\n  other: { type: storage, path: ${cache.storage} }\n`;
    writeFileSync(join(cache.root, "ncps-pipeline.yaml"), own);
    expect(await pipeline(cache, ["validate"])).toMatchObject({ code: 0 });
    expect(await doctor(cache)).toMatchObject({ code: 0, failed: [] });
    expect(await pipeline(cache, ["validate", "narinfo-to-db"])).toMatchObject({ code: 2 });
  });

  it.runIf(isRoot)("says what this user may not do, before a run finds out", async () => {
    const cache = Cache.make({ narinfos: 10 });
    // Root's files, as where a run is started as another user than ncps.
    const asNobody = { uid: nobody };
    expect(await doctor(cache, asNobody)).toMatchObject({
      code: 3,
      failed: ["storage/delete-files", "sql/environment", "state/writable"],
      warned: expect.arrayContaining(["storage/owner"]),
    });
    execFileSync("chown", [`${nobody}:${nobody}`, cache.root]);
    expect(await doctor(cache, asNobody)).toMatchObject({ code: 3, failed: ["storage/delete-files", "sql/writable"] });
    execFileSync("chown", ["-R", `${nobody}:${nobody}`, cache.root]);
    expect(await doctor(cache, asNobody)).toMatchObject({ code: 0, failed: [] });
    const folder = dirname(join(cache.storage, Cache.narinfo(0).key));
    chmodSync(folder, 0o000);
    expect(await doctor(cache, asNobody)).toMatchObject({ code: 3, failed: ["storage/list-folders"] });
    chmodSync(folder, 0o1777);
    execFileSync("chown", ["-R", "root:root", folder]);
    expect(await doctor(cache, asNobody)).toMatchObject({ code: 3, failed: ["storage/delete-files"] });
    chmodSync(folder, 0o755);
  });
});
