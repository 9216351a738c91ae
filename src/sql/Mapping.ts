/** `tables` of a sink: how a document becomes rows, as the spec says it. */
import { Either, Schema } from "effect";
import * as Field from "../core/Field.ts";
import * as Nearest from "../core/Nearest.ts";

export type Literal = string | number | boolean | null;

/** Where a column's value comes from. */
export type ColumnSource =
  | { readonly _tag: "Path"; readonly path: string; readonly rejectWhenDropped: string | undefined }
  | { readonly _tag: "Literal"; readonly value: Literal }
  | { readonly _tag: "Now" }
  | { readonly _tag: "Parent"; readonly table: string };

/** Selects the elements of `each` (or the documents) that become rows. */
export interface When {
  readonly path: string;
  readonly test: { readonly _tag: "Exists"; readonly wanted: boolean } | {
    readonly _tag: "Equals" | "Not";
    readonly value: Literal;
  };
}

export interface CoveredColumn {
  readonly column: string;
  /** A comparator by name; bytes decide where there is none. */
  readonly comparator: string | undefined;
}

/** What of an existing row must match before it counts as the document's: see design, "Covers". */
export interface Covers {
  readonly columns: ReadonlyArray<CoveredColumn>;
  /** Child tables whose rows must be the same set. */
  readonly equal: ReadonlyArray<string>;
  /** Child tables that must hold at least the document's rows. */
  readonly subset: ReadonlyArray<string>;
}

/** What becomes of a row that is there already. */
export type WhenExists =
  | { readonly _tag: "Keep" }
  | { readonly _tag: "Fill"; readonly predicate: string; readonly covers: Covers | undefined }
  | { readonly _tag: "Touch"; readonly columns: ReadonlyArray<string> };

type Read<A> = Either.Either<
  A,
  { readonly kind: "type" | "value"; readonly message: string; readonly suggestion?: string | undefined }
>;

const refuse = (message: string, suggestion?: string) => Either.left({ kind: "value" as const, message, suggestion });
const mistyped = (what: string, value: unknown, suggestion?: string) =>
  Either.left({ kind: "type" as const, message: `expected ${what}, found ${Field.kindOf(value)}`, suggestion });

type Map = Readonly<Record<string, unknown>>;
const isMap = (value: unknown): value is Map => typeof value === "object" && value !== null && !Array.isArray(value);
const isLiteral = (value: unknown): value is Literal =>
  value === null || typeof value === "string" || typeof value === "boolean"
  || (typeof value === "number" && (!Number.isInteger(value) || Number.isSafeInteger(value)));

/** A map with these keys only; `required` must be there. */
const readKeys = (
  value: Map,
  where: string,
  required: ReadonlyArray<string>,
  optional: ReadonlyArray<string> = [],
): Read<Map> => {
  const known = [...required, ...optional];
  const odd = Object.keys(value).find((key) => !known.includes(key));
  if (odd !== undefined) {
    const near = Nearest.nearest(odd, known);
    return refuse(
      `${where} has no ${JSON.stringify(odd)}`,
      near === undefined ? `known here: ${known.join(", ")}` : `did you mean ${near}?`,
    );
  }
  const lacking = required.find((key) => !(key in value));
  return lacking === undefined ? Either.right(value) : refuse(`${where} lacks ${JSON.stringify(lacking)}`);
};

const readName = (value: unknown, what: string): Read<string> =>
  typeof value === "string" && value !== "" ? Either.right(value) : mistyped(what, value);

const readNames = (value: unknown, what: string): Read<ReadonlyArray<string>> =>
  Array.isArray(value)
    ? Either.all(value.map((name) => readName(name, what)))
    : mistyped(`a list, each ${what}`, value, "write [ … ]");

const decodePath = Schema.decodeUnknownEither(Field.valuePath);
const readPath = (value: unknown): Read<string> =>
  Either.match(decodePath(value), {
    onLeft: () =>
      typeof value === "string"
        ? refuse(
          `expected a dotted path, found ${JSON.stringify(value)}`,
          "write it like hash, nar.hash or $value; a literal is { value: … }",
        )
        : mistyped("a dotted path", value),
    onRight: Either.right,
  });

const sourceForms =
  "a path, { value: LITERAL }, { now: true }, { parent: TABLE } or { path: PATH, rejectWhenDropped: CODE }";

