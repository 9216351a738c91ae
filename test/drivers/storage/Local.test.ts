import { describe, expect, it } from "@effect/vitest";
import { Chunk, Effect, Exit, Scope, Stream } from "effect";
import { execFileSync } from "node:child_process";
import * as fs from "node:fs";
import * as net from "node:net";
import * as os from "node:os";
import * as path from "node:path";
import type { Entry, Storage } from "../../../src/core/Storage.ts";
import * as Local from "../../../src/drivers/storage/Local.ts";
import { readAll, storageContract, targetsOf } from "../../contract/storage.ts";
import { folder, giveAway, put, unprivileged } from "./folder.ts";

const open = (root: string) => Local.make({ root, name: "cache-storage" });

storageContract(
  "local",
  Effect.gen(function*() {
    const root = yield* folder;
    return { storage: yield* open(root), put: (key, content) => Effect.sync(() => put(root)(key, content)) };
  }),
  { folders: true, checks: true, absent: ["Gone"] },
);

const entries = (storage: Storage, prefix = "", suffix = ".narinfo", after?: string) =>
  Stream.runCollect(storage.list({ prefix, suffix, ...(after === undefined ? {} : { after }) })).pipe(
    Effect.map((chunks) => Chunk.toReadonlyArray(chunks).flat()),
  );

/** Key and code of an entry, `ok` where it can be read. */
const brief = (all: ReadonlyArray<Entry>) => all.map(({ key, odd }) => `${key}: ${odd?.code ?? "ok"}`);

const world = Effect.gen(function*() {
  const root = yield* folder;
  return { root, put: put(root), storage: yield* open(root) };
});

describe("what is no plain file", () => {
  it.scoped("links, FIFOs, sockets and folders with the suffix are named, never followed or opened", () =>
    Effect.gen(function*() {
      const { put, root, storage } = yield* world;
      const outside = yield* folder;
      fs.writeFileSync(path.join(outside, "secret.narinfo"), "secret");
      put("a/good.narinfo");
      fs.symlinkSync(path.join(outside, "secret.narinfo"), path.join(root, "a/link.narinfo"));
      fs.symlinkSync(outside, path.join(root, "b"));
      fs.symlinkSync("nowhere", path.join(root, "a/dangling.narinfo"));
      execFileSync("mkfifo", [path.join(root, "a/fifo.narinfo")]);
      put("a/folder.narinfo/hidden.narinfo");
      put("a/ignored.txt");
      const server = net.createServer();
      yield* Effect.acquireRelease(
        Effect.async<void>((resume) => {
          server.listen(path.join(root, "a/socket.narinfo"), () => resume(Effect.void));
        }),
        () => Effect.sync(() => server.close()),
      );
      expect(brief(yield* entries(storage))).toEqual([
        "a/dangling.narinfo: storage/symlink",
        "a/fifo.narinfo: storage/not-a-file",
        "a/folder.narinfo: storage/folder-with-suffix",
        "a/good.narinfo: ok",
        "a/link.narinfo: storage/symlink",
        "a/socket.narinfo: storage/not-a-file",
        "b: storage/symlink",
      ]);
      const keys = [
        "a/dangling.narinfo",
        "a/fifo.narinfo",
        "a/folder.narinfo",
        "a/link.narinfo",
        "a/socket.narinfo",
        "b/secret.narinfo",
        "a/good.narinfo/x",
      ];
      const read = yield* readAll(storage, keys, 100);
      expect(read.map((outcome) => outcome._tag === "Refused" ? outcome.code : outcome)).toEqual([
        "storage/symlink",
        "storage/not-a-file",
        "storage/not-a-file",
        "storage/symlink",
        "storage/not-a-file",
        "storage/symlink",
        "storage/symlink",
      ]);
      const origin = { version: "1:1:1:1:1", sha256: "" };
      const removed = yield* storage.remove(keys.map((key) => ({ key, origin })));
      expect(removed.map(({ _tag }) => _tag)).toEqual(keys.map(() => "Changed"));
      expect(fs.readFileSync(path.join(outside, "secret.narinfo"), "utf8")).toBe("secret");
      yield* storage.prune("", ".narinfo");
      expect(fs.existsSync(path.join(root, "b"))).toBe(true);
    }));

  it.scoped("names that are no UTF-8 come out with keys of their own, other odd names as themselves", () =>
    Effect.gen(function*() {
      const { put, root, storage } = yield* world;
      const raw = (...bytes: ReadonlyArray<string | number>) =>
        Buffer.concat(bytes.map((part) => typeof part === "string" ? Buffer.from(part) : Buffer.from([part])));
      fs.writeFileSync(raw(`${root}/`, 0xff, ".narinfo"), "x");
      fs.writeFileSync(raw(`${root}/`, 0xfe, ".narinfo"), "x");
      fs.mkdirSync(raw(`${root}/`, 0xfd));
      fs.writeFileSync(raw(`${root}/`, 0xfc, ".txt"), "x");
      put("\\xff.narinfo");
      put("new\nline.narinfo");
      put("\ufeffbom.narinfo");
      put("é/ü.narinfo");
      const found = yield* entries(storage);
      expect(brief(found)).toEqual([
        "./\\xfd: storage/bad-name",
        "./\\xfe.narinfo: storage/bad-name",
        "./\\xff.narinfo: storage/bad-name",
        "\\xff.narinfo: ok",
        "new\nline.narinfo: ok",
        "é/ü.narinfo: ok",
        "\ufeffbom.narinfo: ok",
      ]);
      const good = found.filter(({ odd }) => odd === undefined).map(({ key }) => key);
      expect((yield* storage.remove(yield* targetsOf(storage, good))).map(({ _tag }) => _tag))
        .toEqual(good.map(() => "Deleted"));
      expect(fs.readdirSync(root).length).toBe(5);
    }));

  it.scoped("keys that are no path below the root reach nothing", () =>
    Effect.gen(function*() {
      const { root, storage } = yield* world;
      const outside = path.join(path.dirname(root), `${path.basename(root)}.narinfo`);
      fs.writeFileSync(outside, "x");
      yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(outside)));
      const keys = [`../${path.basename(outside)}`, outside, "", "a//b", "./a", "a/", "nul\0"];
      const origin = { version: "", sha256: "" };
      expect((yield* readAll(storage, keys, 10)).map((outcome) => outcome._tag === "Refused" && outcome.code))
        .toEqual(keys.map(() => "storage/bad-key"));
      expect((yield* storage.remove(keys.map((key) => ({ key, origin })))).map(({ _tag }) => _tag))
        .toEqual(keys.map(() => "Undeleted"));
      expect(yield* storage.check!(keys.map((key) => ({ key, origin })))).toEqual(keys.map(() => "changed"));
      expect(fs.existsSync(outside)).toBe(true);
    }));
});

