import { Either } from "effect";
import { describe, expect, it } from "vitest";
import * as Ndjson from "../../src/formats/Ndjson.ts";

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

const texts = (text: string) => {
  const bytes = encode(text);
  return Ndjson.lines(bytes, 100).map(({ end, number, start }) =>
    [number, new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(start, end))] as const
  );
};

const problem = (bytes: Uint8Array): unknown => Either.getOrThrow(Either.flip(Ndjson.parse(bytes)));

describe("Ndjson.lines", () => {
  it.each([
    ["a final line feed", "{}\n[]\n"],
    ["none", "{}\n[]"],
  ])("%s makes no line more or less", (_, text) => {
    expect(texts(text)).toEqual([[1, "{}"], [2, "[]"]]);
  });

  it("blank lines are counted, as editors do, and not given", () => {
    expect(texts("\n{}\r\n \t\r\n\r\n[]\n\n")).toEqual([[2, "{}\r"], [5, "[]"]]);
  });

  it("a byte order mark belongs to no line", () => {
    expect(texts("\uFEFF{}\n{}")).toEqual([[1, "{}"], [2, "{}"]]);
    expect(texts("\uFEFF")).toEqual([]);
    expect(texts("\uFEFF\n")).toEqual([]);
  });

  it("only a line feed ends a line", () => {
    expect(texts("{}\u2028{}\r{}\u0085\n{}")).toEqual([[1, "{}\u2028{}\r{}\u0085"], [2, "{}"]]);
  });

  it("more lines than wanted are not gathered, however many there are", () => {
    expect(Ndjson.lines(encode("\n1\n2\n3\n4\n5\n"), 2).map(({ number }) => number)).toEqual([2, 3, 4]);
  });

  it("nothing has no lines", () => {
    expect(texts("")).toEqual([]);
  });
});

describe("Ndjson.parse", () => {
  it("reads CRLF, and characters of any length", () => {
    expect({ ...Either.getOrThrow(Ndjson.parse(encode('{"ä":"😀\uFFFD"}\r'))) }).toEqual({ ä: "😀\uFFFD" });
  });

  it.each([
    ["null", 1, "null"],
    ["  7", 3, "a number"],
    ["12345678901234567890", 1, "a bigint"],
    ["[{}]", 1, "a list"],
    ['"{}"', 1, "text"],
    ["true", 1, "a boolean"],
  ])("%s is JSON, but no object", (text, column, found) => {
    expect(problem(encode(text))).toEqual({
      code: "ndjson/not-an-object",
      reason:
        `column ${column}: expected an object, found ${found}. Each line holds one object, { … }; wrap or remove this one.`,
    });
  });

  it.each([
    ["a byte that is none", [...encode('{"ä":"'), 0xff, ...encode('"}')], 7],
    ["Latin-1", [...encode('{"a":"'), 0xe4, ...encode('"}')], 7],
    ["a character cut off at the end", [...encode('{"a":"'), 0xf0, 0x9f], 7],
    ["half a surrogate pair", [...encode('{"a":"\uFFFD'), 0xed, 0xa0, 0x80], 8],
    ["UTF-16", [0xff, 0xfe, 0x7b, 0x00], 1],
  ])("%s is refused with its column, and never turned into U+FFFD", (_, bytes, column) => {
    expect(problem(Uint8Array.from(bytes))).toEqual({
      code: "ndjson/encoding",
      reason: `column ${column}: no UTF-8. Write the file again as UTF-8.`,
    });
  });

  it("says where a line breaks and what to do", () => {
    expect(problem(encode('{"a":1'))).toEqual({
      code: "ndjson/syntax",
      reason:
        "column 7: expected , or }, found the end. Correct the line; a line that ends early was cut off, so write the file again.",
    });
    expect(problem(encode('{"a":1,"a":2}'))).toMatchObject({ code: "ndjson/duplicate-key" });
    expect(problem(encode(`{"a":${"[".repeat(200)}`))).toMatchObject({ code: "ndjson/too-deep" });
    expect(problem(encode("9".repeat(2000)))).toMatchObject({ code: "ndjson/number-too-long" });
    expect(problem(encode("\uFEFF{}"))).toMatchObject({ code: "ndjson/syntax" });
  });
});
