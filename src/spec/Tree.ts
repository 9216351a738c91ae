/** A YAML text as values that know where they came from. */
import type { Redacted } from "effect";

export type Path = ReadonlyArray<string | number>;

export interface Place {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1, in UTF-16 units, as editors count. */
  readonly col: number;
}

export type Origin =
  | { readonly _tag: "File"; readonly place: Place }
  /** `--set sink.batch.items.max`: the flag without its value. */
  | { readonly _tag: "Flag"; readonly flag: string };

/** Integers that a double cannot hold are `bigint`. */
export type Scalar = string | number | bigint | boolean | null | Redacted.Redacted<string>;

export interface Leaf {
  readonly _tag: "Leaf";
  readonly value: Scalar;
  readonly origin: Origin;
  /** Environment variables whose content it holds. */
  readonly variables: ReadonlyArray<string>;
  /** Environment variables that could have filled it, but are unset or empty. */
  readonly unset: ReadonlyArray<string>;
}

export interface MapNode {
  readonly _tag: "Map";
  readonly entries: ReadonlyMap<string, { readonly key: Origin; readonly node: Node }>;
  readonly origin: Origin;
}

export interface ListNode {
  readonly _tag: "List";
  readonly items: ReadonlyArray<Node>;
  readonly origin: Origin;
}

export type Node = Leaf | MapNode | ListNode;

export const leaf = (
  value: Scalar,
  origin: Origin,
  variables: ReadonlyArray<string> = [],
  unset: ReadonlyArray<string> = [],
): Leaf => ({ _tag: "Leaf", value, origin, variables, unset });

/** The values alone, as schemas read them. */
export const plain = (node: Node): unknown => {
  switch (node._tag) {
    case "Leaf":
      return node.value;
    case "List":
      return node.items.map(plain);
    case "Map":
      return Object.fromEntries([...node.entries].map(([key, entry]) => [key, plain(entry.node)]));
  }
};

export const child = (node: Node | undefined, segment: string | number): Node | undefined =>
  node?._tag === "Map"
    ? node.entries.get(String(segment))?.node
    : node?._tag === "List" && typeof segment === "number"
    ? node.items[segment]
    : undefined;

export const at = (node: Node | undefined, path: Path): Node | undefined => path.reduce<Node | undefined>(child, node);

/** What stands at the path, or at the part of it where the tree ends: entries of a list that is written as one text stand nowhere. */
export const nearest = (node: Node, path: Path): Node => {
  const [segment, ...below] = path;
  const next = segment === undefined ? undefined : child(node, segment);
  return next === undefined ? node : nearest(next, below);
};

/** Where the path stands, or the nearest part of it that exists: its key, or its value. */
export const locate = (root: Node, path: Path, side: "key" | "value"): Origin => {
  let found: { key: Origin; node: Node } = { key: root.origin, node: root };
  for (const [depth, segment] of path.entries()) {
    const next = child(found.node, segment);
    if (next === undefined) return found.key;
    const key = found.node._tag === "Map" ? found.node.entries.get(String(segment))!.key : next.origin;
    found = { key, node: next };
    if (depth === path.length - 1) return side === "key" ? key : next.origin;
  }
  return found.node.origin;
};

/**
 * A path of the file system that a leaf supplied: what a file says is relative to its folder; what a variable or a flag says, to the
 * working folder, as everywhere in a shell.
 */
export const filePath = (node: Node | undefined, value: string): string => {
  const isOfFile = node?._tag === "Leaf" && node.origin._tag === "File" && node.variables.length === 0;
  if (!isOfFile || value.startsWith("/")) return value;
  const { file } = (node.origin as Extract<Origin, { readonly _tag: "File" }>).place;
  return `${file.slice(0, file.lastIndexOf("/") + 1)}${value}`;
};

export const isSamePath = (a: Path, b: Path): boolean =>
  a.length === b.length && a.every((segment, depth) => segment === b[depth]);

/** The same tree with other leaves. */
export const mapLeaves = (node: Node, change: (leaf: Leaf, path: Path) => Node, path: Path = []): Node => {
  switch (node._tag) {
    case "Leaf":
      return change(node, path);
    case "List":
      return { ...node, items: node.items.map((item, index) => mapLeaves(item, change, [...path, index])) };
    case "Map":
      return {
        ...node,
        entries: new Map(
          [...node.entries].map(([key, entry]) => [
            key,
            { key: entry.key, node: mapLeaves(entry.node, change, [...path, key]) },
          ]),
        ),
      };
  }
};

/** A map without some of its keys. */
export const without = (node: MapNode, keys: ReadonlySet<string>): MapNode => ({
  ...node,
  entries: new Map([...node.entries].filter(([key]) => !keys.has(key))),
});

/** ` (by CACHE_LOCK_BACKEND)`: the variables that supplied a value, whose place in the file says little; empty where none did. */
export const by = (node: Node | undefined): string =>
  node?._tag === "Leaf" && node.variables.length > 0 ? ` (by ${node.variables.join(", ")})` : "";

/** `transforms[0].type`; keys that are no words are quoted. */
export const showPath = (path: Path): string =>
  path.reduce<string>(
    (text, segment) =>
      typeof segment === "number"
        ? `${text}[${segment}]`
        : /^[^.[\]"\s]+$/.test(segment)
        ? (text === "" ? segment : `${text}.${segment}`)
        : `${text}[${JSON.stringify(segment)}]`,
    "",
  );
