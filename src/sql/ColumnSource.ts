/** Where a column's value comes from, as the spec writes it. */
import { Either, Schema } from "effect";
import * as Field from "../core/Field.ts";
import {
  isLiteral,
  isMap,
  type Literal,
  literalSchema,
  mistyped,
  type Read,
  readKeys,
  readName,
  readPath,
  refuse,
} from "./Form.ts";

export type ColumnSource =
  | { readonly _tag: "Path"; readonly path: string; readonly rejectWhenDropped: string | undefined }
  | { readonly _tag: "Literal"; readonly value: Literal }
  | { readonly _tag: "Now" }
  | { readonly _tag: "Parent"; readonly table: string };

const sourceForms =
  "a path, { value: LITERAL }, { now: true }, { parent: TABLE } or { path: PATH, rejectWhenDropped: CODE }";

const codePattern = /^[a-z0-9-]+\/[a-z0-9-]+$/;

export const read = (value: unknown): Read<ColumnSource> =>
  Either.gen(function*() {
    if (typeof value === "string") {
      return { _tag: "Path", path: yield* readPath(value), rejectWhenDropped: undefined } as const;
    }
    if (!isMap(value)) {
      return yield* mistyped(sourceForms, value, isLiteral(value) ? "write { value: … } for a literal" : undefined);
    }
    if ("value" in value) {
      yield* readKeys(value, "a literal", ["value"]);
      if (!isLiteral(value["value"])) {
        return yield* refuse("a literal is text, a safe number, true, false or null");
      }
      return { _tag: "Literal", value: value["value"] } as const;
    }
    if ("now" in value) {
      yield* readKeys(value, "the database's clock", ["now"]);
      return value["now"] === true
        ? { _tag: "Now" } as const
        : yield* refuse("`now` is always true", "write { now: true }");
    }
    if ("parent" in value) {
      yield* readKeys(value, "a parent", ["parent"]);
      return { _tag: "Parent", table: yield* readName(value["parent"], "the name of an earlier table") } as const;
    }
    yield* readKeys(value, `a column (${sourceForms})`, ["path"], ["rejectWhenDropped"]);
    const code = value["rejectWhenDropped"];
    if (code !== undefined && (typeof code !== "string" || !codePattern.test(code))) {
      return yield* refuse("`rejectWhenDropped` is a code such as area/kebab-case");
    }
    return { _tag: "Path", path: yield* readPath(value["path"]), rejectWhenDropped: code } as const;
  });

const writeSource = (source: ColumnSource): unknown => {
  switch (source._tag) {
    case "Path":
      return source.rejectWhenDropped === undefined
        ? source.path
        : { path: source.path, rejectWhenDropped: source.rejectWhenDropped };
    case "Literal":
      return { value: source.value };
    case "Now":
      return { now: true };
    case "Parent":
      return { parent: source.table };
  }
};

/** A column's value; a name that ends in `?` is left out where the table has no such column. */
export const field = Field.make<ColumnSource>({
  about: { name: "column source" },
  to: Schema.declare((value): value is ColumnSource => isMap(value) && "_tag" in value),
  jsonSchema: {
    anyOf: [
      {
        description: "Dotted path into the document; inside `each` also $value, $value.x and $root.x.",
        ...Field.valuePathSchema,
      },
      {
        type: "object",
        description: "A literal.",
        properties: { value: literalSchema },
        required: ["value"],
        additionalProperties: false,
      },
      {
        type: "object",
        description: "The database's clock.",
        properties: { now: { const: true } },
        required: ["now"],
        additionalProperties: false,
      },
      {
        type: "object",
        description: "The id of the row that belongs to this one in an earlier table.",
        properties: { parent: { type: "string" } },
        required: ["parent"],
        additionalProperties: false,
      },
      {
        type: "object",
        description:
          "A path whose value must not be lost: where an older schema drops the column, items that have it are rejected.",
        properties: {
          path: Field.valuePathSchema,
          rejectWhenDropped: { type: "string", pattern: codePattern.source },
        },
        required: ["path"],
        additionalProperties: false,
      },
    ],
  },
  read,
  write: writeSource,
});
