import { describe, expect, it } from "@effect/vitest";
import { Chunk, Effect, Layer, Schema, Stream } from "effect";
import * as fs from "node:fs";
import * as path from "node:path";
import type { ObjectValue, Source } from "../../src/core/Component.ts";
import { Connections } from "../../src/core/Connections.ts";
import type { Sifted } from "../../src/core/Item.ts";
import type { Storage } from "../../src/core/Storage.ts";
import * as ConnectionsLayer from "../../src/drivers/Connections.ts";
import { storageObjects } from "../../src/sources/storageObjects.ts";
import { folder, put } from "../drivers/storage/folder.ts";

const settings = { connection: "cache-storage", prefix: "store/narinfo/", suffix: ".narinfo" };
const Settings: Schema.Schema<any, any> = storageObjects.options;
const decode = Schema.decodeUnknownSync(Settings);

const connections = (root: string) =>
  ConnectionsLayer.layer({
    connections: new Map([["cache-storage", { type: "storage", kind: "local", path: root } as const]]),
    lock: { type: "none" },
  });

/** A cache of a few narinfos, and the source opened on it. */
const world = Effect.gen(function*() {
  const root = yield* folder;
  for (const key of ["a/aa/1", "a/ab/2", "b/ba/3", "stray"]) put(root)(`store/narinfo/${key}.narinfo`, key);
  put(root)("store/nar/a/aa/1.nar", "nar");
  const context = yield* Layer.build(connections(root));
  const open = (more: object = {}) =>
    Effect.map(
      Effect.provide(storageObjects.open(decode({ ...settings, ...more })), context),
      (source) => source as Source<ObjectValue>,
    );
  return { root, open, source: yield* open(), put: put(root) };
});

const collect = <E>(stream: Stream.Stream<Sifted<unknown>, E>) =>
  Effect.map(Stream.runCollect(stream), (all) => {
    const chunks = Chunk.toReadonlyArray(all);
    return {
      chunks,
      items: chunks.flatMap(({ items }) => items) as ReadonlyArray<Sifted<ObjectValue>["items"][number]>,
      dismissed: chunks.flatMap(({ dismissed }) => dismissed),
    };
  });

const everything = (source: Source) =>
  Effect.flatMap(
    source.partitions,
    (partitions) => collect(Stream.flatMap(Stream.fromIterable(partitions), (partition) => source.read(partition))),
  );

