/** Valid narinfos by number, made when asked for: as many as a test or benchmark wants, without holding any. */
import { hash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import * as Nix32 from "../../src/formats/Nix32.ts";

export interface ValidNarinfo {
  readonly hash: string;
  /** Below the root of a cache. */
  readonly key: string;
  readonly text: string;
  readonly storePath: string;
  readonly url: string;
  readonly narHash: string;
  readonly narSize: number;
  readonly fileHash: string;
  readonly fileSize: number;
  readonly deriver: string;
  /** Sorted, unique. */
  readonly references: ReadonlyArray<string>;
  readonly signature: string;
  readonly nar: string;
}

const digest = (text: string): Buffer => hash("sha256", text, "buffer");
const hashOf = (number: number): string => Nix32.encode(digest(`path ${number}`).subarray(0, 20));
const nameOf = (number: number): string => `package-${number % 997}-${number % 13}.${number % 7}`;

/** References per narinfo, drawn in turn: 4.4 on average, as measured on cache.nixos.org. */
const referenceCounts = [0, 1, 2, 3, 4, 4, 5, 6, 8, 11];

/** The narinfo with this number in a cache of `total`; references stay within the cache. */
export const at = (number: number, total: number): ValidNarinfo => {
  const storeHash = hashOf(number);
  const name = nameOf(number);
  const nar = Nix32.encode(digest(`file ${number}`));
  const narHash = `sha256:${Nix32.encode(digest(`nar ${number}`))}`;
  const count = referenceCounts[number % referenceCounts.length]!;
  const referred = new Set<number>();
  for (let step = 0; step < count; step++) referred.add((number + step * step * 31) % total);
  const references = [...referred].map((other) => `${hashOf(other)}-${nameOf(other)}`).sort();
  const signature = `cache.example.org-1:${
    Buffer.concat([digest(`s1 ${number}`), digest(`s2 ${number}`)]).toString("base64")
  }`;
  const fields = {
    storePath: `/nix/store/${storeHash}-${name}`,
    url: `nar/${nar}.nar.xz`,
    fileHash: `sha256:${nar}`,
    fileSize: 1000 + number,
    narHash,
    narSize: 4000 + number * 3,
    deriver: `${hashOf(number + total)}-${name}.drv`,
    references,
    signature,
    nar,
  };
  const text = [
    `StorePath: ${fields.storePath}`,
    `URL: ${fields.url}`,
    "Compression: xz",
    `FileHash: ${fields.fileHash}`,
    `FileSize: ${fields.fileSize}`,
    `NarHash: ${fields.narHash}`,
    `NarSize: ${fields.narSize}`,
    `References: ${references.join(" ")}`,
    `Deriver: ${fields.deriver}`,
    `Sig: ${signature}`,
    "",
  ].join("\n");
  return {
    hash: storeHash,
    key: `store/narinfo/${storeHash[0]}/${storeHash.slice(0, 2)}/${storeHash}.narinfo`,
    text,
    ...fields,
  };
};

/** Writes narinfos `from`…`to` (exclusive) of a cache of `total` below `root`. */
export const write = (root: string, from: number, to: number, total: number): void => {
  const made = new Set<string>();
  for (let number = from; number < to; number++) {
    const { key, text } = at(number, total);
    const path = join(root, key);
    const folder = dirname(path);
    if (!made.has(folder)) {
      mkdirSync(folder, { recursive: true });
      made.add(folder);
    }
    writeFileSync(path, text);
  }
};
