import { describe, expect, it } from "@effect/vitest";
import { Duration, Effect, type Scope } from "effect";
import { build } from "esbuild";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import * as File from "../../../src/drivers/lock/File.ts";
import * as LockFiles from "../../../src/drivers/lock/LockFiles.ts";
import { lockContract } from "../../contract/lock.ts";

const ttl = Duration.seconds(10);

const temporary: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "ncps-locks-"))),
  (folder) => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
);

lockContract(
  "file",
  Effect.map(temporary, (folder) => ({
    open: File.make(join(folder, "locks")),
    forget: Effect.sync(() => rmSync(join(folder, "locks"), { recursive: true })),
  })),
  { exclusive: true, shared: true, leastTtl: Duration.millis(200) },
);

let programFolder: string;
beforeAll(async () => {
  programFolder = mkdtempSync(join(tmpdir(), "ncps-lock-program-"));
  await build({
    entryPoints: [fileURLToPath(new URL("fileHolder.ts", import.meta.url))],
    outfile: join(programFolder, "fileHolder.cjs"),
    bundle: true,
    platform: "node",
    logLevel: "silent",
  });
});
afterAll(() => rmSync(programFolder, { recursive: true, force: true }));

/** A process that holds `keys`; its scope kills it, as does `kill`. */
const holder = (folder: string, keys: ReadonlyArray<string>) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const child = spawn(process.execPath, [join(programFolder, "fileHolder.cjs"), folder, ...keys], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      await once(child.stdout, "data");
      const kill = async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill("SIGKILL");
        await once(child, "exit");
      };
      return { kill: Effect.promise(kill) };
    }),
    ({ kill }) => kill,
  );

describe("file lock", () => {
  it.scopedLive("a holder killed with -9 keeps nobody out, and what it left is removed", () =>
    Effect.gen(function*() {
      const folder = yield* temporary;
      const lock = yield* File.make(folder);
      yield* (yield* lock.acquire(["first"], ttl)).release;
      const rival = yield* holder(folder, ["a", "b", "c"]);
      const refused = yield* lock.acquire(["a"], ttl);
      expect(refused.taken).toEqual([false]);
      yield* refused.release;
      yield* rival.kill;
      const lease = yield* lock.acquire(["a", "d"], ttl);
      expect(lease.taken).toEqual([true, true]);
      expect(yield* lease.valid).toBe(true);
      yield* lease.release;
      yield* Effect.scoped(Effect.flatMap(File.make(folder), (next) => next.acquire(["e"], ttl)));
      expect(readdirSync(folder)).toEqual([]);
    }));

  it.scopedLive("runners of other processes exclude one another", () =>
    Effect.gen(function*() {
      const folder = yield* temporary;
      yield* holder(folder, ["a"]);
      yield* holder(folder, ["a", "b"]);
      const lock = yield* File.make(folder);
      expect((yield* lock.acquire(["a", "b", "c"], ttl)).taken).toEqual([false, false, true]);
    }));

  it.scopedLive("nothing is left behind, whether batches end or the runner does", () =>
    Effect.gen(function*() {
      const folder = join(yield* temporary, "made", "on", "demand");
      yield* Effect.scoped(Effect.gen(function*() {
        const lock = yield* File.make(folder);
        expect((yield* lock.checkup).map(({ status }) => status)).toEqual(["pass", "pass"]);
        expect(existsSync(folder)).toBe(false);
        yield* (yield* lock.acquire(["a", "b"], ttl)).release;
        expect(readdirSync(folder)).toEqual([]);
        yield* lock.acquire(["a", "migration:b", "Ü"], ttl);
        expect(readdirSync(folder).length).toBe(4);
        expect(readdirSync(folder)).toContain("migration:b.lock");
        const other = yield* File.make(folder);
        yield* (yield* other.acquire(["a"], ttl)).release;
      }));
      expect(readdirSync(folder)).toEqual([]);
    }));

  it.scopedLive("a holder of an earlier boot of this host is dead, one in another container only when its time is out", () =>
    Effect.gen(function*() {
      const folder = yield* temporary;
      const rival = yield* holder(folder, ["booted", "contained"]);
      const record = JSON.parse(readFileSync(join(folder, "booted.lock"), "utf8"));
      yield* rival.kill;
      const [boot, namespace] = record.owner.machine.split("/");
      const write = (key: string, machine: string, expires: number) => {
        rmSync(join(folder, `${key}.lock`), { force: true });
        writeFileSync(
          join(folder, `${key}.lock`),
          JSON.stringify({ ...record, lease: key, expires, owner: { ...record.owner, machine } }),
        );
      };
      write("booted", `another-boot/${namespace}`, Date.now() + 60_000);
      write("contained", `${boot}/pid:[1]`, Date.now() + 60_000);
      write("expired", `${boot}/pid:[1]`, Date.now() - 1);
      const lock = yield* File.make(folder);
      expect((yield* lock.acquire(["booted", "contained", "expired"], ttl)).taken).toEqual([true, false, true]);
    }));

  it.scopedLive("a folder that cannot be one is told with what to do", () =>
    Effect.gen(function*() {
      const file = join(yield* temporary, "file");
      writeFileSync(file, "");
      const lock = yield* File.make(join(file, "locks"));
      const error = yield* Effect.flip(lock.acquire(["a"], ttl));
      expect(error.reason).toBe("Unusable");
      expect(error.message).toContain("Name a folder");
    }));

  it("names of key files differ as keys do, also where upper and lower case are one", () => {
    const keys = ["a", "A", "a/b", "a:b", ".", "..", "=", "", "a".repeat(200), "a".repeat(201), "a\0"];
    const names = keys.map(LockFiles.nameOf);
    expect(new Set(names.map((name) => name.toLowerCase())).size).toBe(keys.length);
    for (const name of names) expect(name).toMatch(/^[^/\0]{1,255}$/);
  });
});