describe("storage-objects", () => {
  it.scoped("every object below the prefix is an item, whole and in order", () =>
    Effect.gen(function*() {
      const { source } = yield* world;
      const { dismissed, items } = yield* everything(source);
      expect(dismissed).toEqual([]);
      expect(items.map(({ key }) => key)).toEqual([
        "store/narinfo/a/aa/1.narinfo",
        "store/narinfo/a/ab/2.narinfo",
        "store/narinfo/b/ba/3.narinfo",
        "store/narinfo/stray.narinfo",
      ]);
      expect(items.map(({ value }) => Buffer.from(value.bytes).toString())).toEqual([
        "a/aa/1",
        "a/ab/2",
        "b/ba/3",
        "stray",
      ]);
      expect(items[0]).toMatchObject({ position: items[0]!.key, weight: 1, bytes: 6 });
      expect(yield* source.partitions).toEqual(["store/narinfo/a", "store/narinfo/b", "store/narinfo/s"]);
      expect(Chunk.toReadonlyArray(yield* Stream.runCollect(source.keys("store/narinfo/"))).flat())
        .toEqual(items.map(({ key }) => key));
    }));

  it.scoped("reading resumes after a position", () =>
    Effect.gen(function*() {
      const { source } = yield* world;
      const { items } = yield* collect(source.read("store/narinfo/", "store/narinfo/a/ab/2.narinfo"));
      expect(items.map(({ key }) => key)).toEqual(["store/narinfo/b/ba/3.narinfo", "store/narinfo/stray.narinfo"]);
    }));

  it.scoped("Invariant 6: what cannot be read is dismissed by itself, with code and place", () =>
    Effect.gen(function*() {
      const { open, put, root } = yield* world;
      fs.symlinkSync("1.narinfo", path.join(root, "store/narinfo/a/aa/0.narinfo"));
      put("store/narinfo/a/aa/2.narinfo", "x".repeat(1001));
      const source = yield* open({ maxObjectSize: "1000B" });
      const { dismissed, items } = yield* collect(source.read("store/narinfo/"));
      expect(items.length).toBe(4);
      expect(dismissed.map(({ code, item, outcome }) => [item.key, outcome, code])).toEqual([
        ["store/narinfo/a/aa/0.narinfo", "rejected", "storage/symlink"],
        ["store/narinfo/a/aa/2.narinfo", "rejected", "storage/too-large"],
      ]);
    }));

  it.scoped("Invariant 2: objects answered in parts are all there once, odd ones between them too", () =>
    Effect.gen(function*() {
      const { put, root, source } = yield* world;
      for (let i = 0; i < 9; i++) {
        put(`store/narinfo/c/${i}.narinfo`, Buffer.alloc(5_000_000, `${i}`));
        fs.symlinkSync("x", path.join(root, `store/narinfo/c/${i}x.narinfo`));
      }
      const { chunks, dismissed, items } = yield* collect(source.read("store/narinfo/c"));
      expect(chunks.length).toBeGreaterThan(1);
      expect(items.map(({ value }) => String.fromCharCode(value.bytes[0]!)).join("")).toBe("012345678");
      expect(dismissed.length).toBe(9);
      const order = chunks.flatMap((chunk) =>
        [...chunk.items.map(({ key }) => key), ...chunk.dismissed.map(({ item }) => item.key)].sort()
      );
      expect(order).toEqual([...order].sort());
    }));

  it.scoped("picked keys are read again; gone ones are skipped, foreign ones rejected", () =>
    Effect.gen(function*() {
      const { source } = yield* world;
      const { dismissed, items } = yield* collect(source.pick([
        "store/narinfo/b/ba/3.narinfo",
        "store/narinfo/b/ba/none.narinfo",
        "store/narinfo/../nar/a/aa/1.narinfo",
        "store/nar/a/aa/1.nar",
        "/store/narinfo/a/aa/1.narinfo",
        "store/narinfo/a/aa/1.narinfo",
        "store/narinfo/a/aa/1.narinfo",
      ]));
      expect(items.map(({ key }) => key)).toEqual(["store/narinfo/b/ba/3.narinfo", "store/narinfo/a/aa/1.narinfo"]);
      expect(dismissed.map(({ code, outcome }) => `${outcome} ${code}`)).toEqual([
        "skipped storage/gone",
        "rejected storage/outside",
        "rejected storage/outside",
        "rejected storage/outside",
      ]);
      expect((yield* collect(source.pick([]))).items).toEqual([]);
    }));

  it.scoped("items are checked against what is there now", () =>
    Effect.gen(function*() {
      const { root, source } = yield* world;
      const { items } = yield* everything(source);
      fs.rmSync(path.join(root, items[0]!.key));
      fs.appendFileSync(path.join(root, items[1]!.key), "more");
      expect(yield* source.check!(items)).toEqual(["gone", "changed", "same", "same"]);
      const part = { ...items[2]!, key: `${items[2]!.key}#1`, part: { object: items[2]!.key, of: 2 } };
      expect(yield* source.check!([part])).toEqual(["same"]);
    }));

  it.scoped("a missing prefix is an empty source, a missing root is an error", () =>
    Effect.gen(function*() {
      const root = yield* folder;
      const open = (at: string) =>
        Effect.flatMap(Layer.build(connections(at)), (context) =>
          Effect.provide(storageObjects.open(decode(settings)), context));
      const source = yield* open(root);
      expect((yield* everything(source)).chunks).toEqual([]);
      expect(yield* Effect.flip(open(path.join(root, "none")))).toMatchObject({
        _tag: "StorageError",
        reason: "Missing",
      });
    }));

  it.scoped("a slow consumer is read ahead of by a few chunks, not by the whole storage", () =>
    Effect.gen(function*() {
      const asked: Array<number> = [];
      const storage: Storage = {
        identity: "model",
        conditionalDelete: Effect.succeed(true),
        checkup: () => Effect.succeed([]),
        partitions: () => Effect.succeed([""]),
        list: () => Stream.range(1, 100).pipe(Stream.map((i) => [{ key: `${i}` }]), Stream.rechunk(1)),
        read: (keys) =>
          Effect.sync(() => {
            asked.push(keys.length);
            return keys.map(() => ({ _tag: "Gone" }) as const);
          }),
        remove: () => Effect.succeed([]),
        prune: () => Effect.succeed(0),
      };
      const source = yield* storageObjects.open(decode({ connection: "model" })).pipe(
        Effect.provideService(Connections, {
          storage: () => Effect.succeed(storage),
          sql: () => Effect.die("unused"),
          lock: Effect.die("unused"),
        }),
      );
      expect(source.check).toBeUndefined();
      let consumed = 0;
      yield* source.read("").pipe(Stream.runForEach(() =>
        Effect.gen(function*() {
          consumed++;
          for (let i = 0; i < 20; i++) yield* Effect.yieldNow();
          expect(asked.length - consumed).toBeLessThanOrEqual(3);
        })
      ));
      expect(consumed).toBe(100);
    }));

  it("settings that no key can match are problems before anything is opened", () => {
    const codes = (more: object) => storageObjects.check!(decode({ connection: "c", ...more })).map(({ code }) => code);
    expect(codes({})).toEqual([]);
    expect(codes({ prefix: "store/narinfo/a", suffix: ".x" })).toEqual([]);
    for (const prefix of ["/store/", "a//b/", "../x/", "a/./"]) {
      expect(codes({ prefix })).toEqual(["storage-objects/bad-prefix"]);
    }
    expect(codes({ suffix: "/x" })).toEqual(["storage-objects/bad-suffix"]);
    expect(codes({ prefix: "in*/", suffix: "*.x" })).toEqual([
      "storage-objects/wildcard",
      "storage-objects/wildcard",
    ]);
    expect(codes({ maxObjectSize: "0B" })).toEqual(["storage-objects/no-size"]);
  });
});
