import { describe, expect, it } from "@effect/vitest";
import { FastCheck as fc } from "effect";
import { stringify } from "yaml";
import * as Overlay from "../../src/spec/Overlay.ts";
import * as Tree from "../../src/spec/Tree.ts";
import * as Yaml from "../../src/spec/Yaml.ts";

const treeOf = (value: object, file = "x.yaml"): Tree.MapNode => Yaml.parse(file, stringify(value)).tree!;
const merged = (base: object, over: object) => Tree.plain(Overlay.merge(treeOf(base), treeOf(over)));
const set = (base: object, text: string) => {
  const parsed = Overlay.parseSet(text);
  if ("code" in parsed) return parsed.code;
  const applied = Overlay.applySet(treeOf(base), parsed);
  return "code" in applied ? applied.code : Tree.plain(applied);
};

const key = fc.constantFrom("a", "b", "c", "d");
const leaf = fc.oneof(fc.integer(), fc.boolean(), fc.constantFrom("x", "y"), fc.array(fc.integer(), { maxLength: 3 }));
const settings = fc.letrec((tie) => ({
  map: fc.dictionary(key, tie("node"), { minKeys: 1, maxKeys: 4, noNullPrototype: true }),
  node: fc.oneof({ maxDepth: 3, depthSize: "small" }, leaf, tie("map")),
})).map as fc.Arbitrary<Record<string, unknown>>;

describe("Overlay", () => {
  it("merges maps, replaces scalars and lists, and removes with null", () => {
    expect(merged({ a: { b: 1, c: [1, 2] }, d: 1 }, { a: { c: [3] }, d: null, e: { f: null, g: 1 } })).toEqual({
      a: { b: 1, c: [3] },
      e: { g: 1 },
    });
    expect(merged({ a: 1 }, { a: { b: 1 } })).toEqual({ a: { b: 1 } });
    expect(merged({ a: { b: 1 } }, { a: 1 })).toEqual({ a: 1 });
  });

  it("keeps a null of the base file, which may be a value", () => {
    expect(merged({ a: null }, { b: 1 })).toEqual({ a: null, b: 1 });
  });

  it("is idempotent, and nothing over something is that something", () => {
    fc.assert(fc.property(settings, settings, (base, over) => {
      const once = merged(base, over);
      expect(merged(once as object, over)).toEqual(once);
      expect(merged(base, base)).toEqual(base);
      const tree = treeOf(base);
      expect(Overlay.merge(tree, { _tag: "Map", entries: new Map(), origin: tree.origin })).toEqual(tree);
    }));
  });

  it("is associative, so that overlays can be stacked in any grouping", () => {
    fc.assert(fc.property(settings, settings, settings, (a, b, c) => {
      const [x, y, z] = [treeOf(a), treeOf(b), treeOf(c)];
      fc.pre(!hides(a, b, c));
      const left = Tree.plain(Overlay.merge(Overlay.merge(x, y), z));
      const right = Tree.plain(Overlay.merge(x, Overlay.merge(y, z)));
      expect(left).toEqual(right);
    }));
  });

  it("lets every leaf keep the place it came from", () => {
    fc.assert(fc.property(settings, settings, (base, over) => {
      const result = Overlay.merge(treeOf(base, "base"), treeOf(over, "over"));
      Tree.mapLeaves(result, (found, path) => {
        const file = found.origin._tag === "File" ? found.origin.place.file : "";
        const from = Tree.at(treeOf(file === "over" ? over : base), path);
        expect(from?._tag === "Leaf" ? from.value : undefined).toEqual(found.value);
        return found;
      });
    }));
  });

  it.each<[object, string, unknown]>([
    [{ a: { b: 1 } }, "a.b=2", { a: { b: "2" } }],
    [{}, "a.b.c=x=y", { a: { b: { c: "x=y" } } }],
    [{ a: [{ b: 1 }, { b: 2 }] }, "a[1].b=3", { a: [{ b: 1 }, { b: "3" }] }],
    [{ a: [1, 2] }, "a[0]=null", { a: [2] }],
    [{ a: 1, b: 2 }, "a=null", { b: 2 }],
    [{ a: { "x.y": 1 } }, 'a["x.y"]=2', { a: { "x.y": "2" } }],
    [{ a: { b: 1 } }, "a=", { a: "" }],
    [{ a: [1] }, "a[1]=2", "spec/bad-flag"],
    [{ a: 1 }, "a.b=2", "spec/bad-flag"],
    [{ a: 1 }, "a[0]=2", "spec/bad-flag"],
    [{}, "=1", "spec/bad-flag"],
    [{}, "a", "spec/bad-flag"],
    [{}, "[0]=1", "spec/bad-flag"],
    [{}, "a..b=1", "spec/bad-flag"],
    [{}, "a.=1", "spec/bad-flag"],
  ])("sets %j by %s", (base, text, expected) => {
    expect(set(base, text)).toEqual(expected);
  });
});

/** Whether a map of `c` meets a scalar of `b` where `a` has a map: only then grouping matters. */
const hides = (a: unknown, b: unknown, c: unknown): boolean => {
  const isMap = (value: unknown): value is Record<string, unknown> =>
    typeof value === "object" && value !== null && !Array.isArray(value);
  if (!isMap(c)) return false;
  if (!isMap(b)) return b !== undefined && isMap(a);
  return Object.keys(c).some((key) => hides(isMap(a) ? a[key] : undefined, b[key], c[key]));
};
