import { describe, expect, it } from "@effect/vitest";
import { Effect, Either, Schema, Stream } from "effect";
import * as fs from "node:fs";
import * as path from "node:path";
import type { Source } from "../../src/core/Component.ts";
import { Connections } from "../../src/core/Connections.ts";
import { mint } from "../../src/core/internal/mint.ts";
import type { Storage } from "../../src/core/Storage.ts";
import * as Local from "../../src/drivers/storage/Local.ts";
import { deleteObjects } from "../../src/poststeps/deleteObjects.ts";
import { targetsOf } from "../contract/storage.ts";
import { folder, put } from "../drivers/storage/folder.ts";

const Settings: Schema.Schema<any, any> = deleteObjects.options;
const decode = Schema.decodeUnknownSync(Settings);

const sourceOf = (objects: Source["objects"]): Source => ({
  caps: { ordered: true, resumable: true, unique: true, countable: true },
  fingerprint: "",
  partitions: Effect.succeed([]),
  read: () => Stream.empty,
  pick: () => Stream.empty,
  keys: () => Stream.empty,
  ...(objects === undefined ? {} : { objects }),
});

/** It opens no connection of its own. */
const noConnections = Effect.provideService(Connections, {
  storage: () => Effect.die("unused"),
  sql: () => Effect.die("unused"),
  lock: Effect.die("unused"),
});

const world = Effect.gen(function*() {
  const root = yield* folder;
  const keys = ["s/n/a/1", "s/n/a/2", "s/n/b/3", "s/other"];
  for (const key of keys) put(root)(key);
  const storage = yield* Local.make({ root, name: "cache-storage" });
  return { root, keys, storage, source: sourceOf({ storage, prefix: "s/n/", suffix: ".narinfo" }) };
});

describe("delete-objects", () => {
  it.scoped("Invariant 1: what has a receipt and is unchanged goes, what changed stays; empty folders go last", () =>
    Effect.gen(function*() {
      const { keys, root, source, storage } = yield* world;
      const step = yield* noConnections(deleteObjects.open(decode({}), source));
      const receipts = (yield* targetsOf(storage, keys.slice(0, 3))).map(({ key, origin }) =>
        mint(key, origin, "committed")
      );
      fs.appendFileSync(path.join(root, keys[1]!), "more");
      expect((yield* step.apply(receipts)).map(({ _tag }) => _tag)).toEqual(["Deleted", "Changed", "Deleted"]);
      expect(fs.existsSync(path.join(root, "s/n/b"))).toBe(true);
      yield* step.finish;
      expect((fs.readdirSync(root, { recursive: true }) as Array<string>).sort()).toEqual([
        "s",
        "s/n",
        "s/n/a",
        "s/n/a/2",
        "s/other",
      ]);
    }));

  it.scoped("an empty folder that was rejected for its name is left alone", () =>
    Effect.gen(function*() {
      const { root, source } = yield* world;
      fs.mkdirSync(path.join(root, "s/n/c/odd.narinfo"), { recursive: true });
      fs.mkdirSync(path.join(root, "s/n/d/even"), { recursive: true });
      yield* (yield* noConnections(deleteObjects.open(decode({}), source))).finish;
      expect(fs.existsSync(path.join(root, "s/n/c/odd.narinfo"))).toBe(true);
      expect(fs.existsSync(path.join(root, "s/n/d"))).toBe(false);
    }));

  it.scoped("a store that cannot compare and delete in one step is refused unless the spec accepts it", () =>
    Effect.gen(function*() {
      const { source, storage } = yield* world;
      const weak: Storage = { ...storage, conditionalDelete: Effect.succeed(false) };
      const open = (options: object, of: Source) =>
        Effect.map(Effect.either(noConnections(deleteObjects.open(decode(options), of))), Either.isRight);
      const weakSource = sourceOf({ storage: weak, prefix: "", suffix: "" });
      expect(yield* open({}, source)).toBe(true);
      expect(yield* open({}, weakSource)).toBe(false);
      expect(yield* open({ withoutConditionalDelete: "head-compare" }, weakSource)).toBe(true);
      const { problems } = yield* noConnections(deleteObjects.inspect(decode({}), sourceOf(undefined)));
      expect(problems.map(({ code }) => code)).toEqual(["delete-objects/no-objects"]);
    }));
});
