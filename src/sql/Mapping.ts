/** `tables` of a sink: how a document becomes rows, as the spec says it. */
import { Either, Schema } from "effect";
import * as Field from "../core/Field.ts";
import * as ColumnSource from "./ColumnSource.ts";
import {
  isLiteral,
  isMap,
  type Literal,
  literalSchema,
  mistyped,
  type Read,
  readKeys,
  readPath,
  refuse,
} from "./Form.ts";
import * as WhenExists from "./WhenExists.ts";

/** Selects the elements of `each` (or the documents) that become rows. */
export interface When {
  readonly path: string;
  readonly test: { readonly _tag: "Exists"; readonly wanted: boolean } | {
    readonly _tag: "Equals" | "Not";
    readonly value: Literal;
  };
}

const readWhen = (value: unknown): Read<When> =>
  Either.gen(function*() {
    const forms =
      "{ path: PATH, exists: true | false }, { path: PATH, equals: LITERAL } or { path: PATH, not: LITERAL }";
    if (!isMap(value)) return yield* mistyped(forms, value);
    yield* readKeys(value, `when (${forms})`, ["path"], ["exists", "equals", "not"]);
    const path = yield* readPath(value["path"]);
    const { exists, equals, not } = value;
    if (Object.keys(value).length !== 2) return yield* refuse(`expected one test, ${forms}`);
    if ("exists" in value) {
      return typeof exists === "boolean"
        ? { path, test: { _tag: "Exists", wanted: exists } } as const
        : yield* refuse("`exists` is true or false");
    }
    const literal = "equals" in value ? equals : not;
    if (!isLiteral(literal)) return yield* refuse("a literal is text, a safe number, true, false or null");
    return { path, test: { _tag: "equals" in value ? "Equals" : "Not", value: literal } } as const;
  });

const writeWhen = ({ path, test }: When): unknown =>
  test._tag === "Exists"
    ? { path, exists: test.wanted }
    : { path, [test._tag === "Equals" ? "equals" : "not"]: test.value };

const when = Field.make<When>({
  about: { name: "test of one path" },
  to: Schema.declare((value): value is When => isMap(value) && "test" in value),
  jsonSchema: {
    type: "object",
    properties: { path: Field.valuePathSchema, exists: { type: "boolean" }, equals: literalSchema, not: literalSchema },
    required: ["path"],
    minProperties: 2,
    maxProperties: 2,
    additionalProperties: false,
  },
  read: readWhen,
  write: writeWhen,
});

export const Table = Schema.Struct({
  table: Field.described(Field.text, "Table in the target; the first one is the root: one row per item."),
  each: Field.optional(
    Field.valuePath,
    "Path through lists of the document: one row per element instead of one per document.",
  ),
  when: Field.optional(when, "Test that elements (or documents) must pass to become rows."),
  key: Field.optional(
    Field.list(Field.text),
    "Columns that identify a row; a unique key of the table. All columns unless told.",
  ),
  columns: Field.described(Field.record(ColumnSource.field), "Where each column's value comes from."),
  whenExists: Field.withDefault(WhenExists.field, "What becomes of a row that is there already.", { _tag: "Keep" }),
});
export type Table = typeof Table.Type;

export const Tables = Schema.Array(Table).pipe(Schema.minItems(1));

/** A column as the mapping names it: `"upstream_url?"` may be lacking in the table. */
export const columnName = (written: string): { readonly name: string; readonly optional: boolean } =>
  written.endsWith("?") ? { name: written.slice(0, -1), optional: true } : { name: written, optional: false };
