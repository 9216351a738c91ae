/**
 * Hashes as narinfos print them: `algo:` with hex, nix32 or base64 told apart by length, or SRI `algo-base64`.
 * The rules are go-nix's `nixhash.ParseAny` plus the one check that Nix adds: the digest has the algorithm's length.
 */
import * as Base64 from "./Base64.ts";
import * as Nix32 from "./Nix32.ts";

type Encoding = "base16" | "nix32" | "base64" | "sri";

/** Digest length in bytes, or 0 for an algorithm that go-nix does not know. */
const digestLength = (algorithm: string): number => {
  switch (algorithm) {
    case "sha256":
      return 32;
    case "sha512":
      return 64;
    case "sha1":
      return 20;
    case "md5":
      return 16;
    default:
      return 0;
  }
};

/** Where the algorithm's name ends; at most 0 when there is none. `:` wins over the `-` of SRI. */
const separator = (text: string): number => {
  const colon = text.indexOf(":");
  return colon > 0 ? colon : text.indexOf("-");
};

/** 0: not hexadecimal; 1: lower case; 2: has upper-case digits. */
const hexKind = (text: string, start: number): 0 | 1 | 2 => {
  let kind: 1 | 2 = 1;
  for (let i = start; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if ((code >= 48 && code <= 57) || (code >= 97 && code <= 102)) continue;
    if (code < 65 || code > 70) return 0;
    kind = 2;
  }
  return kind;
};

const encodingOf = (text: string, start: number, bytes: number): Encoding | undefined => {
  const length = text.length - start;
  if (length === Base64.encodedLength(bytes)) return text.charCodeAt(start - 1) === 45 ? "sri" : "base64";
  if (text.charCodeAt(start - 1) === 45) return undefined;
  return length === Nix32.encodedLength(bytes) ? "nix32" : length === bytes * 2 ? "base16" : undefined;
};

/**
 * Whether the digest of `algorithm` alone, in hex, nix32 or base64 by its length, is well formed from `start` on;
 * `bytes` is the algorithm's digest length.
 */
export const isDigest = (text: string, start: number, bytes: number): boolean => {
  switch (text.length - start) {
    case Nix32.encodedLength(bytes):
      return Nix32.isEncoded(text, start, bytes);
    case bytes * 2:
      return hexKind(text, start) !== 0;
    default:
      return Base64.canonical(text, start, bytes) !== undefined;
  }
};

/**
 * The text as go-nix stores it, or undefined where it is no hash: the encoding is kept, upper-case hex is lowered
 * and unused bits of base64 are zeroed.
 */
export const stored = (text: string): string | undefined => {
  const start = separator(text) + 1;
  const bytes = start > 1 ? digestLength(text.slice(0, start - 1)) : 0;
  if (bytes === 0) return undefined;
  switch (encodingOf(text, start, bytes)) {
    case "nix32":
      return Nix32.isEncoded(text, start, bytes) ? text : undefined;
    case "base16": {
      const kind = hexKind(text, start);
      return kind === 0 ? undefined : kind === 1 ? text : text.toLowerCase();
    }
    case "base64":
    case "sri": {
      const digest = Base64.canonical(text, start, bytes);
      return digest === undefined ? undefined : text.slice(0, start) + digest;
    }
    default:
      return undefined;
  }
};

/** The one spelling, `algo:nix32`, that all encodings of a hash share; undefined where `text` is no hash. */
export const canonical = (text: string): string | undefined => {
  const valid = stored(text);
  if (valid === undefined) return undefined;
  const start = separator(valid) + 1;
  const algorithm = valid.slice(0, start - 1);
  const bytes = digestLength(algorithm);
  const encoding = encodingOf(valid, start, bytes);
  if (encoding === "nix32") return valid;
  const digest = valid.slice(start);
  return `${algorithm}:${Nix32.encode(encoding === "base16" ? fromHex(digest) : Base64.decode(digest, bytes))}`;
};

const fromHex = (digest: string): Uint8Array => {
  const bytes = new Uint8Array(digest.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(digest.slice(i * 2, i * 2 + 2), 16);
  return bytes;
};

/** Whether both texts name one hash, whatever their encodings; texts that are no hashes are equal when identical. */
export const equal = (a: string, b: string): boolean => {
  if (a === b) return true;
  const canonicalA = canonical(a);
  return canonicalA !== undefined && canonicalA === canonical(b);
};
