/** Narinfo signatures: `<key name>:<base64 of 64 bytes>`. */
import * as Base64 from "./Base64.ts";

/** The length of an Ed25519 signature, the only kind there is. */
const SIGNATURE_BYTES = 64;

/** Its padding, where lines end in CRCRLF: go-nix skips carriage returns in base 64, Nix reads nothing after a `=`. */
const paddingWithReturns = /=\r*=\r*$/;

/** The signature as go-nix stores it, or undefined where it has no key name or no 64 bytes. */
export const stored = (text: string): string | undefined => {
  const colon = text.indexOf(":");
  if (colon <= 0) return undefined;
  const data = Base64.canonical(text.replace(paddingWithReturns, "=="), colon + 1, SIGNATURE_BYTES);
  return data === undefined ? undefined : text.slice(0, colon + 1) + data;
};
