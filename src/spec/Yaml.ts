import { isMap, isScalar, isSeq, LineCounter, parseAllDocuments, type YAMLError } from "yaml";
import * as Finding from "./Finding.ts";
import * as Tree from "./Tree.ts";

/** A tree where the text is YAML that a spec may use; what else is wrong in it is in the findings. */
export interface Parsed {
  readonly tree: Tree.MapNode | undefined;
  readonly findings: ReadonlyArray<Finding.Finding>;
}

/** Invariant 9: the parser's own messages quote the text, which may be a secret; these do not. */
const messages: Partial<Record<YAMLError["code"], readonly [message: string, suggestion: string]>> = {
  TAB_AS_INDENT: ["a tab is used for indentation", "indent with spaces"],
  BAD_INDENT: ["the indentation does not fit", "align it with the keys beside it, or close the bracket above"],
  MULTIPLE_DOCS: ["a second document begins here", "keep one document per file and remove ---"],
  MISSING_CHAR: ["a closing quote, bracket, comma or colon is missing", "complete it, or put the text in quotes"],
  BAD_DQ_ESCAPE: ["this escape does not exist in double quotes", "use single quotes, or write \\\\ for a backslash"],
  BAD_SCALAR_START: ["text cannot begin with this character", "put the text in quotes"],
  BLOCK_AS_IMPLICIT_KEY: ["a map begins where a value was expected", "put text that holds a colon in quotes"],
  MULTILINE_IMPLICIT_KEY: [
    "a key runs over several lines",
    "put text that holds a colon in quotes, or close the quote",
  ],
  TAG_RESOLVE_FAILED: ["a tag is used here", "write the value without !tags"],
};

/** `{ path: ${NAME} }`: YAML takes the brace for one of its own. */
const unquotedVariable = /[[{,][^"'#]*[:[,]\s*[^"'\s]*\$\{/;

/** Parses YAML 1.2 with the core schema. Anchors, aliases, merge keys and tags are refused: a value stands where it is used. */
export const parse = (file: string, text: string): Parsed => {
  const lines = new LineCounter();
  const documents = parseAllDocuments(text, {
    version: "1.2",
    schema: "core",
    intAsBigInt: true,
    prettyErrors: false,
    lineCounter: lines,
    logLevel: "silent",
  });
  const findings: Array<Finding.Finding> = [];

  const originAt = (offset: number): Tree.Origin => {
    const { line, col } = lines.linePos(offset);
    return { _tag: "File", place: { file, line: Math.max(line, 1), col: Math.max(col, 1) } };
  };
  const report = (origin: Tree.Origin, path: Tree.Path, message: string, suggestion: string, code = "spec/yaml") => {
    findings.push(Finding.make(origin, { code, path, message, suggestion }));
  };

  const start = originAt(0);
  if (!Array.isArray(documents) || documents[0] === undefined || documents[0].contents === null) {
    report(start, [], "the file is empty", "start it with a key, e.g. summary: …");
    return { tree: undefined, findings };
  }
  const [document, second] = documents;
  const reported = new Set<number>();
  for (const error of [...document.errors, ...document.warnings]) {
    const { line } = lines.linePos(error.pos[0]);
    const known = messages[error.code];
    // One broken line makes the parser stumble over those below it, too.
    if (error.code === "DUPLICATE_KEY" || reported.has(line) || (known === undefined && reported.size > 0)) continue;
    reported.add(line);
    const [message, suggestion] = unquotedVariable.test(text.split("\n", line)[line - 1] ?? "")
      ? ["inside { } and [ ], text with ${ } needs quotes", 'write "${NAME}"']
      : known ?? ["this is not YAML", "look at this line and the one before it"];
    report(originAt(error.pos[0]), [], message, suggestion);
  }
  if (second !== undefined) {
    const [message, suggestion] = messages.MULTIPLE_DOCS!;
    report(originAt(second.range[0]), [], message, suggestion);
  }
  // Whatever follows a broken line is read wrongly: findings about it would mislead.
  if (findings.length > 0) return { tree: undefined, findings };

  const convert = (node: unknown, path: Tree.Path, fallback: Tree.Origin): Tree.Node => {
    const ranged = node as
      | { readonly range?: readonly [number, number, number] | null; readonly anchor?: string }
      | null;
    const offset = ranged?.range?.[0];
    const origin = offset === undefined ? fallback : originAt(offset);
    if (ranged?.anchor !== undefined) {
      report(
        origin,
        path,
        "anchors are not used in specs",
        "write the value where it is used, or move it to an environment",
      );
    }
    if (isMap(node)) {
      const entries = new Map<string, { key: Tree.Origin; node: Tree.Node }>();
      for (const pair of node.items) {
        const key = isScalar(pair.key) ? pair.key : undefined;
        const keyOrigin = originAt((pair.key as typeof ranged)?.range?.[0] ?? offset ?? 0);
        if (key === undefined || key.value === null) {
          report(keyOrigin, path, "a key must be text", "write key: value");
          continue;
        }
        const name = typeof key.value === "string" ? key.value : key.source ?? String(key.value);
        const at = [...path, name];
        if (name === "<<") {
          report(
            keyOrigin,
            at,
            "merge keys are not used in specs",
            "write the keys out, or move them to an environment",
          );
          continue;
        }
        if (entries.has(name)) {
          report(keyOrigin, at, `the key ${name} stands here twice`, "keep one of the two", "spec/duplicate-key");
          continue;
        }
        entries.set(name, { key: keyOrigin, node: convert(pair.value, at, keyOrigin) });
      }
      return { _tag: "Map", entries, origin };
    }
    if (isSeq(node)) {
      return { _tag: "List", items: node.items.map((item, index) => convert(item, [...path, index], origin)), origin };
    }
    if (node === null || isScalar(node)) return Tree.leaf(node === null ? null : scalarOf(node.value), origin);
    report(origin, path, "aliases are not used in specs", "write the value out, or move it to an environment");
    return Tree.leaf(null, origin);
  };

  const root = convert(document.contents, [], start);
  if (root._tag === "Map") return { tree: root, findings };
  report(
    root.origin,
    [],
    "expected a map of settings",
    "start the file with a key, e.g. summary: …",
    "spec/wrong-type",
  );
  return { tree: undefined, findings };
};

const scalarOf = (value: unknown): Tree.Scalar =>
  typeof value === "bigint"
    ? Number.isSafeInteger(Number(value)) ? Number(value) : value
    : typeof value === "string" || typeof value === "number" || typeof value === "boolean"
    ? value
    : null;
