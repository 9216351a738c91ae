import { describe, expect, it } from "@effect/vitest";
import { Either, FastCheck } from "effect";
import * as Narinfo from "../../src/formats/Narinfo.ts";
import * as Fixture from "./narinfoFixture.ts";

const accept = (text: string): Narinfo.Narinfo => Either.getOrThrow(Narinfo.parse(Fixture.encode(text)));

const codeOf = (input: string | Uint8Array): string => {
  const result = Narinfo.parse(typeof input === "string" ? Fixture.encode(input) : input);
  return Either.isLeft(result) ? result.left.code : "accepted";
};

describe("Narinfo", () => {
  it("reads every field", () => {
    const ca = `fixed:r:sha256:${Fixture.NAR_HASH}`;
    expect(accept(Fixture.text({ System: "x86_64-linux", CA: ca }))).toEqual({
      storePath: `/nix/store/${Fixture.HASH}-hello-2.12.1`,
      url: "nar/1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3.nar.xz",
      compression: "xz",
      fileHash: "sha256:1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3",
      fileSize: 50264n,
      narHash: `sha256:${Fixture.NAR_HASH}`,
      narSize: 226504n,
      references: ["g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-glibc-2.37-45", `${Fixture.HASH}-hello-2.12.1`],
      deriver: "g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-hello-2.12.1.drv",
      system: "x86_64-linux",
      signatures: [Fixture.SIGNATURE],
      ca,
    });
  });

  it("makes null of what is empty, missing, zero or unknown, and bzip2 of no compression", () => {
    const none = { Compression: "", FileHash: undefined, FileSize: "0", References: "", Sig: undefined };
    for (const deriver of ["", "unknown-deriver", undefined]) {
      expect(accept(Fixture.text({ ...none, Deriver: deriver, System: "", CA: "" }))).toMatchObject({
        compression: "bzip2",
        fileHash: null,
        fileSize: null,
        references: [],
        deriver: null,
        system: null,
        signatures: [],
        ca: null,
      });
    }
    expect(accept(Fixture.text({ Compression: undefined, References: undefined })).compression).toBe("bzip2");
  });

  it("waives the line rules of Nix: CRLF, blank lines, no final newline, any order", () => {
    const text = Fixture.text();
    const expected = accept(text);
    const reversed = text.trimEnd().split("\n").toReversed().join("\n");
    for (
      const variant of [
        text.replaceAll("\n", "\r\n"),
        `\n\r\n${text.replaceAll("\n", "\n\n")}`,
        text.trimEnd(),
        reversed,
      ]
    ) {
      expect(accept(variant)).toEqual(expected);
    }
  });

  it("lets the last of two scalars win and appends a second list, as go-nix does", () => {
    const a = `a${"0".repeat(31)}-a`;
    const b = `b${"0".repeat(31)}-b`;
    const text = `${
      Fixture.text({ References: b, Deriver: b })
    }References: ${a} ${b}\nNarSize: 7\nDeriver: unknown-deriver\n`;
    expect(accept(text)).toMatchObject({ references: [a, b], narSize: 7n, deriver: b });
  });

  it("stores values as go-nix would: hex in lower case, unused bits of base64 zeroed", () => {
    const hex = "ED34DC8F36047D686DC296B7B2E3F4278488BE5B6A94A6F7A3DC929FE0E52481";
    const sig = `k:${"A".repeat(85)}B==`;
    expect(accept(Fixture.text({ FileHash: `sha256:${hex}`, Sig: sig }))).toMatchObject({
      fileHash: `sha256:${hex.toLowerCase()}`,
      signatures: [`k:${"A".repeat(86)}==`],
    });
  });

  it("reads a signature whose line ends in CRCRLF, as go-nix and Nix do, but none with a return in its digits", () => {
    const digits = "A".repeat(86);
    for (const padding of ["==\r", "==\r\r", "=\r=", "=\r\r=\r"]) {
      expect(accept(Fixture.text({ Sig: `k:${digits}${padding}\r` })))
        .toMatchObject({ signatures: [`k:${digits}==`] });
    }
    expect(codeOf(Fixture.text({ Sig: `k:A\r${digits.slice(1)}==` }))).toBe("narinfo/signature");
  });

  it("orders signatures by bytes, not by UTF-16, and drops repeated ones", () => {
    const data = `${"A".repeat(86)}==`;
    const [first, second, third] = [`a:${data}`, `\uFFEE:${data}`, `\u{1F600}:${data}`];
    const text = `${Fixture.text({ Sig: third })}Sig: ${second}\nSig: ${first}\nSig: ${third}\n`;
    expect(accept(text).signatures).toEqual([first, second, third]);
  });

  it("keeps sizes exact up to the last int64", () => {
    for (const size of [2n ** 53n + 1n, 2n ** 63n - 1n]) {
      expect(accept(Fixture.text({ NarSize: `000${size}` })).narSize).toBe(size);
    }
  });

  it("accepts a replacement character that the file spells out", () => {
    expect(accept(Fixture.text({ System: "\uFFFD" })).system).toBe("\uFFFD");
  });

  it.each([
    ["narinfo/separator", "a truncated line", Fixture.text().slice(0, 7)],
    ["narinfo/separator", "a value cut off its key", `${Fixture.text()}References:\n`],
    ["narinfo/separator", "a second separator", `${Fixture.text()}System: a: b\n`],
    ["narinfo/unknown-key", "an unknown key", `${Fixture.text()}Foo: bar\n`],
    ["narinfo/unknown-key", "a key in lower case", `${Fixture.text()}system: x\n`],
    ["narinfo/unknown-key", "a byte order mark", `\uFEFF${Fixture.text()}`],
    ["narinfo/missing-field", "nothing", ""],
    ["narinfo/missing-field", "no StorePath", Fixture.text({ StorePath: undefined })],
    ["narinfo/missing-field", "an empty StorePath", Fixture.text({ StorePath: "" })],
    ["narinfo/missing-field", "no URL", Fixture.text({ URL: undefined })],
    ["narinfo/missing-field", "an empty URL", Fixture.text({ URL: "" })],
    ["narinfo/missing-field", "no NarHash", Fixture.text({ NarHash: undefined })],
    ["narinfo/missing-field", "no NarSize", Fixture.text({ NarSize: undefined })],
    ["narinfo/hash-syntax", "an empty FileHash", Fixture.text({ FileHash: "" })],
    ["narinfo/hash-syntax", "a bare NarHash", Fixture.text({ NarHash: Fixture.NAR_HASH })],
    ["narinfo/size-syntax", "an empty size", Fixture.text({ FileSize: "" })],
    ["narinfo/size-syntax", "a sign that Nix would take", Fixture.text({ NarSize: "+5" })],
    ["narinfo/size-syntax", "a negative size", Fixture.text({ NarSize: "-5" })],
    ["narinfo/size-syntax", "a size with an exponent", Fixture.text({ NarSize: "1e3" })],
    ["narinfo/size-range", "2^63", Fixture.text({ NarSize: "9223372036854775808" })],
    ["narinfo/size-range", "2^64", Fixture.text({ FileSize: "18446744073709551616" })],
    ["narinfo/signature", "a signature without name", Fixture.text({ Sig: Fixture.SIGNATURE.slice("test-1".length) })],
    ["narinfo/signature", "a signature of 63 bytes", Fixture.text({ Sig: `k:${"A".repeat(84)}` })],
    ["narinfo/signature", "a signature without padding", Fixture.text({ Sig: `k:${"A".repeat(86)}` })],
    ["narinfo/empty-reference", "two spaces between references", Fixture.text({ References: "a  b" })],
    ["narinfo/empty-reference", "a space after the references", Fixture.text({ References: "a " })],
    ["narinfo/empty-reference", "a space for references", Fixture.text({ References: " " })],
    ["narinfo/second-ca", "a second CA", `${Fixture.text({ CA: "text:x" })}CA: text:x\n`],
    ["narinfo/nul", "a NUL byte", `${Fixture.text()}\0`],
  ])("rejects as %s %s", (code, _, text) => expect(codeOf(text)).toBe(code));

  it.each([[0xff], [0xc3], [0xed, 0xa0, 0x80], [0xc0, 0x80], [0xef, 0xbf, 0xbd, 0xff]])(
    "rejects the bytes %s %s %s %s, which are not UTF-8",
    (...bytes) => {
      const file = Buffer.concat([Fixture.encode(`${Fixture.text()}System: `), Uint8Array.from(bytes)]);
      expect(codeOf(file)).toBe("narinfo/encoding");
    },
  );

  it("rejects the line that go-nix' scanner cannot hold, and not one byte earlier", () => {
    const limit = 1_048_576;
    const line = (length: number) => `System: ${"x".repeat(length - "System: ".length)}`;
    for (const eol of ["", "\n"]) {
      expect(codeOf(Fixture.text() + line(limit - 1) + eol)).toBe("accepted");
      expect(codeOf(Fixture.text() + line(limit) + eol)).toBe("narinfo/too-long");
    }
    expect(codeOf(`${Fixture.text()}${line(limit - 2)}\r\n`)).toBe("accepted");
    expect(codeOf(`${Fixture.text()}${line(limit - 1)}\r\n`)).toBe("narinfo/too-long");
    expect(codeOf(Fixture.text() + line(limit / 2).replaceAll("x", "é"))).toBe("accepted");
    expect(codeOf(Fixture.text() + line(limit / 2 + 8).replaceAll("x", "é"))).toBe("narinfo/too-long");
  });

  it("names line, key and a shortened value, and what to do", () => {
    const result = Narinfo.parse(Fixture.encode(Fixture.text({ FileHash: "x".repeat(500) })));
    expect(Either.flip(result).pipe(Either.getOrThrow)).toEqual({
      code: "narinfo/hash-syntax",
      reason: `line 4: FileHash: "${"x".repeat(79)}…" is no hash`,
      remedy: expect.any(String),
    });
  });

  it("renders what go-nix prints: file fields only together, a space after no references", () => {
    expect(Narinfo.render(accept(Fixture.text()))).toBe(Fixture.text());
    expect(Narinfo.render(accept(Fixture.text({ FileHash: undefined, References: undefined }))))
      .toBe(Fixture.text({ FileHash: undefined, FileSize: undefined, References: "" }));
  });

  it("parses back what it renders", () => {
    FastCheck.assert(
      FastCheck.property(Fixture.narinfo, ({ text }) => {
        const narinfo = accept(text);
        const hasFile = narinfo.fileHash !== null && narinfo.fileSize !== null;
        expect(accept(Narinfo.render(narinfo))).toEqual(
          hasFile ? narinfo : { ...narinfo, fileHash: null, fileSize: null },
        );
      }),
      { numRuns: 500 },
    );
  });

  it("does not choke on 200 KB of references in one line, in the worst order", () => {
    const references = Array.from({ length: 4_000 }, (_, i) => `${String(i).padStart(32, "0")}-glibc-2.37-45`);
    const shuffled = references.toReversed().join(" ");
    expect(accept(Fixture.text({ References: shuffled })).references).toEqual(references);
  });
});
