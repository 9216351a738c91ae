import { describe, expect, it } from "@effect/vitest";
import * as NarUrl from "../../src/formats/NarUrl.ts";
import { HASH, NAR_HASH } from "./narinfoFixture.ts";

const HEX = "504dd9a697cdfa0ddc22552ca66b3322afd52beee44642419d0fff83bb9071e2";
const UUID = "d0c36585-67ac-4e1e-8747-3af0cbc09b90";

const nar = (compression: string, query = "", hash = NAR_HASH) => ({ _tag: "NarUrl", hash, compression, query });
const opaque = (path: string, compression: string, query = "") => ({ _tag: "OpaqueUrl", path, compression, query });

describe("NarUrl", () => {
  it.each([
    ["", "none"],
    [".", "none"],
    [".none", "none"],
    [".xz", "xz"],
    [".zst", "zstd"],
    [".bz2", "bzip2"],
    [".lzip", "lzip"],
    [".lz4", "lz4"],
    [".br", "br"],
  ])("takes the compression from the extension %j", (extension, compression) => {
    expect(NarUrl.parse(`nar/${NAR_HASH}.nar${extension}`)).toEqual(nar(compression));
  });

  it.each([
    [`${NAR_HASH}.nar`, nar("none")],
    [`a/b/../${NAR_HASH}.nar.xz`, nar("xz")],
    [`nar/${NAR_HASH}.nar.xz//`, nar("xz")],
    [`nar/${HASH}-${NAR_HASH}.nar.xz`, nar("xz")],
    [`nar/${HASH}_${NAR_HASH}.nar.xz`, nar("xz")],
    [`nar/${HEX}.nar.zst`, nar("zstd", "", HEX)],
    [`nar/${HASH}-${HEX}.nar.zst`, nar("zstd", "", HEX)],
    [`nar/${NAR_HASH}.nar?hash=${HASH}`, nar("none", `hash=${HASH}`)],
    [`nar/${NAR_HASH}.nar.xz?b=1&a=%20`, nar("xz", "a=+&b=1")],
    [`nar/${NAR_HASH}.nar.xz?`, nar("xz")],
  ])("sees the NAR's hash in %s", (url, expected) => expect(NarUrl.parse(url)).toEqual(expected));

  it.each([
    [`nar/${UUID}.nar.zst`, opaque(`nar/${UUID}.nar.zst`, "zstd")],
    [`${UUID}.nar`, opaque(`${UUID}.nar`, "none")],
    [`nar/${HASH}.nar`, opaque(`nar/${HASH}.nar`, "none")],
    [`nar/${HEX.toUpperCase()}.nar.xz/`, opaque(`nar/${HEX.toUpperCase()}.nar.xz/`, "xz")],
    ["nar/snix-castore/CiUSIATh?narsize=7", opaque("nar/snix-castore/CiUSIATh", "none", "narsize=7")],
    ["a/b", opaque("a/b", "none")],
    ["x.nar/..", opaque("x.nar/..", "none")],
  ])("leaves %s to the hash of the NAR", (url, expected) => expect(NarUrl.parse(url)).toEqual(expected));

  it.each(["", "helloworld", "/", "//", "a/", "a/.", ".nar", "nar/.nar.xz", `nar/${NAR_HASH}.narx`, "?a=b"])(
    "refuses the shape of %j",
    (url) => expect(NarUrl.parse(url)).toBe("url-shape"),
  );

  it.each([".gz", ".xz.nar", ".XZ", ".nar"])("refuses the extension %s", (extension) => {
    expect(NarUrl.parse(`nar/${NAR_HASH}.nar${extension}`)).toBe("url-extension");
  });

  it.each([`nar/${NAR_HASH}.nar?a;b`, "nar/snix/x?%zz"])("refuses the query of %s", (url) => {
    expect(NarUrl.parse(url)).toBe("url-query");
  });

  it("decides in ncps' order: shape, extension, query, hash", () => {
    expect(NarUrl.parse("nar/x.narx?a;b")).toBe("url-shape");
    expect(NarUrl.parse("nar/x.nar.gz?a;b")).toBe("url-extension");
    expect(NarUrl.parse("nar/x.nar.xz?a;b")).toBe("url-query");
  });

  it("renders every compression to a URL that parses back", () => {
    for (const compression of ["none", "xz", "zstd", "bzip2", "lzip", "lz4", "br"]) {
      expect(NarUrl.parse(NarUrl.render(NAR_HASH, compression))).toEqual(nar(compression));
    }
  });
});
