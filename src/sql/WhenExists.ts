/** What becomes of a row that is there already, as the spec writes it. */
import { Either, Schema } from "effect";
import * as Field from "../core/Field.ts";
import * as ColumnSource from "./ColumnSource.ts";
import { isMap, mistyped, type Read, readKeys, readName, readNames, refuse } from "./Form.ts";

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

export type WhenExists =
  | { readonly _tag: "Keep" }
  | { readonly _tag: "Fill"; readonly predicate: string; readonly covers: Covers | undefined }
  | { readonly _tag: "Touch"; readonly columns: ReadonlyArray<string> };

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
        if ((yield* ColumnSource.read(source))._tag !== "Now") {
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

const names = { type: "array", items: { type: "string" } } as const;

export const field = Field.make<WhenExists>({
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
