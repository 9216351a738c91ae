import { describe, expect, it } from "@effect/vitest";
import { Chunk, Clock, Effect, FastCheck, type Scope, Stream } from "effect";
import { createHash } from "node:crypto";
import { comparePositions } from "../../src/core/Item.ts";
import type { Storage } from "../../src/core/Storage.ts";

/** An empty storage of one's own, and a way to put objects into it beside the port. */
export interface StorageWorld {
  readonly storage: Storage;
  readonly put: (key: string, content: Uint8Array | string) => Effect.Effect<void>;
}

export interface StorageFlags {
  /** Whether objects lie in folders, which can be left empty. */
  readonly folders: boolean;
  /** Whether `check` exists. */
  readonly checks: boolean;
  /** How deleting what is gone ends; some services say of an absent key that it has been deleted. */
  readonly absent: ReadonlyArray<"Gone" | "Deleted">;
}

/** File times move with the real clock. */
const liveClock = Clock.make();

const listed = (storage: Storage, prefix: string, suffix = "", after?: string) =>
  Stream.runCollect(storage.list({ prefix, suffix, ...(after === undefined ? {} : { after }) })).pipe(
    Effect.map((chunks) => Chunk.toReadonlyArray(chunks).flat().map(({ key }) => key)),
  );

/** Reads on until every key is answered. */
export const readAll = (storage: Storage, keys: ReadonlyArray<string>, maxBytes: number) =>
  Effect.gen(function*() {
    const outcomes = [];
    while (outcomes.length < keys.length) {
      outcomes.push(...(yield* storage.read(keys.slice(outcomes.length), maxBytes)));
    }
    return outcomes;
  });

/** What was read of these keys, as post-steps get it. */
export const targetsOf = (storage: Storage, keys: ReadonlyArray<string>) =>
  Effect.map(readAll(storage, keys, 1024 * 1024), (outcomes) =>
    outcomes.map((outcome, i) => {
      if (outcome._tag !== "Read") throw new Error(`${keys[i]} was not read: ${JSON.stringify(outcome)}`);
      return { key: keys[i]!, origin: outcome.origin };
    }));

/** Names whose order differs by unit, by byte, and as a folder. */
const name = FastCheck.oneof(
  FastCheck.constantFrom(
    "a",
    "a-",
    "a.x",
    "a0",
    "A",
    "ab",
    "b.x",
    "é",
    "\u{ffee}",
    "\u{1f600}",
    "a b",
    "ä\n",
    "-",
    "~",
  ),
  FastCheck.string({ minLength: 1, maxLength: 3, unit: FastCheck.constantFrom("a", "b", ".", "/", "é", "0", " ") })
    .map((text) => `n${text.replaceAll("/", "-")}`),
);
const key = FastCheck.array(name, { minLength: 1, maxLength: 4 }).map((names) => names.join("/"));

/** A key that is a folder of another key is none. */
const keys = FastCheck.uniqueArray(key, { maxLength: 30 }).map((all) =>
  all.filter((one) => !all.some((other) => other.startsWith(`${one}/`)))
);

/** Where keys are paths, an object in the place of the prefix's folder is a fault. */
const prefixed = FastCheck.tuple(keys, FastCheck.constantFrom("", "a", "a/", "é", "none/", "n"))
  .filter(([some, prefix]) => !some.some((one) => prefix.startsWith(`${one}/`)));

