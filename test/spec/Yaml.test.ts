import { describe, expect, it } from "@effect/vitest";
import * as Finding from "../../src/spec/Finding.ts";
import * as Tree from "../../src/spec/Tree.ts";
import * as Yaml from "../../src/spec/Yaml.ts";

const lines = (text: string) => Yaml.parse("x.yaml", text).findings.map(Finding.format);

describe("Yaml", () => {
  it("keeps the place of every key and value", () => {
    const { tree } = Yaml.parse("x.yaml", "a:\n  b: 1\n  c: [x, 'y']\n");
    expect(Tree.locate(tree!, ["a", "b"], "key")).toEqual({ _tag: "File", place: { file: "x.yaml", line: 2, col: 3 } });
    expect(Tree.locate(tree!, ["a", "b"], "value")).toMatchObject({ place: { line: 2, col: 6 } });
    expect(Tree.locate(tree!, ["a", "c", 1], "value")).toMatchObject({ place: { line: 3, col: 10 } });
    expect(Tree.locate(tree!, ["a", "missing"], "key")).toMatchObject({ place: { line: 1, col: 1 } });
  });

  it("reads YAML 1.2 core scalars, and integers that a double would round as bigint", () => {
    const { tree } = Yaml.parse(
      "x.yaml",
      "a: no\nb: 0o10\nc: 9223372036854775807\nd:\ne: 010\nf: true\ng: 1.5\n__proto__: 1\n",
    );
    expect(Object.entries(Tree.plain(tree!) as object)).toEqual([
      ["a", "no"],
      ["b", 8],
      ["c", 9223372036854775807n],
      ["d", null],
      ["e", 10],
      ["f", true],
      ["g", 1.5],
      ["__proto__", 1],
    ]);
  });

  it.each([
    [
      "a: 1\nb: 2\na: 3\n",
      "x.yaml:3:1: error spec/duplicate-key at a: the key a stands here twice; keep one of the two",
    ],
    ["a:\n\tb: 1\n", "x.yaml:2:1: error spec/yaml: a tab is used for indentation; indent with spaces"],
    [
      "a: 1\n---\nb: 2\n",
      "x.yaml:2:1: error spec/yaml: a second document begins here; keep one document per file and remove ---",
    ],
    [
      "a: &x 1\n",
      "x.yaml:1:7: error spec/yaml at a: anchors are not used in specs; write the value where it is used, or move it to an environment",
    ],
    [
      "a:\n  <<: { b: 1 }\n",
      "x.yaml:2:3: error spec/yaml at a.<<: merge keys are not used in specs; write the keys out, or move them to an environment",
    ],
    ["a: !x 1\n", "x.yaml:1:4: error spec/yaml: a tag is used here; write the value without !tags"],
    ["", "x.yaml:1:1: error spec/yaml: the file is empty; start it with a key, e.g. summary: …"],
    ["# only a comment\n", "x.yaml:1:1: error spec/yaml: the file is empty; start it with a key, e.g. summary: …"],
    [
      "- a\n",
      "x.yaml:1:1: error spec/wrong-type: expected a map of settings; start the file with a key, e.g. summary: …",
    ],
    ["? [a]\n: 1\n", "x.yaml:1:3: error spec/yaml: a key must be text; write key: value"],
  ])("refuses what would be read in another way than it looks: %j", (text, finding) => {
    expect(lines(text)).toContain(finding);
  });

  it("explains the brace that YAML takes for its own, once", () => {
    expect(lines("a:\n  b: { c: ${NAME:-}, d: 1 }\n  e: 1\nf:\n  - x\n")).toEqual([
      'x.yaml:2:12: error spec/yaml: inside { } and [ ], text with ${ } needs quotes; write "${NAME}"',
    ]);
    expect(lines('a: ${NAME:-}\nb: ["${NAME}"]\n')).toEqual([]);
  });

  it("names every alias", () => {
    expect(lines("a: &x 1\nb: *x\nc: *x\n").filter((line) => line.includes("aliases"))).toHaveLength(2);
  });

  it("finds several broken lines, not the first alone", () => {
    expect(lines('a: "\\q"\nb: "\\w"\n')).toHaveLength(2);
  });

  it("never quotes the text of a broken file, which may hold a secret (Invariant 9)", () => {
    for (
      const text of [
        'password: "hunter2\n',
        "url: hunter2: x: y\n",
        "a: [hunter2\n",
        "a: @hunter2\n",
        "%hunter2\n",
        "a: 'x' hunter2\n",
        "- *hunter2\n",
      ]
    ) {
      const found = lines(text);
      expect(found.length, text).toBeGreaterThan(0);
      expect(found.join("\n"), text).not.toContain("hunter2");
    }
  });
});
