/**
 * The fields that settings are made of. Each reads a YAML scalar and its text form alike, because interpolation yields text;
 * each carries what help, editor schema and reference show. An error says what was expected and what to write; never a secret.
 */
import { DateTime, Duration, Either, Option, ParseResult, Redacted, Schema, SchemaAST } from "effect";
import type { ConnectionKind } from "./Connections.ts";
import * as Measure from "./Measure.ts";
import * as Nearest from "./Nearest.ts";

/** What a field is, for lint, redaction and the reference; found on the AST under `AboutId`. */
export interface About {
  /** As the reference names it: `duration`, `count 1..5000`. */
  readonly name: string;
  /** Units that must follow the number. */
  readonly unit?: string;
  readonly connection?: ConnectionKind;
  readonly secret?: boolean;
  /** Text that people put credentials into, before an `@`: with them it is a secret. */
  readonly address?: boolean;
}

export const AboutId: unique symbol = Symbol.for("ncps-pipeline/core/Field/About");

export const about = (ast: SchemaAST.AST): About | undefined => {
  const found = SchemaAST.getAnnotation<About>(AboutId)(ast);
  return found._tag === "Some" ? found.value : undefined;
};

/** A value that a field refuses; `kind` tells a wrong YAML type from a wrong value of the right type. */
export class Refusal extends ParseResult.Type {
  readonly kind: "type" | "value";
  readonly suggestion: string | undefined;
  constructor(ast: SchemaAST.AST, actual: unknown, refused: Refused) {
    super(ast, actual, refused.message);
    this.kind = refused.kind;
    this.suggestion = refused.suggestion;
  }
}

interface Refused {
  readonly kind: "type" | "value";
  readonly message: string;
  readonly suggestion?: string | undefined;
}

/** A field: any YAML value in, `A` out. */
export type Field<A> = Schema.Schema<A, unknown>;

/** A declaration of a field of one's own: `read` answers the value, or why not and what to write instead. */
export const make = <A>(declaration: {
  readonly about: About;
  readonly to: Schema.Schema<A, A>;
  readonly jsonSchema: object;
  readonly read: (value: unknown) => Either.Either<A, Refused>;
  /** The one way the value is written in plans. */
  readonly write: (value: A) => unknown;
}): Field<A> =>
  Schema.transformOrFail(Schema.Unknown, declaration.to, {
    strict: true,
    decode: (value, _, ast) => Either.mapLeft(declaration.read(value), (refused) => new Refusal(ast, value, refused)),
    encode: (value) => ParseResult.succeed(declaration.write(value)),
  }).annotations({ [AboutId]: declaration.about, jsonSchema: declaration.jsonSchema });

const wrongType = (message: string, suggestion?: string) => Either.left<Refused>({ kind: "type", message, suggestion });
const badValue = (message: string, suggestion?: string) => Either.left<Refused>({ kind: "value", message, suggestion });

/** What stands where something else was expected, without its value: a map, a list, text, … */
export const kindOf = (value: unknown): string =>
  value === null || value === undefined
    ? "nothing"
    : Redacted.isRedacted(value)
    ? "a secret"
    : Array.isArray(value)
    ? "a list"
    : typeof value === "string"
    ? "text"
    : typeof value === "bigint"
    ? "a number"
    : typeof value === "object"
    ? "a map"
    : `a ${typeof value}`;

/** The value itself where it is short enough to recognise, else what it is. Never for secrets. */
const shown = (value: unknown): string =>
  (typeof value === "string" || typeof value === "number" || typeof value === "bigint" || typeof value === "boolean")
    && String(value).length <= 60
    ? typeof value === "string" ? JSON.stringify(value) : String(value)
    : kindOf(value);

const expected = (what: string, value: unknown, suggestion?: string) => {
  const isScalar = ["string", "number", "bigint", "boolean"].includes(typeof value);
  return Redacted.isRedacted(value)
    ? wrongType(
      `expected ${what}, found a secret`,
      "this setting is shown in plans and logs; write it without `secret`",
    )
    : (isScalar ? badValue : wrongType)(`expected ${what}, found ${shown(value)}`, suggestion);
};

/** Text in which `${NAME}` stands for what the schema cannot know before it is read. */
const interpolated = { type: "string", pattern: "\\$\\{" } as const;
const written = (pattern: string, examples: ReadonlyArray<string>) => ({
  anyOf: [{ type: "string", pattern, examples }, interpolated],
});

