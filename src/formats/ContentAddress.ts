/**
 * Content addresses: `text:<algo>:<digest>` or `fixed:[r:|git:]<algo>:<digest>`.
 * Source: Nix, `src/libstore/content-address.cc`. What Nix keeps behind an experimental feature (git, BLAKE3) is
 * well formed all the same: whether a client enables it is not for a migration to decide.
 */
import * as NixHash from "./NixHash.ts";

/** Digest length in bytes by algorithm. */
const algorithms: ReadonlyMap<string, number> = new Map([
  ["md5", 16],
  ["sha1", 20],
  ["sha256", 32],
  ["sha512", 64],
  ["blake3", 32],
]);

const algorithmStart = (text: string): number => {
  if (text.startsWith("text:")) return 5;
  if (!text.startsWith("fixed:")) return -1;
  if (text.startsWith("r:", 6)) return 8;
  return text.startsWith("git:", 6) ? 10 : 6;
};

export const isValid = (text: string): boolean => {
  const start = algorithmStart(text);
  const colon = text.indexOf(":", start);
  if (start === -1 || colon === -1) return false;
  const bytes = algorithms.get(text.slice(start, colon));
  return bytes !== undefined && NixHash.isDigest(text, colon + 1, bytes);
};
