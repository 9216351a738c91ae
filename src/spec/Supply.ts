/** Where a setting's value came from, in words for findings. */
import type { TlsConfig } from "../core/Config.ts";
import * as Tree from "./Tree.ts";

/** Which variables a setting came from, and how to be rid of it. */
export const suppliedBy = (root: Tree.Node, path: Tree.Path): { readonly by: string; readonly unset: string } => {
  const leaf = Tree.at(root, path);
  const names = leaf?._tag === "Leaf" ? leaf.variables : [];
  return {
    by: Tree.by(leaf),
    unset: names.length === 0 ? `remove ${Tree.showPath(path)}` : `unset ${names.join(", ")}`,
  };
};

/** What to set or write where a setting stands empty. */
export const fillIn = (root: Tree.Node, paths: ReadonlyArray<Tree.Path>): string => {
  const names = paths.flatMap((path) => {
    const leaf = Tree.at(root, path);
    return leaf?._tag === "Leaf" ? leaf.unset : [];
  });
  return names.length === 0 ? `write ${Tree.showPath(paths[0]!)}` : `set ${names.join(" or ")}`;
};

/** Paths start where they were written: in the project file, or on the command line. */
export const tlsFiles = (
  root: Tree.Node,
  at: Tree.Path,
  tls: TlsConfig | undefined,
): TlsConfig | undefined => {
  if (tls === undefined) return undefined;
  const file = (key: "ca" | "cert" | "key"): string =>
    tls[key] === "" ? "" : Tree.filePath(Tree.at(root, [...at, key]), tls[key]);
  return { ca: file("ca"), cert: file("cert"), key: file("key") };
};
