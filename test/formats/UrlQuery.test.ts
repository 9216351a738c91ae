import { describe, expect, it } from "@effect/vitest";
import { FastCheck } from "effect";
import * as UrlQuery from "../../src/formats/UrlQuery.ts";

describe("UrlQuery", () => {
  it.each([
    ["", ""],
    ["hash=abc", "hash=abc"],
    ["b=2&a=1&b=1", "a=1&b=2&b=1"],
    ["a=%20b+c", "a=+b+c"],
    ["a", "a="],
    ["=", "="],
    ["&&=v&", "=v"],
    ["a?b=c&d=e=f", "a%3Fb=c&d=e%3Df"],
    ["a=~.-_*!'()", "a=~.-_%2A%21%27%28%29"],
    ["%C3%BC=ü", "%C3%BC=%C3%BC"],
    ["a=%ff%00", "a=%FF%00"],
    ["\u{1F600}=1&\uFFEE=2&z=3", "z=3&%EF%BF%AE=2&%F0%9F%98%80=1"],
  ])("prints %j as Go does", (query, expected) => expect(UrlQuery.reencode(query)).toBe(expected));

  it.each(["a;b", "a=1;b=2", "%", "a=%2", "a=%zz", "a&%g0=1"])("refuses %j as Go does", (query) => {
    expect(UrlQuery.reencode(query)).toBeUndefined();
  });

  it("counts empty parameters toward Go's limit", () => {
    expect(UrlQuery.reencode("&".repeat(9_999))).toBe("");
    expect(UrlQuery.reencode("&".repeat(10_000))).toBeUndefined();
  });

  it("prints what it has printed the same again, or one NAR would have two rows", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "grapheme" }), (query) => {
        const printed = UrlQuery.reencode(query);
        FastCheck.pre(printed !== undefined);
        expect(UrlQuery.reencode(printed)).toBe(printed);
      }),
    );
  });
});
