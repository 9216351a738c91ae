import { describe, expect, it } from "@effect/vitest";
import type { Sifted } from "../../src/core/Item.ts";
import { parseNarinfo } from "../../src/transforms/parseNarinfo.ts";
import { validateNarinfo } from "../../src/transforms/validateNarinfo.ts";
import * as Fixture from "../formats/narinfoFixture.ts";
import * as NarinfoItem from "./narinfoItem.ts";

const run = (text: string, key = NarinfoItem.KEY, opaqueUrls: "rescue" | "reject" = "rescue"): Sifted => {
  const parsed = NarinfoItem.apply(parseNarinfo.make({}), [NarinfoItem.item(text, key)]);
  return NarinfoItem.apply(validateNarinfo.make({ opaqueUrls }), parsed.items);
};

const codes = ({ dismissed }: Sifted) => dismissed.map(({ code, outcome }) => `${outcome} ${code}`);

const opaque = Fixture.text({ URL: "nar/d0c36585-67ac-4e1e-8747-3af0cbc09b90.nar.xz" });

describe("validate-narinfo", () => {
  it("makes the document that the mapping's paths name", () => {
    const { items, dismissed } = run(Fixture.text());
    expect(dismissed).toEqual([]);
    expect(items).toMatchObject([{
      key: NarinfoItem.KEY,
      value: { hash: Fixture.HASH, nar: { compression: "xz", fileSize: 50264n } },
    }]);
  });

  it("rejects a file under another name, in another folder, or with another suffix", () => {
    const other = "g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q";
    expect(codes(run(Fixture.text(), `store/narinfo/g/g1/${other}.narinfo`))).toEqual([
      "rejected narinfo/hash-mismatch",
    ]);
    expect(codes(run(Fixture.text(), `store/narinfo/${Fixture.HASH}.narinfo`))).toEqual([
      "rejected narinfo/shard-path",
    ]);
    expect(codes(run(Fixture.text(), "store/narinfo/n/n5/nix-cache-info"))).toEqual(["rejected narinfo/file-name"]);
  });

  it("says which field is wrong, its value and the remedy", () => {
    expect(run(Fixture.text({ References: "ref0-x" })).dismissed).toMatchObject([{
      outcome: "rejected",
      code: "narinfo/reference",
      reason: expect.stringMatching(/^References: "ref0-x" is too short\. .*base names/),
    }]);
  });

  it("rescues an opaque URL, or rejects it where its path could not be kept", () => {
    expect(run(opaque).items).toMatchObject([{
      value: {
        url: `nar/${Fixture.NAR_HASH}.nar.xz`,
        upstreamUrl: "nar/d0c36585-67ac-4e1e-8747-3af0cbc09b90.nar.xz",
      },
    }]);
    expect(codes(run(opaque, NarinfoItem.KEY, "reject"))).toEqual(["rejected narinfo/opaque-url"]);
    expect(codes(run(Fixture.text(), NarinfoItem.KEY, "reject"))).toEqual([]);
  });

  it.each(validateNarinfo.examples)("has an example that decodes: $title", ({ yaml }) => {
    const { type, settings, options } = NarinfoItem.decodeExample(validateNarinfo, yaml);
    expect({ type, options }).toEqual({ type: validateNarinfo.type, options: { opaqueUrls: "rescue", ...settings } });
  });
});
