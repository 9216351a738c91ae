import { describe, expect, it } from "@effect/vitest";
import { Either } from "effect";
import * as Finding from "../../src/spec/Finding.ts";
import * as KeyTemplate from "../../src/spec/KeyTemplate.ts";
import { findings, pipeline } from "./load.ts";

const rendered = (template: string, row: Readonly<Record<string, string>>) =>
  Either.map(KeyTemplate.parse(template), (parsed) => KeyTemplate.render(parsed, (column) => row[column] ?? ""));

describe("KeyTemplate", () => {
  it.each([
    ["store/narinfo/{hash:1}/{hash:2}/{hash}.narinfo", "store/narinfo/a/ab/abc.narinfo"],
    ["{hash}", "abc"],
    ["{hash:9}-{size}", "abc-7"],
  ])("makes keys of rows: %s", (template, key) => {
    expect(rendered(template, { hash: "abc", size: "7" })).toEqual(Either.right(key));
  });

  it.each(["store/{hash", "store/hash}", "{}", "{hash:0}", "{hash:x}", "{a{b}}", "store/all"])(
    "refuses what would make one key of all rows, or none: %s",
    (template) => {
      expect(Either.isLeft(KeyTemplate.parse(template))).toBe(true);
      const given = { pipeline: `${pipeline}orphans: { key: "${template}" }\n` };
      expect(findings(given).map(Finding.format)).toEqual([
        expect.stringMatching(/^pipelines\/narinfo-to-db\.yaml:17:17: error spec\/bad-value at orphans\.key: /),
      ]);
    },
  );
});
