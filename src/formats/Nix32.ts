/** Nix's own base 32: digits in reverse order, no padding, no `e`, `o`, `t` or `u`. */

const alphabet = "0123456789abcdfghijklmnpqrsvwxyz";

/** Digit value by character code; -1 for a character outside the alphabet. */
const digits = new Int8Array(128).fill(-1);
for (let digit = 0; digit < alphabet.length; digit++) digits[alphabet.charCodeAt(digit)] = digit;

/** The number of characters that `byteLength` bytes encode to. */
export const encodedLength = (byteLength: number): number => Math.floor((byteLength * 8 + 4) / 5);

export const encode = (bytes: Uint8Array): string => {
  let text = "";
  for (let n = encodedLength(bytes.length) - 1; n >= 0; n--) {
    const byte = (n * 5) >> 3;
    const shift = (n * 5) & 7;
    const pair = bytes[byte]! | ((bytes[byte + 1] ?? 0) << 8);
    text += alphabet[(pair >> shift) & 0x1f];
  }
  return text;
};

/** The bytes, or undefined when a character is outside the alphabet or a padding bit is set. */
export const decode = (text: string): Uint8Array | undefined => {
  const bytes = new Uint8Array((text.length * 5) >> 3);
  for (let n = 0; n < text.length; n++) {
    const digit = digits[text.charCodeAt(text.length - n - 1)] ?? -1;
    if (digit === -1) return undefined;
    const byte = (n * 5) >> 3;
    const spread = digit << ((n * 5) & 7);
    if (byte < bytes.length) bytes[byte]! |= spread & 0xff;
    else if ((spread & 0xff) !== 0) return undefined;
    if (byte + 1 < bytes.length) bytes[byte + 1]! |= spread >> 8;
    else if (spread >> 8 !== 0) return undefined;
  }
  return bytes;
};

/** Whether every character of `text` in `[start, end)` belongs to the alphabet; says nothing of padding bits. */
export const isAlphabetic = (text: string, start: number, end: number): boolean => {
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i);
    if (code > 127 || digits[code] === -1) return false;
  }
  return true;
};

/** Whether `text` from `start` is the canonical encoding of exactly `byteLength` bytes. */
export const isEncoded = (text: string, start: number, byteLength: number): boolean => {
  const length = encodedLength(byteLength);
  if (text.length - start !== length || !isAlphabetic(text, start, text.length)) return false;
  const usedBits = byteLength * 8 - (length - 1) * 5;
  return digits[text.charCodeAt(start)]! >> usedBits === 0;
};
