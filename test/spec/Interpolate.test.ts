import { describe, expect, it } from "@effect/vitest";
import { FastCheck as fc } from "effect";
import { interpolate, interpolateTree } from "../../src/spec/Interpolate.ts";
import * as Tree from "../../src/spec/Tree.ts";
import * as Yaml from "../../src/spec/Yaml.ts";

const env = { A: "a", EMPTY: "", NESTED: "${A}", YAML: "[1, 2]" };
const text = (source: string) => interpolate(source, env).text;
const messages = (source: string) => interpolate(source, env).problems.map(({ message }) => message);

describe("Interpolate", () => {
  it.each([
    ["x${A}y", "xay"],
    ["${A}${A}", "aa"],
    ["${EMPTY}", ""],
    ["${EMPTY:-b}", "b"],
    ["${UNSET:-b}", "b"],
    ["${A:-b}", "a"],
    ["${UNSET:-}", ""],
    ["${UNSET:-${A}}", "a"],
    ["${UNSET:-${ALSO_UNSET:-c}d}", "cd"],
    ["${A:?needed}", "a"],
    ["$${A}", "${A}"],
    ["$$${A}", "$${A}"],
    ["$A $ $$ {A}", "$A $ $$ {A}"],
    // The first brace closes the default, and the second is text.
    ["${UNSET:-$${A}}", "${A}"],
  ])("fills %j as POSIX would, with one escape more", (source, expected) => {
    expect(text(source)).toBe(expected);
  });

  it("never looks into a value: no second round, no YAML", () => {
    expect(text("${NESTED}")).toBe("${A}");
    const { tree } = Yaml.parse("x.yaml", "a: ${YAML}\n");
    expect(Tree.plain(interpolateTree(tree!, env).tree)).toEqual({ a: "[1, 2]" });
  });

  it("names the variable that is missing, and the author's message", () => {
    expect(messages("${UNSET}")).toEqual(["the variable UNSET is not set"]);
    expect(messages("${EMPTY:?give it}")).toEqual(["the variable EMPTY is not set: give it"]);
    expect(messages("${UNSET} ${OTHER:?x}")).toHaveLength(2);
    expect(messages("${A:-${UNSET}}")).toEqual([]);
  });

  it.each(["${", "${}", "${1}", "${A", "${A-b}", "${A:=b}", "${A:-b", "${ A }"])(
    "refuses %j instead of guessing",
    (source) => {
      const { problems } = interpolate(source, env);
      expect(problems.map(({ code }) => code)).toEqual(["spec/bad-interpolation"]);
    },
  );

  it("does not take what every object has for variables", () => {
    expect(messages("${constructor}")).toEqual(["the variable constructor is not set"]);
  });

  it("leaves keys and other leaves than text alone", () => {
    const { tree } = Yaml.parse("x.yaml", '"${A}": 1\nb: ${A}\n');
    expect(Tree.plain(interpolateTree(tree!, env).tree)).toEqual({ "${A}": 1, b: "a" });
  });

  it("leaves text without ${ as it is", () => {
    fc.assert(fc.property(fc.string().filter((source) => !source.includes("${")), (source) => {
      expect(interpolate(source, {})).toEqual({ text: source, variables: [], unset: [], problems: [] });
    }));
  });

  it("puts any value in whole, whatever is in it", () => {
    fc.assert(fc.property(fc.string(), fc.string(), (value, around) => {
      fc.pre(!around.includes("$") && !around.includes("}"));
      expect(interpolate(`${around}\${V}${around}`, { V: value }).text).toBe(`${around}${value}${around}`);
    }));
  });

  it("gives any text back that was escaped", () => {
    fc.assert(fc.property(fc.array(fc.constantFrom("${", "}", "a", "{", ":-")), (parts) => {
      const source = parts.join("");
      expect(interpolate(source.split("${").join("$${"), {}).text).toBe(source);
    }));
  });
});
