import { describe, expect, it } from "@effect/vitest";
import { FastCheck } from "effect";
import * as NixHash from "../../src/formats/NixHash.ts";
import * as Fixture from "./narinfoFixture.ts";

const NIX32 = "sha256:1rjs6c23nyf8zkmf7yxglz2q2m7v5kp51nc2m0lk4h998d0qiixs";
const HEX = "sha256:bac788414329413229a882d950ee2cfb5481c5a7affbe3eafcc8793b04335ae6";
const BASE64 = "useIQUMpQTIpqILZUO4s+1SBxaev++Pq/Mh5OwQzWuY=";

describe("NixHash", () => {
  it("knows one hash in all its encodings", () => {
    for (const spelling of [HEX, `sha256:${BASE64}`, `sha256-${BASE64}`, HEX.toUpperCase().replace("SHA", "sha")]) {
      expect(NixHash.canonical(spelling)).toBe(NIX32);
      expect(NixHash.equal(NIX32, spelling)).toBe(true);
    }
  });

  it("knows the 512-bit hash of go-nix' own test", () => {
    const nix32 =
      "37iwwa5iw4m6pkd6qs2c5lw13q7y16hw2rv4i1cx6jax6yibhn6fgajbwc8p4j1fc6iicpy5r1vi7hpfq3n6z1ikhm5kcyz2b1frk80";
    const hex = "00cdecc212dfb3592a9c317c630776179eb8432efeb2180d7341928b185f523d"
      + "672c5cd19baea4e92c44b2b3e0d0047ff0089c162634366d5e53098f45711ecf";
    expect(NixHash.canonical(`sha512:${hex}`)).toBe(`sha512:${nix32}`);
  });

  it("knows that the two spellings of FileHash in go-nix' own narinfos are one", () => {
    const nix32 = "sha256:1094wph9z4nwlgvsd53abfz8i117ykiv5dwnq9nnhz846s7xqd7d";
    const hex = "sha256:ed34dc8f36047d686dc296b7b2e3f4278488be5b6a94a6f7a3dc929fe0e52481";
    expect(NixHash.equal(nix32, hex)).toBe(true);
  });

  it("is equal across encodings, and only then", () => {
    FastCheck.assert(
      FastCheck.property(Fixture.hashSpellings, Fixture.hashSpellings, (one, other) => {
        for (const spelling of one) {
          expect(NixHash.equal(spelling, one[0]!)).toBe(true);
          expect(NixHash.equal(spelling, other[0]!)).toBe(one[0] === other[0]);
        }
      }),
    );
  });

  it("keeps the encoding of what is stored, as ncps does", () => {
    FastCheck.assert(
      FastCheck.property(Fixture.hashSpellings, ([nix32, hex, upperHex, base64, sri]) => {
        expect(NixHash.stored(nix32!)).toBe(nix32);
        expect(NixHash.stored(hex!)).toBe(hex);
        expect(NixHash.stored(upperHex!)).toBe(hex);
        expect(NixHash.stored(base64!)).toBe(base64);
        expect(NixHash.stored(sri!)).toBe(sri);
      }),
    );
  });

  it("zeroes the unused bits of base64, which go-nix prints anew", () => {
    expect(NixHash.stored(`sha256:${BASE64.replace("Y=", "b=")}`)).toBe(`sha256:${BASE64}`);
  });

  it.each([
    ["no algorithm", HEX.slice("sha256:".length)],
    ["an empty algorithm", `:${BASE64}`],
    ["an algorithm that go-nix does not know", HEX.replace("sha256", "blake3")],
    ["an algorithm in capitals", HEX.replace("sha256", "SHA256")],
    ["a digit outside nix32", NIX32.replace("nyf", "tyf")],
    ["a padding bit of nix32", NIX32.replace(":1", ":z")],
    ["a digit outside hex", HEX.replace("ba", "bg")],
    ["the length of another algorithm", HEX.replace("sha256", "sha512")],
    ["a digest cut short", HEX.slice(0, -1)],
    ["base64 without padding", `sha256:${BASE64.slice(0, -1)}`],
    ["base64 of 33 bytes in the length of 32", `sha256:${BASE64.replace("=", "A")}`],
    ["base64 with a carriage return that Go would skip", `sha256:${BASE64.slice(0, 40)}\r${BASE64.slice(41)}`],
    ["SRI of hex", HEX.replace(":", "-")],
    ["nothing", ""],
    ["no digest", "sha256:"],
  ])("refuses %s", (_, text) => {
    expect(NixHash.stored(text)).toBeUndefined();
    expect(NixHash.canonical(text)).toBeUndefined();
  });

  it("compares what is no hash as text, so that the comparator is total", () => {
    expect(NixHash.equal("", "")).toBe(true);
    expect(NixHash.equal("x", "y")).toBe(false);
    expect(NixHash.equal(NIX32, "")).toBe(false);
  });
});