const readText = (what: string) => (value: unknown): Either.Either<string, Refused> =>
  typeof value === "string"
    ? Either.right(value)
    : typeof value === "number" || typeof value === "bigint" || typeof value === "boolean"
    ? wrongType(
      `expected ${what}, found a ${typeof value === "boolean" ? "boolean" : "number"}`,
      "put the value in quotes",
    )
    : expected(what, value);

/** Any text, the empty one included. YAML numbers are refused: `1.10` would arrive as 1.1. */
export const text: Field<string> = make({
  about: { name: "text" },
  to: Schema.String,
  jsonSchema: { type: "string" },
  read: readText("text"),
  write: (value) => value,
});

/** The texts of a boolean that ncps (Go's `strconv.ParseBool`) accepts in its own variables. */
const flags = new Map<string, boolean>([
  ...["1", "t", "T", "TRUE", "true", "True"].map((word) => [word, true] as const),
  ...["0", "f", "F", "FALSE", "false", "False"].map((word) => [word, false] as const),
]);
const yes = new Set(["yes", "y", "on", "enabled"]);
const no = new Set(["no", "n", "off", "disabled", ""]);

/** `true` or `false`. */
export const flag: Field<boolean> = make({
  about: { name: "boolean" },
  to: Schema.Boolean,
  jsonSchema: { anyOf: [{ type: "boolean" }, { type: "string", enum: [...flags.keys()] }, interpolated] },
  read: (value) => {
    if (typeof value === "boolean") return Either.right(value);
    if (typeof value !== "string") return expected("true or false", value);
    const known = flags.get(value);
    if (known !== undefined) return Either.right(known);
    const word = value.toLowerCase();
    return expected(
      "true or false",
      value,
      yes.has(word) ? "write true" : no.has(word) ? "write false" : "write true or false",
    );
  },
  write: (value) => value,
});

/** A whole number within `min` (0 unless told) and `max`. */
export const count = (bounds: { readonly min?: number; readonly max?: number } = {}): Field<number> => {
  const { min = 0, max = Number.MAX_SAFE_INTEGER } = bounds;
  const range = bounds.max === undefined ? `${min} or more` : `${min} to ${max}`;
  return make({
    about: { name: `count (${range})` },
    to: Schema.Number,
    jsonSchema: {
      anyOf: [
        { type: "integer", minimum: min, ...(bounds.max === undefined ? {} : { maximum: max }) },
        { type: "string", pattern: min < 0 ? "^[+-]?\\d+$" : "^\\+?\\d+$" },
        interpolated,
      ],
    },
    read: (value) => {
      const number = typeof value === "string" && /^[+-]?\d+$/.test(value) ? Number(value) : value;
      if (typeof number !== "number" || !Number.isInteger(number)) return expected("a whole number", value);
      return number < min || number > max
        ? badValue(`expected ${range}, found ${number}`, `write ${Math.min(Math.max(number, min), max)}`)
        : Either.right(number);
    },
    write: (value) => value,
  });
};

/** A number above 0. */
export const positive: Field<number> = make({
  about: { name: "number above 0" },
  to: Schema.Number,
  jsonSchema: {
    anyOf: [{ type: "number", exclusiveMinimum: 0 }, { type: "string", pattern: "^\\d+(\\.\\d+)?$" }, interpolated],
  },
  read: (value) => {
    const number = typeof value === "string" && /^\d+(\.\d+)?$/.test(value) ? Number(value) : value;
    return typeof number === "number" && Number.isFinite(number) && number > 0
      ? Either.right(number)
      : expected("a number above 0", value);
  },
  write: (value) => value,
});

const ratePattern = "^\\d+(\\.\\d+)?/s$";
const rateRegExp = new RegExp(ratePattern);

/** So many per second: `500/s`. */
export const rate: Field<number> = make({
  about: { name: "rate", unit: "/s" },
  to: Schema.Number,
  jsonSchema: written(ratePattern, ["500/s"]),
  read: (value) => {
    const text = String(value);
    if (typeof value !== "string" || !rateRegExp.test(text)) {
      return expected("a rate", value, /^\d+(\.\d+)?$/.test(text) ? `write ${text}/s` : "write it like 500/s");
    }
    const perSecond = Number(text.slice(0, -2));
    return perSecond > 0 ? Either.right(perSecond) : badValue("expected a rate above 0", "write it like 500/s");
  },
  write: (value) => `${value}/s`,
});