describe("faults of a file or folder cost that file or folder", () => {
  it.scoped("a file that may not be read fails alone, a folder that may not be listed hides nothing", () =>
    Effect.gen(function*() {
      const { put, root, storage } = yield* world;
      for (const key of ["a/1.narinfo", "a/2.narinfo", "b/3.narinfo", "c/4.narinfo"]) put(key);
      giveAway(root);
      fs.chmodSync(path.join(root, "a/1.narinfo"), 0);
      fs.chmodSync(path.join(root, "b"), 0);
      const { found, read } = yield* unprivileged(Effect.gen(function*() {
        const found = yield* entries(storage);
        return { found, read: yield* readAll(storage, ["a/1.narinfo", "a/2.narinfo", "b/3.narinfo"], 100) };
      }));
      fs.chmodSync(path.join(root, "b"), 0o700);
      expect(brief(found)).toEqual(["a/1.narinfo: ok", "a/2.narinfo: ok", "b/: storage/denied", "c/4.narinfo: ok"]);
      expect(found[2]!.odd?.outcome).toBe("failed");
      expect(read.map((outcome) => outcome._tag === "Refused" ? `${outcome.outcome} ${outcome.code}` : outcome._tag))
        .toEqual(["failed storage/denied", "Read", "failed storage/denied"]);
    }));

  it.scoped("a file whose folder may not be written stays, with the reason", () =>
    Effect.gen(function*() {
      const { put, root, storage } = yield* world;
      put("a/x.narinfo");
      put("b/y.narinfo");
      giveAway(root);
      fs.chmodSync(path.join(root, "a"), 0o500);
      const removed = yield* unprivileged(
        Effect.flatMap(targetsOf(storage, ["a/x.narinfo", "b/y.narinfo"]), storage.remove),
      );
      expect(removed).toEqual([
        { _tag: "Undeleted", code: "storage/denied", reason: expect.stringContaining("run as the user") },
        { _tag: "Deleted" },
      ]);
      fs.chmodSync(path.join(root, "a"), 0o700);
      expect(fs.existsSync(path.join(root, "a/x.narinfo"))).toBe(true);
      expect(yield* storage.prune("b/", ".narinfo")).toBe(1);
    }));

  const canMount = process.getuid!() === 0
    && (() => {
      const there = fs.mkdtempSync(path.join(os.tmpdir(), "ncps-pipeline-mount-"));
      try {
        execFileSync("mount", ["-t", "tmpfs", "tmpfs", there], { stdio: "ignore" });
        execFileSync("umount", [there]);
        return true;
      } catch {
        return false;
      } finally {
        fs.rmdirSync(there);
      }
    })();

  const mounted = (at: string) =>
    Effect.acquireRelease(
      Effect.sync(() => execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", at])),
      () => Effect.sync(() => execFileSync("umount", ["-l", at])),
    );

  if (canMount) {
    it.scoped("a read-only file system keeps every file, with the reason", () =>
      Effect.gen(function*() {
        const root = yield* folder;
        yield* mounted(root);
        const storage = yield* open(root);
        put(root)("a/x.narinfo");
        const targets = yield* targetsOf(storage, ["a/x.narinfo"]);
        execFileSync("mount", ["-o", "remount,ro", root]);
        expect(yield* storage.remove(targets))
          .toEqual([{ _tag: "Undeleted", code: "storage/read-only", reason: expect.stringContaining("writable") }]);
        expect(yield* storage.prune("", ".narinfo")).toBe(0);
      }));

    it.scoped("a disk that is unmounted midway is a fault, not an empty folder", () =>
      Effect.gen(function*() {
        const root = yield* folder;
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=4m", "tmpfs", root]);
        const storage = yield* open(root);
        put(root)("a/x.narinfo");
        const targets = yield* targetsOf(storage, ["a/x.narinfo"]);
        execFileSync("umount", [root]);
        for (const attempt of [entries(storage), storage.read(["a/x.narinfo"], 9), storage.remove(targets)]) {
          expect(yield* Effect.flip(attempt as Effect.Effect<unknown, unknown>))
            .toMatchObject({
              _tag: "StorageError",
              reason: "Unavailable",
              detail: expect.stringContaining("another folder"),
            });
        }
      }));
  }
});

describe("faults of the whole storage say what to do", () => {
  it.scoped("a root that does not exist, is a file, or may not be entered", () =>
    Effect.gen(function*() {
      const root = yield* folder;
      put(root)("file", "x");
      put(root)("file2/x", "x");
      fs.mkdirSync(path.join(root, "locked"), { mode: 0o700 });
      if (process.getuid!() !== 0) fs.chmodSync(path.join(root, "locked"), 0);
      const fault = (at: string) => Effect.flip(unprivileged(open(path.join(root, at))));
      expect(yield* fault("none")).toMatchObject({ reason: "Missing", remedy: expect.stringContaining("path") });
      expect(yield* fault("file")).toMatchObject({ reason: "Unusable", remedy: expect.stringContaining("folder") });
      expect(yield* fault("file/x")).toMatchObject({ reason: "Unusable" });
      const denied = yield* fault("locked");
      expect(denied).toMatchObject({ reason: "Denied", remedy: expect.stringContaining(`uid ${process.getuid!()}`) });
      expect(denied.message).toContain(path.join(root, "locked"));
    }));

  it.scoped("a prefix that may not be listed, is a file, or is a link, is never an empty listing", () =>
    Effect.gen(function*() {
      const { put, root, storage } = yield* world;
      put("store/file", "x");
      put("real/x.narinfo", "x");
      fs.symlinkSync("../real", path.join(root, "store/link"));
      fs.mkdirSync(path.join(root, "store/locked"));
      giveAway(root);
      fs.chmodSync(path.join(root, "store/locked"), 0);
      const fault = (prefix: string) => Effect.flip(unprivileged(entries(storage, prefix)));
      expect(yield* fault("store/locked/")).toMatchObject({ reason: "Denied", key: "store/locked/" });
      expect(yield* fault("store/file/")).toMatchObject({ reason: "Unusable", key: "store/file/" });
      expect(yield* fault("store/link/")).toMatchObject({ reason: "Unusable", key: "store/link/" });
      expect(yield* Effect.flip(unprivileged(storage.partitions("store/locked/")))).toMatchObject({ reason: "Denied" });
      fs.chmodSync(path.join(root, "store/locked"), 0o700);
    }));

  it.scoped("a root reached through a link is the folder behind it", () =>
    Effect.gen(function*() {
      const root = yield* folder;
      put(root)("real/a/x.narinfo");
      fs.symlinkSync("real", path.join(root, "link"));
      const storage = yield* open(path.join(root, "link"));
      expect(storage.identity).toBe(`file:${root}/real`);
      expect(brief(yield* entries(storage))).toEqual(["a/x.narinfo: ok"]);
    }));

  it.scoped("once its scope is closed, calls fail and do not hang", () =>
    Effect.gen(function*() {
      const root = yield* folder;
      const scope = yield* Scope.make();
      const storage = yield* Scope.extend(open(root), scope);
      yield* Scope.close(scope, Exit.void);
      expect(yield* Effect.flip(storage.read(["a"], 1))).toMatchObject({ _tag: "StorageError", reason: "Unavailable" });
    }));
});

describe("size and rivals", () => {
  it.scoped(
    "20,000 files in one folder come in order and in bounded pieces, and the main loop goes on",
    () =>
      Effect.gen(function*() {
        const { root, storage } = yield* world;
        fs.mkdirSync(path.join(root, "a"));
        const names = Array.from({ length: 20_000 }, (_, i) => `${(i * 7919) % 20_000}.narinfo`);
        for (const name of names) fs.writeFileSync(path.join(root, "a", name), name);
        const chunks = Chunk.toReadonlyArray(
          yield* Stream.runCollect(storage.list({ prefix: "", suffix: ".narinfo" })),
        );
        expect(Math.max(...chunks.map(({ length }) => length))).toBeLessThanOrEqual(512);
        const keys = chunks.flat().map(({ key }) => key);
        expect(keys).toEqual(names.map((name) => `a/${name}`).sort());
        expect(brief(yield* entries(storage, "", ".narinfo", "a/9998.narinfo"))).toEqual(["a/9999.narinfo: ok"]);

        let turns = 0;
        const ticking = setInterval(() => turns++);
        const targets = yield* targetsOf(storage, keys);
        expect(new Set((yield* storage.remove(targets)).map(({ _tag }) => _tag))).toEqual(new Set(["Deleted"]));
        clearInterval(ticking);
        expect(turns).toBeGreaterThan(40);
        expect(yield* storage.prune("a/", ".narinfo")).toBe(1);
      }),
    60_000,
  );

  it.scoped("a tree longer than a path may be is walked and pruned", () =>
    Effect.gen(function*() {
      const { root, storage } = yield* world;
      const depth = 500;
      const makeDeep = `for i in $(seq 0 ${
        depth - 1
      }); do f=folder$((i % 10)); mkdir $f && cd -P ./$f || exit 1; done; echo x > deep.narinfo`;
      const deep = Array.from({ length: depth }, (_, i) => `folder${i % 10}`).join("/");
      yield* Effect.acquireRelease(
        // Longer than PATH_MAX, so made step by step.
        Effect.sync(() => execFileSync("bash", ["-c", makeDeep], { cwd: root })),
        () => Effect.sync(() => execFileSync("rm", ["-rf", root])),
      );
      expect((yield* entries(storage)).map(({ key }) => key)).toEqual([`${deep}/deep.narinfo`]);
      const targets = yield* targetsOf(storage, [`${deep}/deep.narinfo`]);
      expect(yield* storage.remove(targets)).toEqual([{ _tag: "Deleted" }]);
      expect(yield* storage.prune("", ".narinfo")).toBe(depth);
    }), 60_000);

  it.scoped("many large objects come in parts, so that memory is bounded", () =>
    Effect.gen(function*() {
      const { put, storage } = yield* world;
      const keys = Array.from({ length: 8 }, (_, i) => `${i}`);
      for (const key of keys) put(key, Buffer.alloc(6_000_000, key));
      const first = yield* storage.read(keys, 16_000_000);
      expect(first.length).toBeGreaterThan(0);
      expect(first.length).toBeLessThan(keys.length);
      const all = yield* readAll(storage, keys, 16_000_000);
      expect(all.map((outcome) => outcome._tag === "Read" && String.fromCharCode(outcome.bytes[5_999_999]!))).toEqual(
        keys,
      );
    }));

  it.scoped(
    "rivals that delete, replace and prune meanwhile cost nothing that they did not touch",
    () =>
      Effect.gen(function*() {
        const { put, root, storage } = yield* world;
        const shards = "abcdefgh".split("");
        for (const shard of shards) for (let i = 0; i < 300; i++) put(`${shard}/${shard}${i}.narinfo`);
        const seen: Array<string> = [];
        let chunk = 0;
        yield* storage.list({ prefix: "", suffix: ".narinfo" }).pipe(Stream.runForEach((some) =>
          Effect.gen(function*() {
            if (chunk++ === 0) {
              fs.rmSync(path.join(root, "e"), { recursive: true });
              fs.renameSync(path.join(root, "f"), path.join(root, "f.away"));
              fs.symlinkSync("f.away", path.join(root, "f"));
              fs.rmSync(path.join(root, "g"), { recursive: true });
              fs.writeFileSync(path.join(root, "g"), "a file now");
            }
            const keys = some.filter(({ odd }) => odd === undefined).map(({ key }) => key);
            for (const outcome of yield* readAll(storage, keys, 100)) expect(outcome._tag).not.toBe("Refused");
            seen.push(...brief(some));
          })
        ));
        const untouched = [..."abcdh"].flatMap((shard) =>
          Array.from({ length: 300 }, (_, i) => `${shard}/${shard}${i}.narinfo: ok`)
        );
        expect(seen).toEqual(expect.arrayContaining(untouched));
        expect(seen).toContain("f/: storage/symlink");
        expect(seen).not.toContain("e/e0.narinfo: ok");
      }),
    30_000,
  );
});
