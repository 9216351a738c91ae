import * as Finding from "./Finding.ts";
import * as Tree from "./Tree.ts";

/** Maps merge key by key; scalars and lists replace; `null` removes. Every leaf keeps the origin it came with. */
export const merge = (base: Tree.Node | undefined, over: Tree.Node): Tree.Node => {
  if (over._tag !== "Map") return over;
  const entries = new Map(base?._tag === "Map" ? base.entries : []);
  for (const [key, entry] of over.entries) {
    const before = entries.get(key);
    if (entry.node._tag === "Leaf" && entry.node.value === null) entries.delete(key);
    else entries.set(key, { key: before?.key ?? entry.key, node: merge(before?.node, entry.node) });
  }
  return { ...(base?._tag === "Map" ? base : over), entries };
};

/** One `--set path=value`. */
export interface Set {
  readonly path: Tree.Path;
  readonly value: string;
  readonly origin: Tree.Origin;
}

const segment = /(?:^|\.)([^.[\]=]+)|\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]/y;

/** Reads `transforms[0].x` or `columns["a.b"]` as far as it is a path; `end` is where it stops. */
export const readPath = (text: string): { readonly path: Tree.Path; readonly end: number } => {
  const path: Array<string | number> = [];
  segment.lastIndex = 0;
  let end = 0;
  for (let match = segment.exec(text); match !== null; match = segment.exec(text)) {
    path.push(match[2] === undefined ? match[1] ?? match[3]!.replace(/\\(.)/g, "$1") : Number(match[2]));
    end = segment.lastIndex;
  }
  return { path, end };
};

/** Parses `sink.batch.items.max=100`. */
export const parseSet = (text: string): Set | Finding.Finding => {
  const { path, end } = readPath(text);
  // What follows the first = may be a secret: only what precedes it is named.
  const equals = text.indexOf("=", end);
  const origin: Tree.Origin = { _tag: "Flag", flag: `--set ${text.slice(0, Math.max(equals, 0))}`.trim() };
  return path.length > 0 && typeof path[0] === "string" && equals === end
    ? { path, value: text.slice(end + 1), origin }
    : Finding.make(origin, {
      code: "spec/bad-flag",
      path: [],
      message: "expected path=value",
      suggestion: "write it like --set sink.batch.items.max=100 or --set transforms[0].type=parse-narinfo",
    });
};

/** Puts the value at its path as text, to be coerced by schema; `null` removes. Lists are not made longer. */
export const applySet = (root: Tree.Node, set: Set): Tree.Node | Finding.Finding => {
  const leaf = Tree.leaf(set.value === "null" ? null : set.value, set.origin);
  const refuse = (depth: number, message: string): Finding.Finding =>
    Finding.make(set.origin, {
      code: "spec/bad-flag",
      path: set.path.slice(0, depth),
      message,
      suggestion: "run pipeline explain to see what can be set",
    });
  const put = (node: Tree.Node | undefined, depth: number): Tree.Node | Finding.Finding => {
    if (depth === set.path.length) return leaf;
    const key = set.path[depth]!;
    if (typeof key === "number") {
      if (node?._tag !== "List") return refuse(depth, "there is no list here");
      if (key >= node.items.length) return refuse(depth, `the list has ${node.items.length} entries, counted from 0`);
      const next = put(node.items[key], depth + 1);
      if ("code" in next) return next;
      const isRemoved = next._tag === "Leaf" && next.value === null;
      return {
        ...node,
        items: node.items.flatMap((item, index) => (index !== key ? [item] : isRemoved ? [] : [next])),
      };
    }
    if (node !== undefined && node._tag !== "Map") return refuse(depth, "there is no map here");
    const next = put(node?.entries.get(key)?.node, depth + 1);
    if ("code" in next) return next;
    const single: Tree.MapNode = {
      _tag: "Map",
      entries: new Map([[key, { key: set.origin, node: next }]]),
      origin: set.origin,
    };
    if (next._tag === "Leaf") return merge(node, single);
    const entries = new Map(node?.entries ?? []);
    entries.set(key, { key: entries.get(key)?.key ?? set.origin, node: next });
    return { ...(node ?? single), entries };
  };
  return put(root, 0);
};
