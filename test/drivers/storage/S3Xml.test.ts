import { describe, expect, it } from "@effect/vitest";
import { FastCheck } from "effect";
import * as Xml from "../../../src/drivers/storage/S3Xml.ts";

const text = FastCheck.string({
  unit: FastCheck.constantFrom("a", "&", "<", ">", '"', "'", "]]>", "é", "\u{1f600}", " ", ";", "#38"),
});

describe("S3Xml", () => {
  it("what is escaped is read back, markup included", () => {
    FastCheck.assert(FastCheck.property(text, (some) => {
      expect(Xml.textOf(Xml.parse(`<A><K>${Xml.escape(some)}</K></A>`), "K")).toBe(some);
    }));
  });

  it("declarations, comments, CDATA, namespaces, attributes with markup and references are read as XML has them", () => {
    const root = Xml.parse(
      '<?xml version="1.0"?>\n<!-- <x> -->\n<s:Result xmlns:s=\'http://x/">\' a="/>">\n  <Key><![CDATA[a<b&amp;]]>&#x41;&#66;&lt;</Key><Empty a=\'1\'/><Last></Last>\n</s:Result>\n',
    );
    expect(root?.name).toBe("Result");
    expect(Xml.textOf(root, "Key")).toBe("a<b&amp;AB<");
    expect(Xml.textOf(root, "Empty")).toBe("");
    expect(Xml.textOf(root, "Last")).toBe("");
    expect(Xml.textOf(root, "None")).toBeUndefined();
  });

  it("a document that is cut off anywhere, or is HTML, is no document", () => {
    const whole = "<A><B>x</B><C/></A>";
    for (let end = 0; end < whole.length; end++) expect(Xml.parse(whole.slice(0, end))).toBeUndefined();
    expect(Xml.parse(whole)).toBeDefined();
    for (
      const bad of ["<!DOCTYPE html><html></html>", "<a><b></a></b>", "<p>1<br>2</p>", "<a/><b/>", "text", "<a/>text"]
    ) {
      expect(Xml.parse(bad), bad).toBeUndefined();
    }
  });

  it("keys that XML cannot carry are known", () => {
    for (const key of ["a\nb", "a\rb", "\t", "\u0000", "\u0085", "\u2028", "\ud800", "\uffff"]) {
      expect(Xml.carries(key), JSON.stringify(key)).toBe(false);
    }
    expect(Xml.carries("store/narinfo/é \u{1f600}&<>\"'.narinfo")).toBe(true);
  });
});
