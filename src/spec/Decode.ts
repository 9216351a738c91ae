import { Either, ParseResult, Schema, SchemaAST } from "effect";
import { about, kindOf, Refusal } from "../core/Field.ts";
import { nearest } from "../core/Nearest.ts";
import * as Finding from "./Finding.ts";
import * as Tree from "./Tree.ts";

/** One refusal at a path below what was decoded. */
interface Fault {
  readonly code: "spec/unknown-key" | "spec/missing-key" | "spec/wrong-type" | "spec/bad-value";
  readonly path: Tree.Path;
  readonly side: "key" | "value";
  readonly message: string;
  readonly suggestion?: string | undefined;
}

const keysOf = (ast: SchemaAST.AST): ReadonlyArray<string> => {
  switch (ast._tag) {
    case "TypeLiteral":
      return ast.propertySignatures.map((property) => String(property.name));
    case "Transformation":
      return keysOf(ast.from);
    case "Refinement":
      return keysOf(ast.from);
    case "Suspend":
      return keysOf(ast.f());
    default:
      return [];
  }
};

/** What was expected, in a person's words; Effect's own names only where a schema has no better ones. */
const nameOf = (ast: SchemaAST.AST): string => {
  const field = about(ast);
  if (field !== undefined) return field.name;
  switch (ast._tag) {
    case "TypeLiteral":
      return "a map";
    case "TupleType":
      return "a list";
    case "StringKeyword":
      return "text";
    case "NumberKeyword":
      return "a number";
    case "BooleanKeyword":
      return "true or false";
    case "Literal":
      return String(ast.literal);
    case "Union":
      return [...new Set(ast.types.map(nameOf))].join(" or ");
    case "Suspend":
      return nameOf(ast.f());
    case "Transformation":
    case "Refinement": {
      const described = SchemaAST.getDescriptionAnnotation(ast);
      return described._tag === "Some" && ast._tag === "Refinement" ? described.value : nameOf(ast.from);
    }
    default:
      return String(ast);
  }
};

const list = (issues: ParseResult.Composite["issues"]): ReadonlyArray<ParseResult.ParseIssue> =>
  Array.isArray(issues) ? issues : [issues as ParseResult.ParseIssue];

/** The member of a union that was probably meant: the one that got furthest, then the one with the fewest faults. */
const likeliest = (members: ReadonlyArray<ReadonlyArray<Fault>>, path: Tree.Path): ReadonlyArray<Fault> | undefined => {
  const entered = members
    .filter((faults) => faults.length > 0 && faults.every((fault) => fault.path.length > path.length))
    .sort((a, b) => a.length - b.length);
  const [best, second] = entered;
  return best !== undefined && (second === undefined || second.length > best.length) ? best : undefined;
};

