import * as Finding from "./Finding.ts";
import * as Tree from "./Tree.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export interface Interpolated {
  readonly text: string;
  /** Names whose values are in the text; none where a default stands. */
  readonly variables: ReadonlyArray<string>;
  /** Names that are unset or empty where a default or nothing stands for them. */
  readonly unset: ReadonlyArray<string>;
  readonly problems: ReadonlyArray<Omit<Finding.Finding, "path" | "severity">>;
}

const opening = /\$\$\{|\$\{/y;
const reference = /([A-Za-z_][A-Za-z0-9_]*)(:-|:\?|\})/y;

/**
 * Fills in `${NAME}`, `${NAME:-default}`, `${NAME:?message}`; `$${` is a literal `${`. As in POSIX, `:-` and `:?` cover the unset and
 * the empty, and a default may refer to variables again. A value is never looked into.
 */
export const interpolate = (source: string, env: Env): Interpolated => {
  const variables: Array<string> = [];
  const unset: Array<string> = [];
  const problems: Array<Omit<Finding.Finding, "path" | "severity">> = [];
  let position = 0;

  /** Reads up to the end, or up to and with the `}` that closes a default; `live` is false inside a default that is not used. */
  const read = (isNested: boolean, live: boolean): string => {
    let out = "";
    while (position < source.length) {
      if (isNested && source[position] === "}") return out;
      opening.lastIndex = position;
      const opened = opening.exec(source)?.[0];
      if (opened === undefined) {
        out += source[position++];
      } else if (opened === "$${") {
        out += "${";
        position += 3;
      } else {
        position += 2;
        out += fill(live);
      }
    }
    return out;
  };

  const fill = (live: boolean): string => {
    reference.lastIndex = position;
    const [matched = "", name = "", operator = ""] = reference.exec(source) ?? [];
    if (matched === "") {
      problems.push({
        code: "spec/bad-interpolation",
        message: "expected a variable's name and } after ${",
        suggestion: "write ${NAME}, ${NAME:-default} or ${NAME:?message}; a literal ${ is written $${",
      });
      position = source.length;
      return "";
    }
    position += matched.length;
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    const isEnough = operator === "}" ? value !== undefined : value !== undefined && value !== "";
    if (operator === "}") {
      if (live && !isEnough) missing(name, `the variable ${name} is not set`);
    } else {
      const rest = read(true, live && !isEnough);
      if (source[position] !== "}") {
        problems.push({
          code: "spec/bad-interpolation",
          message: `the } that closes \${${name} is missing`,
          suggestion: "add it; a literal ${ is written $${",
        });
        return "";
      }
      position++;
      if (operator === ":-" && !isEnough) {
        if (live) unset.push(name);
        return rest;
      }
      if (live && !isEnough) missing(name, `the variable ${name} is not set${rest === "" ? "" : `: ${rest}`}`);
    }
    if (live) (value === undefined || value === "" ? unset : variables).push(name);
    return isEnough ? value! : "";
  };

  const missing = (name: string, message: string) => {
    problems.push({
      code: "spec/missing-variable",
      message,
      suggestion: `set ${name} in the environment, or give a default: \${${name}:-…}`,
    });
  };

  const text = read(false, true);
  return { text, variables, unset, problems };
};

/** Interpolates every text leaf, and nothing else: keys stay, and a result is never parsed as YAML again. */
export const interpolateTree = (
  root: Tree.Node,
  env: Env,
): { readonly tree: Tree.Node; readonly findings: ReadonlyArray<Finding.Finding> } => {
  const findings: Array<Finding.Finding> = [];
  const tree = Tree.mapLeaves(root, (leaf, path) => {
    if (typeof leaf.value !== "string" || !leaf.value.includes("${")) return leaf;
    const { text, variables, unset, problems } = interpolate(leaf.value, env);
    findings.push(...problems.map((problem) => Finding.make(leaf.origin, { ...problem, path })));
    return Tree.leaf(text, leaf.origin, variables, unset);
  });
  return { tree, findings };
};