const timeOfDayPattern = "^([01]\\d|2[0-3]):[0-5]\\d$";
const timeOfDayRegExp = new RegExp(timeOfDayPattern);

/** A time of day, `22:00`, in minutes since midnight. */
export const timeOfDay: Field<number> = make({
  about: { name: "time of day" },
  to: Schema.Number,
  jsonSchema: written(timeOfDayPattern, ["22:00"]),
  read: (value) => {
    if (typeof value !== "string" || !timeOfDayRegExp.test(value)) {
      return expected("a time of day", value, 'write it like "06:00" or "22:30"');
    }
    const [hours, minutes] = value.split(":");
    return Either.right(Number(hours) * 60 + Number(minutes));
  },
  write: (value) => [Math.floor(value / 60), value % 60].map((part) => String(part).padStart(2, "0")).join(":"),
});

/** A time zone of the IANA database. */
export const zone: Field<DateTime.TimeZone.Named> = make({
  about: { name: "time zone" },
  to: Schema.TimeZoneNamedFromSelf,
  jsonSchema: { type: "string", minLength: 1, examples: ["Europe/Berlin"] },
  read: (value) =>
    (typeof value === "string" ? DateTime.zoneMakeNamed(value) : Option.none()).pipe(Option.match({
      onNone: () => expected("a time zone", value, "write it like Europe/Berlin or UTC"),
      onSome: Either.right,
    })),
  write: (value) => value.id,
});

/** Reads a measure; what a person wrote comes back in the refusal, measures being no secrets. */
const readMeasure = (measure: Measure.Measure) => (value: unknown): Either.Either<number, Refused> =>
  typeof value === "string" || typeof value === "number" || typeof value === "bigint"
    ? Either.mapLeft(measure.read(String(value)), ({ fault, remedy }) => ({
      kind: "value",
      message: `expected ${measure.what}, found ${shown(value)}${fault}`,
      suggestion: remedy,
    }))
    : expected(measure.what, value, `write it like ${measure.example}`);

/** A duration with its unit: `ms`, `s`, `m` (minutes), `h`, `d`. */
export const duration: Field<Duration.Duration> = make({
  about: { name: "duration", unit: Measure.time.units },
  to: Schema.DurationFromSelf,
  jsonSchema: written(Measure.time.pattern, ["500ms", "10s", "5m"]),
  read: (value) => Either.map(readMeasure(Measure.time)(value), Duration.millis),
  write: (value) => Measure.time.write(Duration.toMillis(value)),
});

/** A number of bytes with its unit: `B`, `KiB`, `MiB`, `GiB`, `kB`, `MB`, `GB`. */
export const size: Field<number> = make({
  about: { name: "size", unit: Measure.bytes.units },
  to: Schema.Number,
  jsonSchema: written(Measure.bytes.pattern, ["8MiB", "500kB"]),
  read: readMeasure(Measure.bytes),
  write: Measure.bytes.write,
});

/** The name of a connection in the project file; lint checks that it exists and is of this kind. */
export const connection = (kind: ConnectionKind): Field<string> =>
  make({
    about: { name: `connection (${kind})`, connection: kind },
    to: Schema.String,
    jsonSchema: { type: "string", minLength: 1 },
    read: readText(`the name of a ${kind} connection`),
    write: (value) => value,
  });

export const REDACTED = "<redacted>";

/** Text that is never shown, whatever syntax supplied it. Invariant 9: it is written as `<redacted>` only. */
export const secret: Field<Redacted.Redacted<string>> = make<Redacted.Redacted<string>>({
  about: { name: "secret", secret: true },
  to: Schema.RedactedFromSelf(Schema.String),
  jsonSchema: {
    anyOf: [
      { type: "string" },
      {
        type: "object",
        properties: {
          secret: {
            type: "object",
            properties: { env: { type: "string" }, file: { type: "string" } },
            additionalProperties: false,
            minProperties: 1,
            maxProperties: 1,
          },
        },
        required: ["secret"],
        additionalProperties: false,
      },
    ],
  },
  read: (value) =>
    Redacted.isRedacted(value)
      ? Either.right(value as Redacted.Redacted<string>)
      : typeof value === "string"
      ? Either.right(Redacted.make(value))
      : wrongType(
        `expected a secret, found ${kindOf(value)}`,
        typeof value === "number" || typeof value === "bigint" || typeof value === "boolean"
          ? "put the value in quotes"
          : "write { secret: { env: NAME } } or { secret: { file: PATH } }",
      ),
  write: () => REDACTED,
});