/** Invariant 9: no actual value is named here; a `Refusal` names its own where its field is no secret. */
const faultsOf = (
  issue: ParseResult.ParseIssue,
  path: Tree.Path,
  own: ReadonlyArray<string>,
  also: { readonly depth: number; readonly keys: ReadonlyArray<string> },
): ReadonlyArray<Fault> => {
  switch (issue._tag) {
    case "Pointer":
      return faultsOf(
        issue.issue,
        [...path, ...[issue.path].flat().map((key) => typeof key === "number" ? key : String(key))],
        own,
        also,
      );
    case "Unexpected": {
      const key = String(path.at(-1));
      const keys = path.length === also.depth ? [...own, ...also.keys] : own;
      const meant = nearest(key, keys);
      return [{
        code: "spec/unknown-key",
        path,
        side: "key",
        message: `unknown key ${key}`,
        suggestion: meant === undefined
          ? keys.length === 0 ? "remove it" : `known keys: ${keys.join(", ")}`
          : `did you mean ${meant}?`,
      }];
    }
    case "Missing":
      return [{
        code: "spec/missing-key",
        path,
        side: "key",
        message: `the key ${String(path.at(-1))} is missing`,
        suggestion: "add it",
      }];
    case "Composite": {
      if (issue.ast._tag !== "Union") {
        return list(issue.issues).flatMap((inner) => faultsOf(inner, path, keysOf(issue.ast), also));
      }
      const members = list(issue.issues).filter((inner) =>
        inner._tag !== "Type" || !SchemaAST.isUndefinedKeyword(inner.ast)
      )
        .map((inner) => faultsOf(inner, path, [], also));
      const faults = members.length === 1 ? members[0] : likeliest(members, path);
      return faults ?? [{
        code: "spec/wrong-type",
        path,
        side: "value",
        message: `expected ${describeUnion(issue.ast)}, found ${kindOf(issue.actual)}`,
        suggestion: misspelt(issue.ast, issue.actual),
      }];
    }
    case "Refinement":
    case "Transformation":
      return faultsOf(issue.issue, path, own, also);
    case "Type":
      return [{
        path,
        side: "value",
        ...(issue instanceof Refusal
          ? {
            code: issue.kind === "type" ? "spec/wrong-type" : "spec/bad-value",
            message: issue.message!,
            suggestion: issue.suggestion,
          }
          : {
            code: issue.ast._tag === "Refinement" ? "spec/bad-value" : "spec/wrong-type",
            message: issue.message ?? `expected ${nameOf(issue.ast)}, found ${kindOf(issue.actual)}`,
          }),
      }];
    case "Forbidden":
      return [{ code: "spec/bad-value", path, side: "value", message: "this value cannot be read" }];
  }
};

/** A key of a map that is no member, where it is nearly one of a member's. */
const misspelt = (ast: SchemaAST.Union, actual: unknown): string | undefined => {
  if (typeof actual !== "object" || actual === null || Array.isArray(actual)) return undefined;
  const known = ast.types.flatMap(keysOf);
  const meant = Object.keys(actual).filter((key) => !known.includes(key)).map((key) => nearest(key, known)).find(
    (key) => key !== undefined,
  );
  return meant === undefined ? undefined : `did you mean ${meant}?`;
};

const describeUnion = (ast: SchemaAST.Union): string => {
  const described = SchemaAST.getDescriptionAnnotation(ast);
  if (described._tag === "Some") return described.value;
  const present = ast.types.filter((type) => !SchemaAST.isUndefinedKeyword(type));
  return [
    ...new Set(present.map((type) => {
      const keys = keysOf(type);
      return keys.length === 0 ? nameOf(type) : `{ ${keys.join(", ")} }`;
    })),
  ].join(" or ");
};

/**
 * Decodes a part of a tree; every fault comes back as a finding, located in the whole tree. Unknown keys are faults; `alsoKnown` are
 * keys beside the schema's that could have been meant.
 */
export const decode = <A>(
  schema: Schema.Schema<A, any>,
  root: Tree.Node,
  node: Tree.Node,
  path: Tree.Path,
  alsoKnown: ReadonlyArray<string> = [],
): Either.Either<A, ReadonlyArray<Finding.Finding>> =>
  Either.mapLeft(
    Schema.decodeUnknownEither(schema, { errors: "all", onExcessProperty: "error" })(Tree.plain(node)),
    ({ issue }) =>
      faultsOf(issue, path, [], { depth: path.length + 1, keys: alsoKnown }).map(({ side, suggestion, ...fault }) =>
        Finding.inTree(root, side, {
          ...fault,
          message: fault.message + Tree.by(Tree.nearest(root, fault.path)),
          ...(suggestion === undefined ? {} : { suggestion }),
        })
      ),
  );

/** The settings as JSON that reads back the same, defaults filled in, secrets redacted. */
export const canonical = (schema: Schema.Schema<any, any>, value: unknown): unknown =>
  jsonOf(Schema.encodeUnknownSync(schema)(value));

const jsonOf = (value: unknown): unknown =>
  typeof value === "bigint"
    ? value.toString()
    : Array.isArray(value)
    ? value.map(jsonOf)
    : typeof value === "object" && value !== null
    ? Object.fromEntries(
      Object.entries(value).filter(([, inner]) => inner !== undefined).map(([key, inner]) => [key, jsonOf(inner)]),
    )
    : value;