export const storageContract = (
  title: string,
  world: Effect.Effect<StorageWorld, unknown, Scope.Scope>,
  flags: StorageFlags,
): void => {
  describe(`Storage contract: ${title}`, () => {
    it.effect(
      "a listing is in byte order of the whole key, and resumes after any of them",
      () =>
        Effect.promise(() =>
          FastCheck.assert(
            FastCheck.asyncProperty(keys, key, (some, absent) =>
              Effect.runPromise(Effect.scoped(Effect.gen(function*() {
                const { put, storage } = yield* world;
                for (const one of some) yield* put(one, one);
                const sorted = [...some].sort(comparePositions);
                expect(yield* listed(storage, "")).toEqual(sorted);
                for (const after of [...some, absent]) {
                  expect(yield* listed(storage, "", "", after))
                    .toEqual(sorted.filter((one) => comparePositions(one, after) > 0));
                }
              })))),
            { numRuns: 25 },
          )
        ),
      60_000,
    );

    it.effect(
      "partitions together hold every key once, stray objects beside the folders included",
      () =>
        Effect.promise(() =>
          FastCheck.assert(
            FastCheck.asyncProperty(prefixed, ([some, prefix]) =>
              Effect.runPromise(Effect.scoped(Effect.gen(function*() {
                const { put, storage } = yield* world;
                for (const one of some) yield* put(one, one);
                const found: Array<string> = [];
                for (const partition of yield* storage.partitions(prefix)) {
                  found.push(...(yield* listed(storage, partition)));
                }
                expect(found).toEqual(
                  [...some].sort(comparePositions).filter((one) => one.startsWith(prefix)),
                );
              })))),
            { numRuns: 25 },
          )
        ),
      60_000,
    );

    it.scoped("a prefix that nothing has is an empty listing", () =>
      Effect.gen(function*() {
        const { put, storage } = yield* world;
        yield* put("other/x.narinfo", "x");
        expect(yield* listed(storage, "store/narinfo/", ".narinfo")).toEqual([]);
        expect(yield* storage.partitions("store/narinfo/")).toEqual(["store/narinfo/"]);
      }));

    it.scoped("only keys with the suffix are listed", () =>
      Effect.gen(function*() {
        const { put, storage } = yield* world;
        for (const one of ["a/b.narinfo", "a/b.nar", "a/narinfo", "c.narinfo", "c.narinfo.bak"]) yield* put(one, one);
        expect(yield* listed(storage, "", ".narinfo")).toEqual(["a/b.narinfo", "c.narinfo"]);
      }));

    it.scoped("reading answers each key in order: whole, gone, or too large to touch", () =>
      Effect.gen(function*() {
        const { put, storage } = yield* world;
        yield* put("a/full", "content");
        yield* put("a/empty", "");
        yield* put("b/limit", new Uint8Array(100));
        yield* put("b/over", new Uint8Array(101));
        const outcomes = yield* readAll(storage, ["b/over", "a/full", "a/none", "z/none", "a/empty", "b/limit"], 100);
        expect(outcomes.map(({ _tag }) => _tag)).toEqual(["Refused", "Read", "Gone", "Gone", "Read", "Read"]);
        expect(outcomes[0]).toMatchObject({ outcome: "rejected", code: "storage/too-large" });
        const full = outcomes[1]!;
        if (full._tag !== "Read") throw new Error("not read");
        expect(Buffer.from(full.bytes).toString()).toBe("content");
        expect(full.origin.sha256).toBe(createHash("sha256").update("content").digest("hex"));
      }));

    it.scoped("a thousand objects come back as themselves", () =>
      Effect.gen(function*() {
        const { put, storage } = yield* world;
        const many = Array.from({ length: 1000 }, (_, i) => `${i % 10}/${i}`);
        for (const one of many) yield* put(one, one.repeat(Number(one.slice(2)) % 50));
        const outcomes = yield* readAll(storage, many, 1024 * 1024);
        expect(outcomes.map((outcome) => outcome._tag === "Read" ? Buffer.from(outcome.bytes).toString() : outcome))
          .toEqual(many.map((one) => one.repeat(Number(one.slice(2)) % 50)));
      }));

    it.scoped("Invariant 1: only what is unchanged since it was read is deleted", () =>
      Effect.gen(function*() {
        const { put, storage } = yield* world;
        for (const one of ["p/same", "p/rewritten", "p/grown", "p/removed"]) yield* put(one, one);
        const targets = yield* targetsOf(storage, ["p/same", "p/rewritten", "p/grown", "p/removed"]);
        yield* Effect.sleep("20 millis").pipe(Effect.withClock(liveClock));
        yield* put("p/rewritten", "p/rewrittEn");
        yield* put("p/grown", "p/grown!");
        yield* storage.remove(targets.slice(3));
        const outcomes = (yield* storage.remove(targets)).map(({ _tag }) => _tag);
        expect(outcomes.slice(0, 3)).toEqual(["Deleted", "Changed", "Changed"]);
        expect(flags.absent).toContain(outcomes[3]);
        expect(yield* listed(storage, "p/")).toEqual(["p/grown", "p/rewritten"]);
        expect(yield* storage.remove([])).toEqual([]);
      }));

    if (flags.checks) {
      it.scoped("asking tells what is the same, changed or gone", () =>
        Effect.gen(function*() {
          const { put, storage } = yield* world;
          for (const one of ["p/same", "p/changed", "p/gone"]) yield* put(one, one);
          const targets = yield* targetsOf(storage, ["p/same", "p/changed", "p/gone"]);
          yield* Effect.sleep("20 millis").pipe(Effect.withClock(liveClock));
          yield* put("p/changed", "p/chAnged");
          yield* storage.remove(targets.slice(2));
          expect(yield* storage.check!(targets)).toEqual(["same", "changed", "gone"]);
        }));
    }

    it.scoped("pruning removes empty folders up to the prefix, and nothing else", () =>
      Effect.gen(function*() {
        const { put, storage } = yield* world;
        const some = ["s/narinfo/a/aa/1", "s/narinfo/a/ab/2", "s/narinfo/b/ba/3", "s/other/4"];
        for (const one of some) yield* put(one, one);
        yield* storage.remove(yield* targetsOf(storage, some.slice(0, 2)));
        expect(yield* storage.prune("s/narinfo/", ".narinfo")).toBe(flags.folders ? 3 : 0);
        expect(yield* listed(storage, "")).toEqual(some.slice(2));
        yield* storage.remove(yield* targetsOf(storage, some.slice(2, 3)));
        expect(yield* storage.prune("s/narinfo/", ".narinfo")).toBe(flags.folders ? 3 : 0);
        expect(yield* storage.prune("s/narinfo/", ".narinfo")).toBe(0);
        yield* storage.remove(yield* targetsOf(storage, some.slice(3)));
        expect(yield* storage.prune("", ".narinfo")).toBe(flags.folders ? 2 : 0);
      }));
  });
};
