/** Reading settings that take several forms: what stands there, or why not and what to write instead. */
import { Either, Schema } from "effect";
import * as Field from "../core/Field.ts";
import * as Nearest from "../core/Nearest.ts";

export type Literal = string | number | boolean | null;

export type Read<A> = Either.Either<
  A,
  { readonly kind: "type" | "value"; readonly message: string; readonly suggestion?: string | undefined }
>;

export const refuse = (message: string, suggestion?: string) =>
  Either.left({ kind: "value" as const, message, suggestion });
export const mistyped = (what: string, value: unknown, suggestion?: string) =>
  Either.left({ kind: "type" as const, message: `expected ${what}, found ${Field.kindOf(value)}`, suggestion });

export type YamlMap = Readonly<Record<string, unknown>>;
export const isMap = (value: unknown): value is YamlMap =>
  typeof value === "object" && value !== null && !Array.isArray(value);
export const isLiteral = (value: unknown): value is Literal =>
  value === null || typeof value === "string" || typeof value === "boolean"
  || (typeof value === "number" && (Number.isInteger(value) ? Number.isSafeInteger(value) : Number.isFinite(value)));

/** A map with these keys only; `required` must be there. */
export const readKeys = (
  value: YamlMap,
  where: string,
  required: ReadonlyArray<string>,
  optional: ReadonlyArray<string> = [],
): Read<YamlMap> => {
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

export const readName = (value: unknown, what: string): Read<string> =>
  typeof value === "string" && value !== "" ? Either.right(value) : mistyped(what, value);

export const readNames = (value: unknown, what: string): Read<ReadonlyArray<string>> =>
  Array.isArray(value)
    ? Either.all(value.map((name) => readName(name, what)))
    : mistyped(`a list, each ${what}`, value, "write [ … ]");

const decodePath = Schema.decodeUnknownEither(Field.valuePath);
export const readPath = (value: unknown): Read<string> =>
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

export const literalSchema = { type: ["string", "number", "boolean", "null"] } as const;