/** Where a server is, which plans and logs show. Invariant 9: credentials in it are refused, and not repeated; `instead` says where they belong. */
export const address = (instead: string): Field<string> =>
  make({
    about: { name: "address", address: true },
    to: Schema.String,
    jsonSchema: { type: "string", not: { pattern: "@" } },
    read: (value) =>
      typeof value === "string" && value.includes("@")
        ? badValue("an address is shown in plans and logs, and this one holds credentials before its @", instead)
        : readText("an address")(value),
    write: (value) => value,
  });

/** One of these words. */
export const literal = <const Words extends readonly [string, ...ReadonlyArray<string>]>(
  ...words: Words
): Field<Words[number]> =>
  make<Words[number]>({
    about: { name: words.map((word) => `\`${word}\``).join(" or ") },
    to: Schema.Literal(...words) as Schema.Schema<Words[number]>,
    jsonSchema: { anyOf: [{ type: "string", enum: words }, interpolated] },
    read: (value) => {
      const word = words.find((one) => one === value);
      if (word !== undefined) return Either.right(word);
      const near = typeof value === "string" ? Nearest.nearest(value, words) : undefined;
      return expected(`one of ${words.join(", ")}`, value, near === undefined ? undefined : `did you mean ${near}?`);
    },
    write: (value) => value,
  });

/** A list; text is taken apart at commas, so that one variable can hold a list. */
export const list = <A>(item: Schema.Schema<A, any>): Field<ReadonlyArray<A>> =>
  Schema.transformOrFail(Schema.Unknown, Schema.Array(item), {
    strict: false,
    decode: (value, _, ast) =>
      Array.isArray(value)
        ? ParseResult.succeed(value)
        : typeof value === "string"
        ? ParseResult.succeed(value.split(",").map((part) => part.trim()).filter((part) => part !== ""))
        : ParseResult.fail(
          new Refusal(ast, value, {
            kind: "type",
            message: `expected a list, found ${kindOf(value)}`,
            suggestion: "write [ … ]",
          }),
        ),
    encode: (values: ReadonlyArray<unknown>) => ParseResult.succeed(values),
  });

/** A map of any keys to values of one field. */
export const record = <A>(value: Schema.Schema<A, any>): Schema.Schema<{ readonly [key: string]: A }, any> =>
  Schema.Record({ key: Schema.String, value });

const valuePathPattern = "^(\\$value|\\$root|[A-Za-z_][A-Za-z0-9_]*)(\\.[A-Za-z_][A-Za-z0-9_]*)*$";
const valuePathRegExp = new RegExp(valuePathPattern);

/** For fields that take a path among other forms. */
export const valuePathSchema = written(valuePathPattern, ["hash", "nar.hash", "$value"]);

/** A dotted path into an item's value: `nar.hash`; inside `each` also `$value`, `$value.x`, `$root.x`. */
export const valuePath: Field<string> = make({
  about: { name: "path" },
  to: Schema.String,
  jsonSchema: valuePathSchema,
  read: (value) =>
    typeof value === "string" && valuePathRegExp.test(value)
      ? Either.right(value)
      : expected("a dotted path", value, "write it like hash, nar.hash or $value"),
  write: (value) => value,
});

/** The noun phrase (with examples) that help, editor schema and reference show. */
export const described = <A, I>(
  field: Schema.Schema<A, I>,
  description: string,
  options: { readonly examples?: readonly [A, ...ReadonlyArray<A>] } = {},
): Schema.Schema<A, I> =>
  field.annotations({ description, ...(options.examples === undefined ? {} : { examples: options.examples }) });

/** A described field that has this value where the settings have none. */
export const withDefault = <A, I>(field: Schema.Schema<A, I>, description: string, value: NoInfer<A>) =>
  Schema.optionalWith(described(field, description), { default: () => value, exact: true });

/** A described field that may be absent. */
export const optional = <A, I>(field: Schema.Schema<A, I>, description: string) =>
  Schema.optionalWith(described(field, description), { exact: true });
