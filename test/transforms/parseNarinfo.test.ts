import { describe, expect, it } from "@effect/vitest";
import { parseNarinfo } from "../../src/transforms/parseNarinfo.ts";
import * as Fixture from "../formats/narinfoFixture.ts";
import * as NarinfoItem from "./narinfoItem.ts";

const transform = parseNarinfo.make({});

describe("parse-narinfo", () => {
  it("keeps all of an item but its value", () => {
    const item = NarinfoItem.item(Fixture.text());
    const { items, dismissed } = NarinfoItem.apply(transform, [item]);
    expect(dismissed).toEqual([]);
    expect(items).toEqual([{
      ...item,
      value: expect.objectContaining({ narSize: 226504n, deriver: expect.any(String) }),
    }]);
  });

  it("rejects one bad item and lets its neighbours pass, in order", () => {
    const texts = [Fixture.text({ System: "a" }), Fixture.text({ Foo: "b" }), Fixture.text({ System: "c" })];
    const { items, dismissed } = NarinfoItem.apply(transform, texts.map((text) => NarinfoItem.item(text)));
    expect(items.map(({ value }) => value)).toMatchObject([{ system: "a" }, { system: "c" }]);
    expect(dismissed).toEqual([{
      item: expect.objectContaining({ key: NarinfoItem.KEY, origin: { version: "1", sha256: "" } }),
      outcome: "rejected",
      code: "narinfo/unknown-key",
      reason: expect.stringMatching(/^line 11: unknown key "Foo"\. .*remove the line/),
    }]);
  });

  it.each(parseNarinfo.examples)("has an example that decodes: $title", ({ yaml }) => {
    expect(NarinfoItem.decodeExample(parseNarinfo, yaml)).toMatchObject({ type: parseNarinfo.type, options: {} });
  });
});
