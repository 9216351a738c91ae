/** Standard base 64 with padding, as far as hashes and signatures in narinfos need it. */

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/** Digit value by character code; -1 for a character outside the alphabet. */
const digits = new Int8Array(128).fill(-1);
for (let digit = 0; digit < alphabet.length; digit++) digits[alphabet.charCodeAt(digit)] = digit;

/** The number of characters, padding included, that `byteLength` bytes encode to. */
export const encodedLength = (byteLength: number): number => Math.ceil(byteLength / 3) * 4;

/**
 * The text from `start` as a re-encoding would print it (unused trailing bits zeroed),
 * or undefined unless it encodes exactly `byteLength` bytes with full padding.
 */
export const canonical = (text: string, start: number, byteLength: number): string | undefined => {
  const padding = (3 - (byteLength % 3)) % 3;
  const end = text.length - padding;
  if (text.length - start !== encodedLength(byteLength)) return undefined;
  for (let i = end; i < text.length; i++) if (text.charCodeAt(i) !== 61) return undefined;
  let digit = 0;
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    digit = code > 127 ? -1 : digits[code]!;
    if (digit === -1) return undefined;
  }
  const unusedBits = padding * 2;
  const lastDigit = (digit >> unusedBits) << unusedBits;
  return lastDigit === digit
    ? text.slice(start)
    : text.slice(start, end - 1) + alphabet[lastDigit] + "=".repeat(padding);
};

/** The bytes of a text that `canonical` accepted. */
export const decode = (text: string, byteLength: number): Uint8Array => {
  const bytes = new Uint8Array(byteLength);
  let bits = 0;
  let pending = 0;
  let byte = 0;
  for (let i = 0; byte < byteLength; i++) {
    pending = ((pending << 6) | digits[text.charCodeAt(i)]!) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[byte++] = pending >> bits;
    }
  }
  return bytes;
};
