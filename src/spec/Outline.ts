import { Option, Schema, SchemaAST } from "effect";
import * as Field from "../core/Field.ts";
import * as Tree from "./Tree.ts";

/**
 * What a schema says of the settings it reads, without Effect's detours. Lint, redaction, explain, editor schema and reference are all
 * made from it, so that none of them can say anything else than what is decoded.
 */
export type Outline =
  & { readonly description?: string; readonly examples?: ReadonlyArray<unknown> }
  & (
    | { readonly _tag: "Field"; readonly about: Field.About; readonly jsonSchema: object }
    | {
      readonly _tag: "Struct";
      readonly fields: ReadonlyMap<string, StructField>;
      /** What keys beside the fields hold; absent: they are unknown. */
      readonly rest?: Outline;
    }
    | {
      readonly _tag: "List";
      readonly item: Outline;
      /** Whether text stands for a list, taken apart at commas. */
      readonly orText: boolean;
    }
    /** A list whose entries differ, each with its own outline. */
    | { readonly _tag: "Tuple"; readonly items: ReadonlyArray<Outline> }
    | { readonly _tag: "Union"; readonly members: ReadonlyArray<Outline> }
    | { readonly _tag: "Literal"; readonly value: SchemaAST.LiteralValue }
    /** A schema that contains itself. */
    | { readonly _tag: "Reference"; readonly name: string; readonly to: () => Outline }
    | { readonly _tag: "Any" }
  );

export interface StructField {
  readonly outline: Outline;
  readonly isOptional: boolean;
  /** As it would be written. */
  readonly default?: unknown;
}

const keyword = (name: string, type: string): Outline => ({ _tag: "Field", about: { name }, jsonSchema: { type } });

const annotations = (annotated: SchemaAST.Annotated): Pick<Outline, "description" | "examples"> => {
  const description = SchemaAST.getDescriptionAnnotation(annotated);
  const examples = SchemaAST.getExamplesAnnotation(annotated);
  return {
    ...(Option.isSome(description) ? { description: description.value } : {}),
    ...(Option.isSome(examples) ? { examples: examples.value } : {}),
  };
};

/** Values as they would be written in YAML; what the schema cannot write is left out. */
const written = (ast: SchemaAST.AST, values: ReadonlyArray<unknown>): ReadonlyArray<unknown> =>
  values.flatMap((value) => Option.toArray(Schema.encodeUnknownOption(Schema.make<unknown>(ast))(value)));

/** Inside `optional`, `undefined` only stands for absence. */
const present = (ast: SchemaAST.AST): SchemaAST.AST =>
  ast._tag === "Union" && ast.types.some(SchemaAST.isUndefinedKeyword)
    ? SchemaAST.Union.make(ast.types.filter((type) => !SchemaAST.isUndefinedKeyword(type)))
    : ast;

const fieldsOf = (
  ast: SchemaAST.TypeLiteral,
  defaults: ReadonlyMap<PropertyKey, () => Option.Option<unknown>>,
): Outline => {
  const fields = new Map<string, StructField>();
  for (const property of ast.propertySignatures) {
    const type = present(property.type);
    const fallback = defaults.get(property.name)?.() ?? Option.none();
    const [value] = Option.isSome(fallback) ? written(type, [fallback.value]) : [];
    fields.set(String(property.name), {
      outline: { ...of(type), ...annotations(property) },
      isOptional: property.isOptional,
      ...(value === undefined ? {} : { default: value }),
    });
  }
  const [rest] = ast.indexSignatures;
  return { _tag: "Struct", fields, ...(rest === undefined ? {} : { rest: of(rest.type) }) };
};

const shapeOf = (ast: SchemaAST.AST): Outline => {
  const about = Field.about(ast);
  if (about !== undefined) {
    const jsonSchema = SchemaAST.getJSONSchemaAnnotation(ast);
    return { _tag: "Field", about, jsonSchema: Option.getOrElse(jsonSchema, () => ({})) };
  }
  switch (ast._tag) {
    case "TypeLiteral":
      return fieldsOf(ast, new Map());
    case "Transformation": {
      const { from, to, transformation } = ast;
      if (SchemaAST.isUnknownKeyword(from)) {
        const read = of(to);
        return read._tag === "List" ? { ...read, orText: true } : read;
      }
      if (transformation._tag !== "TypeLiteralTransformation" || from._tag !== "TypeLiteral") return of(from);
      return fieldsOf(
        from,
        new Map(
          transformation.propertySignatureTransformations.map((property) => [
            property.from,
            () => property.decode(Option.none()),
          ]),
        ),
      );
    }
    case "TupleType": {
      const [item] = ast.rest;
      return { _tag: "List", item: item === undefined ? { _tag: "Any" } : of(item.type), orText: false };
    }
    case "Union":
      return { _tag: "Union", members: ast.types.map(of) };
    case "Literal":
      return { _tag: "Literal", value: ast.literal };
    case "Refinement":
      return of(ast.from);
    case "Suspend": {
      const name = Option.getOrElse(SchemaAST.getIdentifierAnnotation(ast), () => "recursive");
      return { _tag: "Reference", name, to: () => of(ast.f()) };
    }
    case "StringKeyword":
      return keyword("text", "string");
    case "NumberKeyword":
      return keyword("number", "number");
    case "BooleanKeyword":
      return keyword("boolean", "boolean");
    default:
      return { _tag: "Any" };
  }
};

