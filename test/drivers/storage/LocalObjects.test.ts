import { describe, expect, it } from "@effect/vitest";
import { Effect, Fiber } from "effect";
import { spawn, spawnSync } from "node:child_process";
import * as fs from "node:fs";
import * as path from "node:path";
import { pack } from "../../../src/drivers/Packed.ts";
import * as Local from "../../../src/drivers/storage/Local.ts";
import { readAll, targetsOf } from "../../contract/storage.ts";
import { folder, put } from "./folder.ts";

const world = Effect.gen(function*() {
  const root = yield* folder;
  return { root, put: put(root), storage: yield* Local.make({ root, name: "cache-storage" }) };
});

describe("Invariant 1: a delete hits only what was read", () => {
  const target = Effect.gen(function*() {
    const made = yield* world;
    made.put("a/x.narinfo", "0123456789");
    const targets = yield* targetsOf(made.storage, ["a/x.narinfo"]);
    return { ...made, file: path.join(made.root, "a/x.narinfo"), targets };
  });

  it.scoped("same size and same mtime, other content: changed", () =>
    Effect.gen(function*() {
      const { file, storage, targets } = yield* target;
      const { atime, mtime } = fs.statSync(file);
      fs.writeFileSync(file, "9876543210");
      fs.utimesSync(file, atime, mtime);
      expect(yield* storage.remove(targets)).toEqual([{ _tag: "Changed" }]);
      expect(fs.readFileSync(file, "utf8")).toBe("9876543210");
    }));

  it.scoped("content that differs behind an unchanged stat: changed", () =>
    Effect.gen(function*() {
      const { file, storage, targets } = yield* target;
      const lied = targets.map(({ key, origin }) => ({ key, origin: { ...origin, sha256: "0".repeat(64) } }));
      expect(yield* storage.remove(lied)).toEqual([{ _tag: "Changed" }]);
      expect(fs.existsSync(file)).toBe(true);
    }));

  it.scoped("the same content in another file under the name: changed", () =>
    Effect.gen(function*() {
      const { file, storage, targets } = yield* target;
      fs.writeFileSync(`${file}.new`, "0123456789");
      fs.renameSync(`${file}.new`, file);
      expect(yield* storage.check!(targets)).toEqual(["changed"]);
      expect(yield* storage.remove(targets)).toEqual([{ _tag: "Changed" }]);
      expect(fs.existsSync(file)).toBe(true);
    }));

  it.scoped("a second name for the file, given after it was read: changed", () =>
    Effect.gen(function*() {
      const { file, root, storage, targets } = yield* target;
      yield* Effect.promise(() => new Promise((done) => setTimeout(done, 20)));
      fs.linkSync(file, path.join(root, "second"));
      expect(yield* storage.remove(targets)).toEqual([{ _tag: "Changed" }]);
    }));

  it.scoped("a parent folder swapped for a link to a folder with the same name in it: changed, both kept", () =>
    Effect.gen(function*() {
      const { file, root, storage, targets } = yield* target;
      fs.renameSync(path.join(root, "a"), path.join(root, "moved"));
      fs.symlinkSync("moved", path.join(root, "a"));
      expect(yield* storage.check!(targets)).toEqual(["changed"]);
      expect(yield* storage.remove(targets)).toEqual([{ _tag: "Changed" }]);
      expect(fs.existsSync(file)).toBe(true);
    }));

  it.scoped(
    "a rival that swaps the folder for a link and back, all the time, never leads outside",
    () =>
      Effect.gen(function*() {
        const { put: putInside, root, storage } = yield* world;
        const outside = yield* folder;
        const keys = Array.from({ length: 50 }, (_, i) => `a/${i}.narinfo`);
        for (const key of keys) {
          putInside(key, "inside");
          put(outside)(key, "outside");
        }
        const swap = `const fs = require("node:fs"); for (;;) {
        fs.renameSync("a", "a.away"); fs.symlinkSync(${JSON.stringify(path.join(outside, "a"))}, "a");
        fs.unlinkSync("a"); fs.renameSync("a.away", "a");
      }`;
        yield* Effect.acquireRelease(
          Effect.sync(() => spawn(process.execPath, ["-e", swap], { cwd: root, stdio: "ignore" })),
          (rival) =>
            Effect.async<void>((resume) => {
              rival.once("exit", () => resume(Effect.void)).kill("SIGKILL");
            }),
        );
        const seen = new Set<string>();
        for (let round = 0; seen.size < 3 && round < 2000; round++) {
          for (const outcome of yield* readAll(storage, keys, 100)) {
            const what = outcome._tag === "Read" ? Buffer.from(outcome.bytes).toString() : outcome._tag;
            expect(what).not.toBe("outside");
            seen.add(what);
            if (outcome._tag === "Read") {
              const [removed] = yield* storage.remove([{ key: keys[0]!, origin: { ...outcome.origin, sha256: "" } }]);
              expect(removed!._tag).not.toBe("Deleted");
            }
          }
        }
        expect(seen).toContain("inside");
        expect(fs.readdirSync(path.join(outside, "a")).length).toBe(keys.length);
      }),
    60_000,
  );

  it("Invariant 3: killed before or after its nth delete, it has deleted what it should have and nothing else", () =>
    Effect.gen(function*() {
      for (const [point, left] of [["before-delete", 2], ["after-delete", 1]] as const) {
        const root = yield* folder;
        const keys = ["1", "2", "3"];
        for (const key of keys) put(root)(key);
        const targets = yield* Effect.flatMap(
          Local.make({ root, name: "cache-storage" }),
          (storage) => targetsOf(storage, keys),
        );
        const worker = new URL("../../../dist/localWorker.js", import.meta.url).href;
        const { signal } = spawnSync(process.execPath, [
          "-e",
          `
          const { Worker } = require("node:worker_threads");
          const worker = new Worker(new URL(${JSON.stringify(worker)}), {
            workerData: { root: ${JSON.stringify(root)}, armed: { point: ${JSON.stringify(point)}, passing: 2 } },
          });
          worker.postMessage({ id: 1, op: "remove", args: ${JSON.stringify(pack([targets]))} });
        `,
        ]);
        expect(signal).toBe("SIGKILL");
        expect(fs.readdirSync(root).length).toBe(left);
      }
    }).pipe(Effect.scoped, Effect.runPromise));

  it.live(
    "what another process deletes at the same time is gone, never changed",
    () =>
      Effect.gen(function*() {
        const { put, root, storage } = yield* world;
        const others = yield* Effect.replicateEffect(Local.make({ root, name: "cache-storage" }), 4);
        const keys = Array.from({ length: 5000 }, (_, number) => `${number % 10}/${number}`).toSorted();
        for (const key of keys) put(key);
        const targets = yield* targetsOf(storage, keys);
        const [read, ...removed] = yield* Effect.all(
          [readAll(storage, keys, 1024), ...others.map((other) => other.remove(targets))],
          { concurrency: "unbounded" },
        );
        const outcomes = removed.flat();
        expect(outcomes.filter(({ _tag }) => _tag === "Deleted")).toHaveLength(keys.length);
        expect(outcomes.filter(({ _tag }) => _tag === "Gone")).toHaveLength(3 * keys.length);
        expect(read.filter(({ _tag }) => _tag !== "Read" && _tag !== "Gone")).toEqual([]);
      }).pipe(Effect.scoped),
    60_000,
  );

  it.scoped("an object larger than the reading buffer is compared as a whole", () =>
    Effect.gen(function*() {
      const { put, root, storage } = yield* world;
      put("big", Buffer.alloc(3_000_000, "x"));
      const targets = yield* Effect.map(
        storage.read(["big"], 10_000_000),
        ([outcome]) => outcome?._tag === "Read" ? [{ key: "big", origin: outcome.origin }] : [],
      );
      const lied = targets.map(({ key, origin }) => ({ key, origin: { ...origin, sha256: "0".repeat(64) } }));
      expect(yield* storage.remove(lied)).toEqual([{ _tag: "Changed" }]);
      expect(yield* storage.remove(targets)).toEqual([{ _tag: "Deleted" }]);
      expect(fs.readdirSync(root)).toEqual([]);
    }));

  for (const [when, folders] of [["between two messages", 1], ["in the middle of one", 2]] as const) {
    it.scoped(`a storage that goes away ${when}: what was deleted counts as deleted, the rest as there`, () =>
      Effect.gen(function*() {
        const { put, root, storage } = yield* world;
        const away = `${root}-away`;
        yield* Effect.addFinalizer(() => Effect.sync(() => fs.rmSync(away, { recursive: true, force: true })));
        const keys = Array.from({ length: 1_200 }, (_, index) => `${index % folders}/${index}`);
        for (const key of keys) put(key);
        const targets = yield* targetsOf(storage, keys);
        // Its thread is up now, and goes on while this one waits for the first delete.
        yield* storage.remove([{ key: "none", origin: targets[0]!.origin }]);
        const removing = yield* Effect.fork(storage.remove(targets));
        yield* Effect.yieldNow();
        while (fs.existsSync(path.join(root, keys[0]!)));
        fs.renameSync(root, away);
        const outcomes = yield* Fiber.join(removing);
        expect(outcomes.map(({ _tag }) => _tag)).toEqual(
          keys.map((key) => fs.existsSync(path.join(away, key)) ? "Undeleted" : "Deleted"),
        );
        expect(outcomes.at(-1)?._tag).toBe("Undeleted");
      }));
  }
});
