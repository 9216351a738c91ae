import Database from "better-sqlite3";
import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it, onTestFinished } from "vitest";
import * as Cache from "./Cache.ts";
import { pipeline, start } from "./Pipeline.ts";
import type { Ended } from "./Pipeline.ts";

const run = ["run", "narinfo-to-db"];

/** Root passes every permission: then the tool is spawned as `nobody`. */
const isRoot = process.getuid?.() === 0;
const nobody = 65_534;
const asNobody = isRoot ? { uid: nobody } : {};

const give = (...paths: ReadonlyArray<string>) => {
  if (isRoot) { for (const path of paths) chownSync(path, nobody, nobody); }
};

/** The cache as the user's own, so that only what a test takes away is missing. */
const ownedCache = (narinfos: number): Cache.Cache => {
  const cache = Cache.make({ narinfos });
  if (isRoot) execFileSync("chown", ["-R", `${nobody}:${nobody}`, cache.root]);
  return cache;
};

const expectRefusal = (ended: Ended, code: number, ...says: ReadonlyArray<string>) => {
  expect({ code: ended.code, stderr: ended.stderr }).toMatchObject({ code });
  for (const text of says) expect(ended.stdout + ended.stderr).toContain(text);
};

describe("the database", () => {
  it("is missing: exit 3, and it is not made", async () => {
    const cache = Cache.make({ narinfos: 1 });
    rmSync(cache.database);
    expectRefusal(await pipeline(cache, run), 3, cache.database, "never created here", "ncps migrate up");
    expect(() => statSync(cache.database)).toThrow("ENOENT");
    expect(cache.files()).toHaveLength(1);
  });

  it.each([
    { what: "is empty", statements: "VACUUM" },
    { what: "has tables of another program", statements: "CREATE TABLE users (id INTEGER PRIMARY KEY)" },
  ])("$what: exit 2, told to run `ncps migrate up`, and no table is made", async ({ statements }) => {
    const cache = Cache.make({ narinfos: 1 });
    rmSync(cache.database);
    const database = new Database(cache.database);
    database.exec(statements);
    database.close();
    const before = readFileSync(cache.database);
    expectRefusal(await pipeline(cache, run), 2, "schema_migrations", "ncps migrate up");
    expect(readFileSync(cache.database)).toEqual(before);
  });

  it("is no SQLite file: exit 3", async () => {
    const cache = Cache.make({ narinfos: 1 });
    writeFileSync(cache.database, "not a database, and long enough to be looked at".repeat(100));
    expectRefusal(await pipeline(cache, run), 3, "sql/environment");
  });

  it("cannot be written by this user: exit 3, nothing deleted", async () => {
    const cache = ownedCache(2);
    chmodSync(cache.database, 0o444);
    if (isRoot) chownSync(cache.database, 0, 0);
    expectRefusal(await pipeline(cache, run, asNobody), 3, "cache-database");
    // Who only reads could not tell by itself.
    expectRefusal(await pipeline(cache, ["plan", "narinfo-to-db"], asNobody), 0, "a run would fail", "sql/writable");
    expectRefusal(await pipeline(cache, [...run, "--dry-run"], asNobody), 0, "a run would fail", "sql/writable");
    expect(cache.files()).toHaveLength(2);
  });

  it("is locked by another writer for longer than the budget: exit 3 after it, nothing deleted", async () => {
    const cache = Cache.make({ narinfos: 2 });
    const holder = new Database(cache.database);
    onTestFinished(() => {
      holder.close();
    });
    holder.exec("BEGIN IMMEDIATE");
    const impatient = ["statementTimeout=100ms", "retry.deadline=300ms"].flatMap((set) => ["--set", `sink.${set}`]);
    const ended = await pipeline(cache, [...run, ...impatient, "--json"]);
    expect(ended.code).toBe(3);
    expect(JSON.parse(ended.stdout)).toMatchObject({
      ok: false,
      error: { code: "sql/busy" },
      result: { imbalances: [] },
    });
    expect(cache.files()).toHaveLength(2);
    holder.exec("ROLLBACK");
    expect(await pipeline(cache, run)).toMatchObject({ code: 0 });
  });

  it("is of no engine that there is: exit 2, without the password", async () => {
    const cache = Cache.make({ narinfos: 1 });
    const env = { CACHE_DATABASE_URL: "oracle://ncps:hunter2@db/ncps" };
    const ended = await pipeline(cache, run, { env });
    expectRefusal(ended, 2, "no URL of a database", "CACHE_DATABASE_URL");
    expect(ended.stdout + ended.stderr).not.toContain("hunter2");
  });

  it("is written with // before a relative path: told which file is read instead", async () => {
    const cache = Cache.make({ narinfos: 1 });
    const env = { CACHE_DATABASE_URL: "sqlite://tmp/db.sqlite" };
    expectRefusal(await pipeline(cache, ["validate"], { env }), 0, "the file is /db.sqlite", "without //");
  });
});