const of = (ast: SchemaAST.AST): Outline => {
  const { description, examples } = annotations(ast);
  return {
    ...shapeOf(ast),
    ...(description === undefined ? {} : { description }),
    ...(examples === undefined ? {} : { examples: written(ast, examples) }),
  };
};

/** The outline of a schema of settings. */
export const fromSchema = (schema: Schema.Schema.Any): Outline => of(schema.ast);

/** One map of the fields of several. */
export const struct = (
  fields: Readonly<Record<string, StructField>>,
  ...others: ReadonlyArray<Outline>
): Extract<Outline, { readonly _tag: "Struct" }> => ({
  _tag: "Struct",
  fields: new Map([
    ...Object.entries(fields),
    ...others.flatMap((other) => (other._tag === "Struct" ? [...other.fields] : [])),
  ]),
});

export const required = (outline: Outline): StructField => ({ outline, isOptional: false });

const resolved = (outline: Outline): Outline => (outline._tag === "Reference" ? resolved(outline.to()) : outline);

/** What may stand at a path: several where a union leaves it open, none where nothing is known. */
export const at = (outline: Outline, path: Tree.Path): ReadonlyArray<Outline> => {
  const here = resolved(outline);
  if (here._tag === "Union") return here.members.flatMap((member) => at(member, path));
  const [segment, ...below] = path;
  if (segment === undefined) return [here];
  if (here._tag === "List" && typeof segment === "number") return at(here.item, below);
  if (here._tag === "Tuple" && typeof segment === "number") {
    const item = here.items[segment];
    return item === undefined ? [] : at(item, below);
  }
  if (here._tag === "Any" || here._tag === "Field") return [here];
  if (here._tag !== "Struct") return [];
  const next = here.fields.get(String(segment))?.outline ?? here.rest;
  return next === undefined ? [] : at(next, below);
};

/** An address, or a text that holds several. */
const isAddress = (outline: Outline): boolean =>
  outline._tag === "List"
    ? isAddress(resolved(outline.item))
    : outline._tag === "Field" && outline.about.address === true;

/**
 * Invariant 9: whether the scalar that stands at the path may be shown. What no schema knows may hold anything, so it may not; nor one
 * that stands for a map, like a URL in place of its connection; nor an address with credentials.
 */
export const isShown = (outline: Outline, path: Tree.Path, value: Tree.Scalar): boolean => {
  const here = at(outline, path);
  if (here.every(({ _tag }) => _tag === "Struct")) return false;
  if (typeof value === "string" && value.includes("@") && here.some(isAddress)) return false;
  for (let depth = 0; depth <= path.length; depth++) {
    const candidates = at(outline, path.slice(0, depth));
    if (candidates.length === 0) return false;
    if (candidates.some((candidate) => candidate._tag === "Field" && candidate.about.secret === true)) return false;
  }
  return true;
};

/** Calls back for every field of a connection that a tree fills in. */
export const connections = (
  outline: Outline,
  node: Tree.Node,
  path: Tree.Path,
): ReadonlyArray<{ readonly kind: string; readonly name: string; readonly path: Tree.Path }> => {
  const found = new Map<string, { kind: string; name: string; path: Tree.Path }>();
  Tree.mapLeaves(node, (leaf, below) => {
    for (const candidate of at(outline, below)) {
      if (candidate._tag === "Field" && candidate.about.connection !== undefined && typeof leaf.value === "string") {
        const full = [...path, ...below];
        found.set(Tree.showPath(full), { kind: candidate.about.connection, name: leaf.value, path: full });
      }
    }
    return leaf;
  });
  return [...found.values()];
};

/** Defaults that a tree leaves in force, as they would be written. */
export const defaults = (
  outline: Outline,
  node: Tree.Node | undefined,
  path: Tree.Path = [],
): ReadonlyArray<{ readonly path: Tree.Path; readonly value: unknown }> => {
  const here = resolved(outline);
  if (here._tag === "List") {
    return node?._tag === "List"
      ? node.items.flatMap((item, index) => defaults(here.item, item, [...path, index]))
      : [];
  }
  if (here._tag === "Tuple") {
    return here.items.flatMap((item, index) => defaults(item, Tree.child(node, index), [...path, index]));
  }
  if (here._tag !== "Struct" || node?._tag === "Leaf" || node?._tag === "List") return [];
  return [...here.fields].flatMap(([key, field]) => {
    const inside = Tree.child(node, key);
    const below = [...path, key];
    if (inside !== undefined) return defaults(field.outline, inside, below);
    if ("default" in field) return leaves(field.default, below);
    return field.isOptional ? [] : defaults(field.outline, undefined, below);
  });
};

/** The scalars of a plain value, by path; an empty list or map counts as one. */
const leaves = (
  value: unknown,
  path: Tree.Path,
): ReadonlyArray<{ readonly path: Tree.Path; readonly value: unknown }> =>
  Array.isArray(value) && value.length > 0
    ? value.flatMap((item, index) => leaves(item, [...path, index]))
    : typeof value === "object" && value !== null && Object.keys(value).length > 0
    ? Object.entries(value).flatMap(([key, inner]) => leaves(inner, [...path, key]))
    : [{ path, value }];
