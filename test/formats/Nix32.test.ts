import { describe, expect, it } from "@effect/vitest";
import { FastCheck } from "effect";
import { createHash } from "node:crypto";
import * as Nix32 from "../../src/formats/Nix32.ts";

describe("Nix32", () => {
  it("encodes as Nix does: the hash of nothing is known to everyone", () => {
    expect(Nix32.encode(createHash("sha256").update("").digest()))
      .toBe("0mdqa9w1p6cmli6976v4wi0sw9r4p5prkj7lzfd1877wk11c9c73");
  });

  it("gives back every byte", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.uint8Array({ maxLength: 70 }), (bytes) => {
        const text = Nix32.encode(bytes);
        expect(text).toHaveLength(Nix32.encodedLength(bytes.length));
        expect(Nix32.decode(text)).toEqual(bytes);
        expect(Nix32.isEncoded(text, 0, bytes.length)).toBe(true);
      }),
    );
  });

  it.each(["e", "o", "t", "u", "A", "-", "é", " "])("refuses %j, which no digit looks like", (character) => {
    const text = `0000000${character}`;
    expect(Nix32.decode(text)).toBeUndefined();
    expect(Nix32.isAlphabetic(text, 0, text.length)).toBe(false);
  });

  it("refuses a padding bit, or two texts would decode to the same bytes", () => {
    const text = `z${"0".repeat(51)}`;
    expect(Nix32.decode(text)).toBeUndefined();
    expect(Nix32.isEncoded(text, 0, 32)).toBe(false);
  });

  it("agrees with itself on what is an encoding", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.stringMatching(/^[0-9a-z]{0,60}$/), FastCheck.nat(40), (text, length) => {
        const decoded = Nix32.decode(text);
        const canonical = decoded !== undefined && decoded.length === length && Nix32.encode(decoded) === text;
        expect(Nix32.isEncoded(text, 0, length)).toBe(canonical);
      }),
    );
  });
});
