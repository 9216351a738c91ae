import { Effect, Redacted } from "effect";
import * as Finding from "./Finding.ts";
import type { Env } from "./Interpolate.ts";
import * as Tree from "./Tree.ts";

/** Reads a secret file; a failure says in one phrase why it cannot be read. */
export type ReadSecretFile = (path: string) => Effect.Effect<string, string>;

/** `{ secret: { env: NAME } }` or `{ secret: { file: PATH } }`, and nothing else in either map. */
const referenceOf = (node: Tree.Node): { readonly kind: "env" | "file"; readonly leaf: Tree.Leaf } | undefined => {
  if (node._tag !== "Map" || node.entries.size !== 1) return undefined;
  const inner = node.entries.get("secret")?.node;
  if (inner?._tag !== "Map" || inner.entries.size !== 1) return undefined;
  for (const kind of ["env", "file"] as const) {
    const leaf = inner.entries.get(kind)?.node;
    if (leaf?._tag === "Leaf" && typeof leaf.value === "string") return { kind, leaf };
  }
  return undefined;
};

/** Puts redacted text where a tree refers to secrets. Invariant 9: from here on the text has no way out but `Redacted.value`. */
export const resolve = Effect.fnUntraced(function*(
  root: Tree.Node,
  env: Env,
  readSecretFile: ReadSecretFile,
  path: Tree.Path = [],
): Effect.fn.Return<{ readonly tree: Tree.Node; readonly findings: ReadonlyArray<Finding.Finding> }> {
  const reference = referenceOf(root);
  if (reference !== undefined) {
    const { kind, leaf } = reference;
    const name = leaf.value as string;
    const secret = (text: string, variables: ReadonlyArray<string>) => ({
      tree: Tree.leaf(Redacted.make(text), leaf.origin, [...leaf.variables, ...variables]),
      findings: [],
    });
    const missing = (code: string, message: string, suggestion: string) => ({
      tree: Tree.leaf(Redacted.make(""), leaf.origin),
      findings: [Finding.make(leaf.origin, { code, path: [...path, "secret", kind], message, suggestion })],
    });
    if (kind === "env") {
      const value = Object.hasOwn(env, name) ? env[name] : undefined;
      if (value !== undefined) return secret(value, [name]);
      // What a variable holds is no name: it is the secret itself, more likely.
      const [holder] = leaf.variables;
      return holder === undefined
        ? missing("spec/missing-variable", `the variable ${name} is not set`, `set ${name} in the environment`)
        : missing(
          "spec/missing-variable",
          `${holder} holds no name of a variable`,
          `write env: ${holder}, without \${}`,
        );
    }
    return yield* Effect.match(readSecretFile(Tree.filePath(leaf, name)), {
      // The line end that editors add is no part of a secret.
      onSuccess: (text) => secret(text.replace(/\r?\n$/, ""), []),
      onFailure: (why) =>
        missing(
          "spec/missing-secret",
          `the secret file ${name} cannot be read: ${why}`,
          "create it, or grant the read",
        ),
    });
  }
  const findings: Array<Finding.Finding> = [];
  const inside = Effect.fnUntraced(function*(node: Tree.Node, segment: string | number): Effect.fn.Return<Tree.Node> {
    const resolved = yield* resolve(node, env, readSecretFile, [...path, segment]);
    findings.push(...resolved.findings);
    return resolved.tree;
  });
  if (root._tag === "Leaf") return { tree: root, findings };
  if (root._tag === "List") {
    const items = yield* Effect.forEach(root.items, inside);
    return { tree: { ...root, items }, findings };
  }
  const entries = yield* Effect.forEach(
    root.entries,
    ([key, entry]) => Effect.map(inside(entry.node, key), (node) => [key, { key: entry.key, node }] as const),
  );
  return { tree: { ...root, entries: new Map(entries) }, findings };
});