const readSource = (value: unknown): Read<ColumnSource> =>
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
    if (code !== undefined && (typeof code !== "string" || !/^[a-z0-9-]+\/[a-z0-9-]+$/.test(code))) {
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

const readCovers = (value: unknown): Read<Covers> =>
  Either.gen(function*() {
    if (!isMap(value)) return yield* mistyped("covers: { columns, equal, subset }", value);
    yield* readKeys(value, "covers", [], ["columns", "equal", "subset"]);
    const columns: Array<CoveredColumn> = [];
    const listed = value["columns"] ?? [];
    if (!Array.isArray(listed)) return yield* mistyped("a list of columns", listed, "write columns: [ … ]");
    for (const entry of listed as ReadonlyArray<unknown>) {
      if (!isMap(entry)) {
        columns.push({ column: yield* readName(entry, "a column or { column: comparator }"), comparator: undefined });
      } else {
        const [pair, ...more] = Object.entries(entry);
        if (pair === undefined || more.length > 0) {
          return yield* refuse("one column and its comparator per entry: { column: comparator }");
        }
        columns.push({ column: pair[0], comparator: yield* readName(pair[1], "the name of a comparator") });
      }
    }
    return {
      columns,
      equal: yield* readNames(value["equal"] ?? [], "the name of a child table"),
      subset: yield* readNames(value["subset"] ?? [], "the name of a child table"),
    };
  });

const existsForms = "keep, { fill: PREDICATE, else: { covers: … } } or { touch: { column: { now: true } } }";

const readWhenExists = (value: unknown): Read<WhenExists> =>
  Either.gen(function*() {
    if (value === "keep") return { _tag: "Keep" } as const;
    if (typeof value === "string") {
      return yield* refuse(`expected ${existsForms}, found ${JSON.stringify(value)}`, "write keep");
    }
    if (!isMap(value)) {
      return yield* mistyped(existsForms, value);
    }
    if ("touch" in value) {
      yield* readKeys(value, "touch", ["touch"]);
      const touched = value["touch"];
      if (!isMap(touched)) return yield* mistyped("touch: { column: { now: true } }", touched);
      for (const [column, source] of Object.entries(touched)) {
        if ((yield* readSource(source))._tag !== "Now") {
          return yield* refuse(`only the clock can touch ${JSON.stringify(column)}`, "write { now: true }");
        }
      }
      return { _tag: "Touch", columns: Object.keys(touched) } as const;
    }
    yield* readKeys(value, `whenExists (${existsForms})`, ["fill"], ["else"]);
    const predicate = yield* readName(value["fill"], 'a predicate such as "url IS NULL"');
    if (value["else"] === undefined) return { _tag: "Fill", predicate, covers: undefined } as const;
    if (!isMap(value["else"])) return yield* mistyped("else: { covers: … }", value["else"]);
    const otherwise = yield* readKeys(value["else"], "else", ["covers"]);
    return { _tag: "Fill", predicate, covers: yield* readCovers(otherwise["covers"]) } as const;
  });

const writeWhenExists = (when: WhenExists): unknown => {
  switch (when._tag) {
    case "Keep":
      return "keep";
    case "Touch":
      return { touch: Object.fromEntries(when.columns.map((column) => [column, { now: true }])) };
    case "Fill":
      return when.covers === undefined ? { fill: when.predicate } : {
        fill: when.predicate,
        else: {
          covers: {
            columns: when.covers.columns.map(({ column, comparator }) =>
              comparator === undefined ? column : { [column]: comparator }
            ),
            equal: when.covers.equal,
            subset: when.covers.subset,
          },
        },
      };
  }
};

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

/** A column's value; a name that ends in `?` is left out where the table has no such column. */
const source = Field.make<ColumnSource>({
  about: { name: "column source" },
  to: Schema.declare((value): value is ColumnSource => isMap(value) && "_tag" in value),
  jsonSchema: {
    anyOf: [
      {
        type: "string",
        description: "Dotted path into the document; inside `each` also $value, $value.x and $root.x.",
      },
      {
        type: "object",
        description: "A literal.",
        properties: { value: { type: ["string", "number", "boolean", "null"] } },
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
        properties: { path: { type: "string" }, rejectWhenDropped: { type: "string" } },
        required: ["path"],
        additionalProperties: false,
      },
    ],
  },
  read: readSource,
  write: writeSource,
});

const names = { type: "array", items: { type: "string" } } as const;

const whenExists = Field.make<WhenExists>({
  about: { name: "`keep`, `fill` or `touch`" },
  to: Schema.declare((value): value is WhenExists => isMap(value) && "_tag" in value),
  jsonSchema: {
    anyOf: [
      { const: "keep", description: "The row stays as it is." },
      {
        type: "object",
        description:
          "Rows that match the predicate are stubs and get filled; of others, `covers` says what must match.",
        properties: {
          fill: { type: "string", examples: ["url IS NULL OR url = ''"] },
          else: {
            type: "object",
            properties: {
              covers: {
                type: "object",
                properties: {
                  columns: {
                    type: "array",
                    items: {
                      anyOf: [{ type: "string" }, {
                        type: "object",
                        minProperties: 1,
                        maxProperties: 1,
                        additionalProperties: { type: "string" },
                      }],
                    },
                  },
                  equal: names,
                  subset: names,
                },
                additionalProperties: false,
              },
            },
            required: ["covers"],
            additionalProperties: false,
          },
        },
        required: ["fill"],
        additionalProperties: false,
      },
      {
        type: "object",
        description: "Only these columns of the row are set.",
        properties: {
          touch: {
            type: "object",
            additionalProperties: {
              type: "object",
              properties: { now: { const: true } },
              required: ["now"],
              additionalProperties: false,
            },
          },
        },
        required: ["touch"],
        additionalProperties: false,
      },
    ],
  },
  read: readWhenExists,
  write: writeWhenExists,
});

const literalSchema = { type: ["string", "number", "boolean", "null"] } as const;

const when = Field.make<When>({
  about: { name: "test of one path" },
  to: Schema.declare((value): value is When => isMap(value) && "test" in value),
  jsonSchema: {
    type: "object",
    properties: { path: { type: "string" }, exists: { type: "boolean" }, equals: literalSchema, not: literalSchema },
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
  columns: Field.described(Field.record(source), "Where each column's value comes from."),
  whenExists: Field.withDefault(whenExists, "What becomes of a row that is there already.", { _tag: "Keep" }),
});
export type Table = typeof Table.Type;

export const Tables = Schema.Array(Table).pipe(Schema.minItems(1));

/** A column as the mapping names it: `"upstream_url?"` may be lacking in the table. */
export const columnName = (written: string): { readonly name: string; readonly optional: boolean } =>
  written.endsWith("?") ? { name: written.slice(0, -1), optional: true } : { name: written, optional: false };
