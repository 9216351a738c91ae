import { describe, expect, it } from "@effect/vitest";
import * as StorePath from "../../src/formats/StorePath.ts";
import { HASH } from "./narinfoFixture.ts";

describe("StorePath", () => {
  it.each(["hello-2.12.1", "a", ".hidden", "...", "..a", "+-._?=", "x".repeat(211)])("accepts the name %s", (name) => {
    expect(StorePath.problem(`${HASH}-${name}`)).toBeUndefined();
    expect(StorePath.absoluteProblem(`/nix/store/${HASH}-${name}`)).toBeUndefined();
  });

  it.each(["", ".", "..", ".-a", "..-a", "x".repeat(212), "a/b", "a b", "é", "a\r", "a~"])(
    "refuses the name %j as Nix does",
    (name) => expect(StorePath.problem(`${HASH}-${name}`)).toBeTypeOf("string"),
  );

  it.each([
    ["a fixture of ncps' tests", "ref0-0123456789abcdfghijklmnpqrsvwxyz"],
    ["a hash cut short", `${HASH.slice(1)}-hello`],
    ["a hash outside nix32", `${HASH.replace("n5", "e5")}-hello`],
    ["no dash", `${HASH}_hello`],
    ["a bare hash", HASH],
    ["nothing", ""],
  ])("refuses %s", (_, text) => expect(StorePath.problem(text)).toBeTypeOf("string"));

  it.each([`/gnu/store/${HASH}-a`, `${HASH}-a`, `/nix/store/${HASH}-a/bin`, `/nix/store//${HASH}-a`, "/nix/store/"])(
    "refuses %s, which is not directly in the store",
    (path) => expect(StorePath.absoluteProblem(path)).toBeTypeOf("string"),
  );
});
