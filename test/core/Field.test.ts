import { describe, expect, it } from "@effect/vitest";
import { Duration, Either, FastCheck as fc, Option, ParseResult, Redacted, Schema, SchemaAST } from "effect";
import * as Field from "../../src/core/Field.ts";

/** The first refusal inside an issue. */
const refusal = (issue: ParseResult.ParseIssue): Field.Refusal => {
  if (issue instanceof Field.Refusal) return issue;
  if ("issue" in issue) return refusal(issue.issue);
  if ("issues" in issue) {
    return refusal(
      (Array.isArray(issue.issues) ? issue.issues[0] : issue.issues) as ParseResult.ParseIssue,
    );
  }
  throw new Error(`no refusal in ${issue._tag}`);
};

const read = <A>(field: Schema.Schema<A, any>, value: unknown): A => Schema.decodeUnknownSync(field)(value);
const refused = (field: Schema.Schema<any, any>, value: unknown) =>
  Either.match(Schema.decodeUnknownEither(field)(value), {
    onLeft: ({ issue }) => {
      const { kind, message, suggestion } = refusal(issue);
      return { kind, message, suggestion };
    },
    onRight: (accepted) => accepted,
  });

describe("Field", () => {
  it("the editor's schema and the reader agree on texts", () => {
    const texts = ["5", "+5", "-5", "hash", "nar.hash", "a..b", "$value.x", "$other", "10s", "10", "8MiB", "8 MiB", ""];
    const fields: ReadonlyArray<Schema.Schema<any, any>> = [
      Field.count(),
      Field.count({ min: -9 }),
      Field.valuePath,
      Field.duration,
      Field.size,
    ];
    for (const field of fields) {
      const { anyOf } = Option.getOrThrow(SchemaAST.getJSONSchemaAnnotation(field.ast)) as {
        readonly anyOf: ReadonlyArray<{ readonly pattern?: string }>;
      };
      const fits = (text: string) => anyOf.some(({ pattern }) => pattern !== undefined && RegExp(pattern).test(text));
      expect(texts.filter(fits)).toEqual(
        texts.filter((text) => Schema.decodeUnknownOption(field)(text)._tag === "Some"),
      );
    }
  });

  it("reads scalars and their text forms alike", () => {
    expect(read(Field.count(), 5)).toBe(5);
    expect(read(Field.count(), "5")).toBe(5);
    expect(read(Field.flag, true)).toBe(true);
    expect(read(Field.flag, "1")).toBe(true);
    expect(read(Field.flag, "False")).toBe(false);
    expect(read(Field.list(Field.count()), "1, 2")).toEqual([1, 2]);
    expect(read(Field.list(Field.text), "")).toEqual([]);
    expect(read(Field.record(Field.count()), { a: "1" })).toEqual({ a: 1 });
    expect(read(Field.literal("head-compare", "refuse"), "refuse")).toBe("refuse");
    expect(read(Field.valuePath, "$value.hash")).toBe("$value.hash");
  });

  it("reads m as minutes and every other unit as itself", () => {
    const millis = (text: string) => Duration.toMillis(read(Field.duration, text));
    expect(["500ms", "10s", "5m", "2h", "1d", "1.5s", "1.1d"].map(millis)).toEqual([
      500,
      10_000,
      300_000,
      7_200_000,
      86_400_000,
      1500,
      95_040_000,
    ]);
    expect(["1B", "64KiB", "8MiB", "1GiB", "500kB", "2MB", "1GB", "0.5KiB"].map((text) => read(Field.size, text)))
      .toEqual([
        1,
        65_536,
        8_388_608,
        1_073_741_824,
        500_000,
        2_000_000,
        1_000_000_000,
        512,
      ]);
  });

  it("refuses a number without a unit, and says what to write", () => {
    expect(refused(Field.duration, 500)).toEqual({
      kind: "value",
      message: "expected a duration, found 500 without a unit",
      suggestion: "write 500ms or 500s",
    });
    expect(refused(Field.duration, "500")).toMatchObject({ suggestion: "write 500ms or 500s" });
    expect(refused(Field.size, 8)).toMatchObject({ suggestion: "write 8KiB or 8MiB" });
  });

  it.each([
    [Field.duration, "10 s", "write 10s"],
    [Field.duration, "10sec", "write 10s"],
    [Field.duration, "5min", "write 5m"],
    [Field.duration, "5M", "write 5m"],
    [Field.duration, "500MS", "write 500ms"],
    [Field.duration, "2mo", "units are ms, s, m, h, d"],
    [Field.duration, "0.5ms", "write a whole number of ms"],
    [Field.duration, "soon", "write it like 500ms, 10s, 5m, 2h or 1d"],
    [Field.size, "8M", "write 8MiB"],
    [Field.size, "8mb", "write 8MB"],
    [Field.size, "8 MiB", "write 8MiB"],
    [Field.flag, "yes", "write true"],
    [Field.flag, "off", "write false"],
    [Field.literal("head-compare", "refuse"), "head-compere", "did you mean head-compare?"],
    [Field.text, 1.1, "put the value in quotes"],
  ])("suggests a remedy for a near miss", (field, value, suggestion) => {
    expect(refused(field as Schema.Schema<unknown, unknown>, value)).toMatchObject({ suggestion });
  });

  it("refuses a count out of its range", () => {
    const field = Field.count({ min: 1, max: 10 });
    expect(refused(field, 11)).toEqual({
      kind: "value",
      message: "expected 1 to 10, found 11",
      suggestion: "write 10",
    });
    expect(refused(field, "0")).toMatchObject({ suggestion: "write 1" });
    expect(refused(field, 1.5)).toMatchObject({ message: "expected a whole number, found 1.5" });
    expect(refused(field, {})).toMatchObject({ kind: "type", message: "expected a whole number, found a map" });
  });

  it("never echoes a secret, not even one of the wrong type (Invariant 9)", () => {
    expect(Redacted.value(read(Field.secret, "hunter2"))).toBe("hunter2");
    expect(Redacted.value(read(Field.secret, Redacted.make("hunter2")))).toBe("hunter2");
    expect(Schema.encodeSync(Field.secret)(Redacted.make("hunter2"))).toBe("<redacted>");
    expect(refused(Field.secret, 1234)).toEqual({
      kind: "type",
      message: "expected a secret, found a number",
      suggestion: "put the value in quotes",
    });
    expect(refused(Field.text, Redacted.make("hunter2"))).toMatchObject({ message: "expected text, found a secret" });
    expect(JSON.stringify(refused(Field.secret, { pass: "hunter2" }))).not.toContain("hunter2");
  });

  it("writes durations and sizes in the one form that reads back the same", () => {
    fc.assert(fc.property(fc.nat(), (millis) => {
      const written = Schema.encodeSync(Field.duration)(Duration.millis(millis));
      expect(Duration.toMillis(read(Field.duration, written))).toBe(millis);
    }));
    fc.assert(fc.property(fc.nat(), (bytes) => {
      expect(read(Field.size, Schema.encodeSync(Field.size)(bytes))).toBe(bytes);
    }));
    expect(Schema.encodeSync(Field.duration)(Duration.millis(90_000))).toBe("90s");
    expect(Schema.encodeSync(Field.size)(8_388_608)).toBe("8MiB");
  });

  it("fills defaults and keeps optional keys absent inside a struct", () => {
    const settings = Schema.Struct({
      wait: Field.withDefault(Field.duration, "Time a batch waits", Duration.millis(500)),
      prefix: Field.optional(Field.text, "Keys start with it"),
      from: Field.described(Field.connection("storage"), "Where objects are", { examples: ["cache-storage"] }),
    });
    expect(read(settings, { from: "cache-storage" })).toEqual({ wait: Duration.millis(500), from: "cache-storage" });
  });
});
