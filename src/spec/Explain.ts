import { Redacted } from "effect";
import { REDACTED } from "../core/Field.ts";
import * as Outline from "./Outline.ts";
import * as Overlay from "./Overlay.ts";
import * as Tree from "./Tree.ts";

/** One effective value and where it comes from. */
export interface Entry {
  readonly path: Tree.Path;
  /** Plain JSON; `<redacted>` for secrets and for what no schema knows. */
  readonly value: unknown;
  readonly from:
    | { readonly _tag: "File"; readonly place: Tree.Place }
    | { readonly _tag: "Flag"; readonly flag: string }
    | { readonly _tag: "Default" };
  /** Environment variables that are part of it. */
  readonly variables: ReadonlyArray<string>;
  /** Environment variables that could have supplied it, but are unset or empty. */
  readonly unset: ReadonlyArray<string>;
}

/** Every value in force in a tree, defaults included, in the order of the file. Invariant 9: secrets stay secret. */
export const explain = (tree: Tree.Node, outline: Outline.Outline): ReadonlyArray<Entry> => {
  const entries: Array<Entry> = [];
  const visit = (node: Tree.Node, path: Tree.Path): void => {
    if (node._tag === "Map" && node.entries.size > 0) {
      for (const [key, entry] of node.entries) visit(entry.node, [...path, key]);
    } else if (node._tag === "List" && node.items.length > 0) {
      for (const [index, item] of node.items.entries()) visit(item, [...path, index]);
    } else {
      const leaf = node._tag === "Leaf" ? node : undefined;
      const value = leaf === undefined ? Tree.plain(node) : leaf.value;
      entries.push({
        path,
        value: Redacted.isRedacted(value)
            || (leaf !== undefined && value !== null && !Outline.isShown(outline, path, leaf.value))
          ? REDACTED
          : typeof value === "bigint"
          ? value.toString()
          : value,
        from: node.origin,
        variables: leaf?.variables ?? [],
        unset: leaf?.unset ?? [],
      });
    }
  };
  visit(tree, []);
  const defaults = Outline.defaults(outline, tree).map((given): Entry => ({
    ...given,
    from: { _tag: "Default" },
    variables: [],
    unset: [],
  }));
  return [...entries, ...defaults];
};

/** Entries at or below a path such as `sink.batch`; all of them where there is none. */
export const below = (entries: ReadonlyArray<Entry>, path: string | undefined): ReadonlyArray<Entry> => {
  if (path === undefined) return entries;
  const wanted = Overlay.readPath(path).path;
  return entries.filter((entry) => wanted.every((segment, depth) => String(entry.path[depth]) === String(segment)));
};

/** `default`, `pipelines/x.yaml:3:5`, `--set sink.lock.ttl`; with the variables behind it. */
export const formatOrigin = ({ from, unset, variables }: Entry): string => {
  const base = from._tag === "File"
    ? `${from.place.file}:${from.place.line}:${from.place.col}`
    : from._tag === "Flag"
    ? from.flag
    : "default";
  const named = (names: ReadonlyArray<string>) =>
    `${names.length === 1 ? "variable" : "variables"} ${names.join(", ")}`;
  return [
    base,
    ...(variables.length === 0 ? [] : [named(variables)]),
    ...(unset.length === 0 ? [] : [`${named(unset)} not set`]),
  ].join(", ");
};

/** `sink.batch.items.max = 100  (--set sink.batch.items.max)` */
export const format = (entry: Entry): string =>
  `${Tree.showPath(entry.path)} = ${entry.value === REDACTED ? REDACTED : JSON.stringify(entry.value)}  (${
    formatOrigin(entry)
  })`;
