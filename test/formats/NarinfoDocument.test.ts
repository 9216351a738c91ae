import { describe, expect, it } from "@effect/vitest";
import { Either } from "effect";
import * as Narinfo from "../../src/formats/Narinfo.ts";
import * as NarinfoDocument from "../../src/formats/NarinfoDocument.ts";
import * as Fixture from "./narinfoFixture.ts";

const make = (changes: Parameters<typeof Fixture.text>[0] = {}, hash = Fixture.HASH) =>
  Narinfo.parse(Fixture.encode(Fixture.text(changes))).pipe(
    Either.flatMap((narinfo) => NarinfoDocument.make(narinfo, hash)),
  );

const accept = (changes: Parameters<typeof Fixture.text>[0] = {}) => Either.getOrThrow(make(changes));

const codeOf = (changes: Parameters<typeof Fixture.text>[0], hash?: string): string =>
  Either.match(make(changes, hash), { onLeft: ({ code }) => code, onRight: () => "accepted" });

const UUID_URL = "nar/d0c36585-67ac-4e1e-8747-3af0cbc09b90.nar.zst";

describe("NarinfoDocument", () => {
  it("adds the hash and the NAR file, and keeps the URL verbatim", () => {
    const url = `x/${Fixture.HASH}-${Fixture.NAR_HASH}.nar.xz?b=1&a=%20`;
    expect(accept({ URL: url })).toMatchObject({
      hash: Fixture.HASH,
      url,
      upstreamUrl: null,
      nar: { hash: Fixture.NAR_HASH, compression: "xz", query: "a=+&b=1", fileSize: 50264n },
    });
  });

  it("has the paths that it says it has, and no other", () => {
    const leaves = Object.entries(accept()).flatMap(([key, value]) =>
      key === "nar" ? Object.keys(value as object).map((each) => `nar.${each}`) : [key]
    );
    expect(leaves.toSorted()).toEqual(NarinfoDocument.paths.toSorted());
  });

  it("takes NarSize for the size of the file where FileSize is zero or missing", () => {
    for (const FileSize of ["0", undefined]) {
      expect(accept({ FileSize })).toMatchObject({ fileSize: null, nar: { fileSize: 226504n } });
    }
  });

  it("keeps the file fields of an uncompressed NAR whose URL names its hash, as ncps' migration does", () => {
    expect(accept({ Compression: "none", URL: `nar/${Fixture.NAR_HASH}.nar` })).toMatchObject({
      fileHash: expect.any(String),
      fileSize: 50264n,
      nar: { compression: "none", fileSize: 50264n },
    });
  });

  it("lets the header and the extension disagree", () => {
    expect(accept({ Compression: "gzip", URL: `nar/${Fixture.NAR_HASH}.nar.zst` }))
      .toMatchObject({ compression: "gzip", nar: { compression: "zstd" } });
  });

  describe("an opaque URL", () => {
    it("is served under the hash of the NAR and remembered as upstream's", () => {
      expect(accept({ URL: UUID_URL, Compression: "zstd" })).toMatchObject({
        url: `nar/${Fixture.NAR_HASH}.nar.zst`,
        upstreamUrl: UUID_URL,
        compression: "zstd",
        fileSize: 50264n,
        nar: { hash: Fixture.NAR_HASH, compression: "zstd", query: "", fileSize: 50264n },
      });
    });

    it("without .nar keeps the header's compression and moves its query upstream", () => {
      expect(accept({ URL: "nar/snix-castore/CiUSIA?narsize=7&a=b", Compression: "zstd" })).toMatchObject({
        url: `nar/${Fixture.NAR_HASH}.nar`,
        upstreamUrl: "nar/snix-castore/CiUSIA?a=b&narsize=7",
        compression: "zstd",
        nar: { compression: "none", query: "" },
      });
    });

    it("of an uncompressed NAR loses extension and file fields, as in ncps' pull path", () => {
      expect(accept({ URL: UUID_URL, Compression: "none" })).toMatchObject({
        url: `nar/${Fixture.NAR_HASH}.nar`,
        upstreamUrl: UUID_URL,
        fileHash: null,
        fileSize: null,
        nar: { hash: Fixture.NAR_HASH, compression: "none", query: "", fileSize: 226504n },
      });
    });

    it("is keyed by nix32 whatever the encoding of NarHash, which stays as it is", () => {
      const narHash = `sha256:${"0".repeat(64)}`;
      expect(accept({ URL: UUID_URL, NarHash: narHash })).toMatchObject({ narHash, nar: { hash: "0".repeat(52) } });
    });

    it("is rejected where NarHash is not SHA-256", () => {
      expect(codeOf({ URL: UUID_URL, NarHash: `sha1:${"0".repeat(40)}` })).toBe("narinfo/opaque-url");
    });
  });

  it.each([
    ["narinfo/store-path", { StorePath: `/gnu/store/${Fixture.HASH}-hello` }],
    ["narinfo/store-path", { StorePath: `${Fixture.HASH}-hello` }],
    ["narinfo/store-path", { StorePath: `/nix/store/${Fixture.HASH}-` }],
    ["narinfo/reference", { References: "ref0-0123456789abcdfghijklmnpqrsvwxyz" }],
    ["narinfo/reference", { References: `/nix/store/${Fixture.HASH}-hello` }],
    ["narinfo/deriver", { Deriver: `${Fixture.HASH}-` }],
    ["narinfo/compression", { Compression: "XZ" }],
    ["narinfo/ca", { CA: "fixed:r:sha256:x" }],
    ["narinfo/nar-size-zero", { NarSize: "0" }],
    ["narinfo/url-shape", { URL: "helloworld" }],
    ["narinfo/url-extension", { URL: `nar/${Fixture.NAR_HASH}.nar.gz` }],
    ["narinfo/url-query", { URL: `nar/${Fixture.NAR_HASH}.nar?a;b` }],
  ])("rejects as %s %j", (code, changes) => expect(codeOf(changes)).toBe(code));

  it.each("none bzip2 gzip xz zstd br lz4 lzip lzma compress grzip lrzip lzop".split(" "))(
    "accepts the compression %s, which Nix knows",
    (Compression) => expect(codeOf({ Compression })).toBe("accepted"),
  );

  it("rejects a file that describes another path than its name says", () => {
    expect(codeOf({}, "g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q")).toBe("narinfo/hash-mismatch");
  });
});
