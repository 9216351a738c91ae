/** Narinfos for tests: well-formed files as arbitraries, and a fixed one to spoil field by field. */
import { FastCheck } from "effect";
import * as Nix32 from "../../src/formats/Nix32.ts";

export const HASH = "n5wkd9frr45pa74if5gpz9j7mifg27fh";
export const NAR_HASH = "09ymwqf5i9q7d4dm7x4pjjcqqj0qrcp5lnznbh42gfsci5hcbqqm";
export const SIGNATURE = `test-1:${"A".repeat(86)}==`;

export type Field = readonly [key: string, value: string];

/** In the order in which Nix writes them. */
export const fields: ReadonlyArray<Field> = [
  ["StorePath", `/nix/store/${HASH}-hello-2.12.1`],
  ["URL", "nar/1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3.nar.xz"],
  ["Compression", "xz"],
  ["FileHash", "sha256:1w1fff338fvdw53sqgamddn1b2xgds473pv6y13gizdbqjv4i5p3"],
  ["FileSize", "50264"],
  ["NarHash", `sha256:${NAR_HASH}`],
  ["NarSize", "226504"],
  ["References", `g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-glibc-2.37-45 ${HASH}-hello-2.12.1`],
  ["Deriver", "g1w7hy3qg1w7hy3qg1w7hy3qg1w7hy3q-hello-2.12.1.drv"],
  ["Sig", SIGNATURE],
];

export const encode = (text: string): Uint8Array => new TextEncoder().encode(text);

/** The fixed narinfo with fields replaced; undefined removes one, an unknown key is appended. */
export const text = (changes: Readonly<Record<string, string | undefined>> = {}): string => {
  const kept = fields.flatMap(([key, value]): ReadonlyArray<Field> => {
    const changed = key in changes ? changes[key] : value;
    return changed === undefined ? [] : [[key, changed]];
  });
  const added = Object.entries(changes).flatMap(([key, value]): ReadonlyArray<Field> =>
    value === undefined || fields.some(([known]) => known === key) ? [] : [[key, value]]
  );
  return [...kept, ...added].map(([key, value]) => `${key}: ${value}\n`).join("");
};

const bytes = (length: number) => FastCheck.uint8Array({ minLength: length, maxLength: length });

export const nix32 = (byteLength: number) => bytes(byteLength).map(Nix32.encode);

const digestLengths = { md5: 16, sha1: 20, sha256: 32, sha512: 64 } as const;

/** One hash in each of its encodings; hex in both cases. */
export const hashSpellings = FastCheck.constantFrom(
  "md5" as const,
  "sha1" as const,
  "sha256" as const,
  "sha512" as const,
).chain((algorithm) =>
  bytes(digestLengths[algorithm]).map((digest) => {
    const buffer = Buffer.from(digest);
    return [
      `${algorithm}:${Nix32.encode(digest)}`,
      `${algorithm}:${buffer.toString("hex")}`,
      `${algorithm}:${buffer.toString("hex").toUpperCase()}`,
      `${algorithm}:${buffer.toString("base64")}`,
      `${algorithm}-${buffer.toString("base64")}`,
    ];
  })
);

const hash = hashSpellings.chain((spellings) => FastCheck.constantFrom(...spellings));

const name = FastCheck.stringMatching(/^[0-9a-zA-Z+_?=-][0-9a-zA-Z+._?=-]{0,30}$/);

const baseName = FastCheck.tuple(nix32(20), name).map(([prefix, rest]) => `${prefix}-${rest}`);

const signature = FastCheck.tuple(FastCheck.stringMatching(/^[^:\s\0]{1,20}$/u), bytes(64))
  .map(([key, data]) => `${key}:${Buffer.from(data).toString("base64")}`);

const size = FastCheck.bigInt({ min: 1n, max: 2n ** 63n - 1n }).map(String);

const narUrl = FastCheck.tuple(
  FastCheck.constantFrom("nar/", "", "a/b/"),
  FastCheck.constantFrom("", `${HASH}-`, `${HASH}_`),
  nix32(32),
  FastCheck.constantFrom("", ".xz", ".zst", ".bz2", ".br", ".lz4", ".lzip", ".none"),
  FastCheck.constantFrom("", "?", "?hash=abc", "?b=1&a=%20&b=2"),
).map((parts) => parts.join(""));

const opaqueUrl = FastCheck.tuple(FastCheck.uuid(), FastCheck.constantFrom(".nar.zst", ".nar", "", "?narsize=7"))
  .map(([id, suffix]) => `nar/${id}${suffix}`);

/** A well-formed file: required fields, any of the optional ones, in any order. */
export const narinfo: FastCheck.Arbitrary<{ readonly hash: string; readonly text: string }> = FastCheck.record({
  storePath: baseName,
  url: FastCheck.oneof(narUrl, opaqueUrl),
  compression: FastCheck.option(FastCheck.constantFrom("none", "xz", "zstd", "bzip2", "")),
  fileHash: FastCheck.option(hash),
  fileSize: FastCheck.option(FastCheck.oneof(size, FastCheck.constant("0"))),
  narHash: nix32(32),
  narSize: size,
  references: FastCheck.option(FastCheck.array(baseName, { maxLength: 6 })),
  deriver: FastCheck.option(FastCheck.oneof(baseName, FastCheck.constant("unknown-deriver"))),
  system: FastCheck.option(FastCheck.constantFrom("x86_64-linux", "")),
  ca: FastCheck.option(hash.filter((spelling) => spelling.includes(":")).map((spelling) => `fixed:r:${spelling}`)),
  signatures: FastCheck.array(signature, { maxLength: 3 }),
  order: FastCheck.array(FastCheck.nat(), { minLength: 14, maxLength: 14 }),
  eol: FastCheck.constantFrom("\n", "\r\n", "\n\n"),
  last: FastCheck.boolean(),
}).map((file) => {
  const lines: Array<string> = [];
  const add = (key: string, value: string | null) => {
    if (value !== null) lines.push(`${key}: ${value}`);
  };
  add("StorePath", `/nix/store/${file.storePath}`);
  add("URL", file.url);
  add("Compression", file.compression);
  add("FileHash", file.fileHash);
  add("FileSize", file.fileSize);
  add("NarHash", `sha256:${file.narHash}`);
  add("NarSize", file.narSize);
  add("References", file.references === null ? null : file.references.join(" "));
  add("Deriver", file.deriver);
  add("System", file.system);
  add("CA", file.ca);
  for (const each of file.signatures) add("Sig", each);
  const shuffled = lines
    .map((line, i) => ({ line, rank: file.order[i] ?? 0 }))
    .toSorted((a, b) => a.rank - b.rank)
    .map(({ line }) => line)
    .join(file.eol);
  return { hash: file.storePath.slice(0, 32), text: file.last ? shuffled + file.eol : shuffled };
});