describe("the storage", () => {
  it("does not exist, or is a file: exit 3", async () => {
    const cache = Cache.make({ narinfos: 0 });
    expectRefusal(await pipeline(cache, run, { env: { CACHE_STORAGE_LOCAL: "/nonexistent" } }), 3, "/nonexistent");
    expectRefusal(await pipeline(cache, run, { env: { CACHE_STORAGE_LOCAL: cache.database } }), 3, cache.database);
  });

  it("is not given: exit 2, naming the variable", async () => {
    const cache = Cache.make({ narinfos: 0 });
    expectRefusal(await pipeline(cache, run, { env: { CACHE_STORAGE_LOCAL: "" } }), 2, "set CACHE_STORAGE_LOCAL");
  });

  it("holds no narinfo: nothing to do, exit 0", async () => {
    const cache = Cache.make({ narinfos: 0 });
    const said = ["warning  nothing was found in the source", "pipeline doctor narinfo-to-db"];
    expectRefusal(await pipeline(cache, [...run, "--dry-run"]), 0, ...said);
    expectRefusal(await pipeline(cache, run), 0, "nothing to do", ...said);
  });

  it("has a folder that this user cannot list: exit 1, what could be listed is migrated", async () => {
    const cache = ownedCache(40);
    const closed = dirname(join(cache.storage, Cache.narinfo(0).key));
    chmodSync(closed, 0o000);
    const ended = await pipeline(cache, [...run, "--json"], asNobody);
    chmodSync(closed, 0o755);
    expect(ended.code).toBe(1);
    const { result } = JSON.parse(ended.stdout);
    expect(result.ledger.failed).toBe(1);
    expect(result.ledger.committed).toBeGreaterThan(30);
    expect(await pipeline(cache, run, asNobody)).toMatchObject({ code: 0 });
    expect(cache.rows("narinfos")).toBe(40);
  });

  it("has a file that this user cannot read: exit 1, naming it, and it stays", async () => {
    const cache = ownedCache(3);
    const { key } = Cache.narinfo(1);
    chmodSync(join(cache.storage, key), 0o000);
    expectRefusal(await pipeline(cache, run, asNobody), 1, key);
    expect(cache.files()).toEqual([key]);
    expect(cache.rows("narinfos")).toBe(2);
  });

  it("has a file that this user cannot delete: exit 1, the row is there and so is the file", async () => {
    const cache = ownedCache(3);
    const { key } = Cache.narinfo(1);
    chmodSync(dirname(join(cache.storage, key)), 0o555);
    const ended = await pipeline(cache, [...run, "--json"], asNobody);
    chmodSync(dirname(join(cache.storage, key)), 0o755);
    expect(ended.code).toBe(1);
    expect(JSON.parse(ended.stdout).result.ledger).toMatchObject({ committed: 3, deleted: 2, undeleted: 1 });
    expect(cache.files()).toEqual([key]);
    expect(await pipeline(cache, run, asNobody)).toMatchObject({ code: 0 });
    expect(cache.files()).toEqual([]);
  });
});

