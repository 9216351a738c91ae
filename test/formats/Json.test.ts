import { Either, FastCheck } from "effect";
import { describe, expect, it } from "vitest";
import * as Json from "../../src/formats/Json.ts";

const read = (text: string): unknown => Either.getOrThrow(Json.parse(text));
const fault = (text: string): unknown => Either.getOrThrow(Either.flip(Json.parse(text)));
const isNative = (text: string): boolean => Either.isRight(Either.try(() => JSON.parse(text) as unknown));

/** As JSON.parse makes them, so that both can be compared. */
const asNative = (value: unknown): unknown =>
  typeof value === "bigint"
    ? Number(value)
    : Array.isArray(value)
    ? value.map(asNative)
    : typeof value === "object" && value !== null
    ? Object.fromEntries(Object.entries(value).map(([key, one]) => [key, asNative(one)]))
    : value;

const documents = FastCheck.json({ maxDepth: 6, stringUnit: "binary" });

describe("Json", () => {
  it("reads what JSON.parse reads, to the same values", () => {
    FastCheck.assert(
      FastCheck.property(documents, FastCheck.nat(3), (text, indent) => {
        const spaced = JSON.stringify(JSON.parse(text), undefined, indent);
        expect(asNative(read(spaced))).toEqual(JSON.parse(spaced));
      }),
      { numRuns: 1000 },
    );
  });

  it("accepts nothing that JSON.parse refuses, and refuses only what it says it refuses", () => {
    const edits = FastCheck.array(
      FastCheck.record({
        at: FastCheck.nat(),
        cut: FastCheck.nat(2),
        put: FastCheck.constantFrom(...'{}[]",:\\u01-+.eE tn\t\u0001'),
      }),
      { minLength: 1, maxLength: 3 },
    );
    FastCheck.assert(
      FastCheck.property(documents, edits, (text, broken) => {
        const mutated = broken.reduce((all, { at, cut, put }) => {
          const place = at % (all.length + 1);
          return all.slice(0, place) + put + all.slice(place + cut);
        }, text);
        const result = Json.parse(mutated);
        if (Either.isRight(result)) expect(isNative(mutated)).toBe(true);
        else {
          expect(result.left.column).toBeGreaterThan(0);
          expect(result.left.column).toBeLessThanOrEqual(mutated.length + 1);
          if (isNative(mutated)) expect(result.left.code).not.toBe("syntax");
        }
      }),
      { numRuns: 3000 },
    );
  });

  it.each([
    ["9007199254740991", 9007199254740991],
    ["9007199254740992", 9007199254740992n],
    ["9007199254740993", 9007199254740993n],
    ["-9007199254740993", -9007199254740993n],
    ["9223372036854775807", 9223372036854775807n],
    ["-9223372036854775808", -9223372036854775808n],
    ["18446744073709551616", 18446744073709551616n],
    ["1000000000000000", 1000000000000000],
    ["-0", -0],
    ["1e3", 1000],
    ["0.1234567890123456789", 0.12345678901234568],
    ["1E400", Number.POSITIVE_INFINITY],
  ])("%s keeps every digit a whole number has", (text, value) => {
    expect(read(text)).toBe(value);
  });

  it("a whole number of any length is read exactly", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.bigInt({ min: -(2n ** 80n), max: 2n ** 80n }), (value) => {
        const found = read(`{"n":[${value}]}`) as { readonly n: readonly [number | bigint] };
        expect(BigInt(found.n[0])).toBe(value);
      }),
    );
  });

  it("keys that objects inherit elsewhere are keys like others, and pollute nothing", () => {
    const value = read('{"__proto__":{"polluted":1},"constructor":2,"toString":3}') as Record<string, unknown>;
    expect(Object.keys(value)).toEqual(["__proto__", "constructor", "toString"]);
    expect(Object.keys(value["__proto__"] as object)).toEqual(["polluted"]);
    expect(value["polluted"]).toBeUndefined();
    expect(({} as Record<string, unknown>)["polluted"]).toBeUndefined();
    expect((read("{}") as Record<string, unknown>)["constructor"]).toBeUndefined();
    expect((read("{}") as Record<string, unknown>)["__proto__"]).toBeUndefined();
  });

  it("a key that stands twice is refused wherever it stands, equal values and escapes included", () => {
    const twice = (column: number, key = "a") => ({
      code: "duplicate-key",
      column,
      reason: `the key "${key}" stands twice in one object`,
    });
    expect(fault('{"a":1,"a":1}')).toEqual(twice(8));
    expect(fault('{"b":[{"a":null,"\\u0061":2}]}')).toEqual(twice(17));
    expect(fault('{"__proto__":1,"__proto__":2}')).toEqual(twice(16, "__proto__"));
    expect(read('[{"a":1},{"a":2}]')).toHaveLength(2);
  });

  it("a nesting bomb costs neither stack nor time", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(read(nested(128))).toHaveLength(1);
    expect(fault(nested(129))).toMatchObject({ code: "too-deep", column: 129 });
    expect(fault('{"a":'.repeat(1_000_000))).toMatchObject({ code: "too-deep" });
  });

  it("a number of a thousand digits is read, one of more is refused and not computed", () => {
    expect(read("9".repeat(1000))).toBe(BigInt("9".repeat(1000)));
    expect(fault(`{"n":${"9".repeat(1_000_000)}}`)).toMatchObject({ code: "number-too-long", column: 6 });
  });

  it("half a surrogate pair and NUL come through escapes as JSON allows; the sink judges them", () => {
    expect(read('"\\ud800x\\u0000"')).toBe("\ud800x\u0000");
  });

  it.each([
    ["", 1, "expected a value, found the end"],
    ['{"a":1', 7, "expected , or }, found the end"],
    ['{"a" 1}', 6, 'expected :, found "1"'],
    ["{a:1}", 2, 'expected a key in double quotes, found "a"'],
    ['{"a":1,}', 8, 'expected a key in double quotes, found "}"'],
    ["[1,]", 4, 'expected a value, found "]"'],
    ["[1 2]", 4, 'expected , or ], found "2"'],
    ['{"a":1} {"b":2}', 9, 'expected the end, found "{"'],
    ["01", 2, 'expected the end, found "1"'],
    ["tru", 1, 'expected a value, found "t"'],
    ["NaN", 1, 'expected a value, found "N"'],
    ["[😀]", 2, 'expected a value, found "😀"'],
    ['{"a":"x', 6, "a text has no end"],
    ['"a\tb"', 3, "a control character stands in a text without escape"],
    ['"a\\x"', 3, "there is no such escape"],
    ['"\\u12"', 2, "there is no such escape"],
  ])("%s: the column is where it breaks", (text, column, reason) => {
    expect(fault(text)).toEqual({ code: "syntax", column, reason });
  });
});
