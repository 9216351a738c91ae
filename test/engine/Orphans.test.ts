import { describe, expect, it } from "@effect/vitest";
import { Chunk, Effect, Either, Stream } from "effect";
import type { Source } from "../../src/core/Component.ts";
import { dismiss } from "../../src/core/Component.ts";
import type { Row } from "../../src/core/Sql.ts";
import * as Orphans from "../../src/engine/Orphans.ts";

const pageSize = 3;

/** Stub rows and objects by key, with what happens between two looks. */
const world = (rows: Array<string>, objects: Set<string>, meanwhile: () => void = () => undefined) => {
  const asked: Array<number> = [];
  const stubs = {
    columns: ["hash"],
    page: (after: Row | undefined) =>
      Effect.sync(() => {
        const from = after === undefined ? 0 : rows.findIndex((row) => row > String(after[0]));
        return from < 0 ? [] : rows.slice(from, from + pageSize).map((hash): Row => [hash]);
      }),
  };
  const source = {
    pick: (keys: ReadonlyArray<string>) =>
      Stream.sync(() => {
        asked.push(keys.length);
        const all = keys.map((key) => ({
          key,
          position: key,
          origin: { version: "", sha256: "" },
          value: undefined,
          weight: 1,
          bytes: 0,
        }));
        const sifted = {
          items: all.filter(({ key }) => objects.has(key)),
          dismissed: all.filter(({ key }) => !objects.has(key)).map((item) =>
            dismiss(item, "skipped", "storage/gone", "gone")
          ),
        };
        meanwhile();
        return sifted;
      }),
  } as unknown as Source;
  const found = Effect.gen(function*() {
    const keyOf = Either.getOrThrow(Orphans.keyOf("o/{hash}", stubs));
    const pages = Chunk.toReadonlyArray(yield* Stream.runCollect(Orphans.pages(stubs, source, keyOf, undefined)));
    return {
      stubs: pages.reduce((sum, page) => sum + page.stubs, 0),
      orphans: pages.flatMap(({ orphans }) => orphans),
    };
  });
  return { asked, found };
};

describe("orphans", () => {
  it.effect("are the rows whose object is not there, page after page, none asked twice", () =>
    Effect.gen(function*() {
      const { asked, found } = world(["a", "b", "c", "d", "e", "f", "g"], new Set(["o/b", "o/g"]));
      expect(yield* found).toEqual({ stubs: 7, orphans: ["o/a", "o/c", "o/d", "o/e", "o/f"] });
      expect(asked).toEqual([3, 3, 1]);
    }));

  it.effect("a row that a run fills, deleting its object, while it is being asked about is none", () =>
    Effect.gen(function*() {
      const rows = ["a", "b", "c", "d"];
      const { found } = world(rows, new Set(), () => {
        const at = rows.indexOf("b");
        if (at >= 0) rows.splice(at, 1);
      });
      expect(yield* found).toMatchObject({ orphans: ["o/a", "o/c", "o/d"] });
    }));

  it("cannot be told where the pipeline or the sink does not say what a row waits for", () => {
    const stubs = { columns: ["hash"], page: () => Effect.succeed([]) };
    const why = (template: string | undefined, of: typeof stubs | undefined) =>
      Either.match(Orphans.keyOf(template, of), { onLeft: (reason) => reason, onRight: () => undefined });
    expect(why(undefined, stubs)).toContain("orphans.key");
    expect(why("o/{hash}", undefined)).toContain("this sink");
    expect(why("o/{hsh}", stubs)).toContain("names hsh; the key of a row is hash");
    expect(why("o/{hash}", stubs)).toBeUndefined();
  });
});