describe("the state", () => {
  const statePath = (cache: Cache.Cache) => join(cache.root, ".ncps-pipeline", "state.db");

  it("is broken: exit 3 before anything is written or deleted", async () => {
    const cache = Cache.make({ narinfos: 2 });
    mkdirSync(dirname(statePath(cache)));
    writeFileSync(statePath(cache), "x".repeat(4096));
    expectRefusal(await pipeline(cache, run), 3, "state.db", "Move the file aside");
    expect(cache.rows("narinfos")).toBe(0);
    expect(cache.files()).toHaveLength(2);
  });

  it("was made by a newer version: exit 3, untouched", async () => {
    const cache = Cache.make({ narinfos: 1 });
    await pipeline(cache, [...run, "--keep"]);
    const state = new Database(statePath(cache));
    state.pragma("user_version = 9999");
    state.close();
    expectRefusal(await pipeline(cache, run), 3, "newer");
    expectRefusal(await pipeline(cache, ["status"]), 3, "newer");
    expect(cache.files()).toHaveLength(1);
  });

  it("is the database of another program: exit 3, untouched", async () => {
    const cache = Cache.make({ narinfos: 1 });
    const before = readFileSync(cache.database);
    expectRefusal(await pipeline(cache, [...run, "--state", cache.database]), 3, "another program");
    expect(readFileSync(cache.database)).toEqual(before);
  });

  it("lies in a folder that this user cannot write: exit 3", async () => {
    const cache = ownedCache(1);
    mkdirSync(dirname(statePath(cache)));
    chmodSync(dirname(statePath(cache)), 0o555);
    give(dirname(statePath(cache)));
    expectRefusal(await pipeline(cache, run, asNobody), 3, "state.db", "--state");
    expect(cache.files()).toHaveLength(1);
  });
});

describe.runIf(isRoot)("a full disk", () => {
  const tmpfs = (root: string, size: string): string => {
    const folder = join(root, "small");
    mkdirSync(folder);
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "none", folder]);
    onTestFinished(() => {
      execFileSync("umount", ["-l", folder]);
    });
    return folder;
  };

  it("under the state: exit 3, and everything that was deleted is in the database", async () => {
    const cache = Cache.make({ narinfos: 1_000, broken: Array.from({ length: 500 }, () => Cache.withUnknownKey) });
    const folder = tmpfs(cache.root, "128k");
    const ended = await pipeline(cache, [...run, "--state", join(folder, "state.db")]);
    expectRefusal(ended, 3, "disk is full", "--state");
    expect(cache.rows("narinfos") + cache.files().length).toBeGreaterThanOrEqual(1_500);
  });

  it("under the database: exit 3, and everything that was deleted is in the database", async () => {
    const cache = Cache.make({ narinfos: 2_000 });
    const folder = tmpfs(cache.root, "640k");
    execFileSync("cp", [cache.database, join(folder, "db.sqlite")]);
    const ended = await pipeline(cache, run, { env: { CACHE_DATABASE_URL: `sqlite:${join(folder, "db.sqlite")}` } });
    expectRefusal(ended, 3, "full");
    const reader = new Database(join(folder, "db.sqlite"));
    const { count } = reader.prepare<[], { count: number }>("SELECT count(*) AS count FROM narinfos").get()!;
    reader.close();
    expect(count + cache.files().length).toBeGreaterThanOrEqual(2_000);
  });
});

describe("the terminal", () => {
  it("is closed under the run (`| head -1`): the run goes on, and its ledger decides the exit code", async () => {
    const cache = Cache.make({ narinfos: 1_000 });
    const running = start(cache, run);
    await running.says("running narinfo-to-db");
    running.child.stdout!.destroy();
    expect(await running.ended).toMatchObject({ code: 0, signal: null });
    expect(cache.rows("narinfos")).toBe(1_000);
    expect(cache.files()).toEqual([]);
  });
});
