/** URL queries by the rules of Go's `net/url`, since ncps keys NAR files by what `Values.Encode` prints. */

/** Go's `defaultMaxParams`: a query with more parameters is an error there. */
const PARAMETERS_MAX = 10_000;

const textEncoder = new TextEncoder();

/** The UTF-8 bytes of `text` as one character each, so that decoded bytes need not be valid UTF-8. */
const toByteString = (text: string): string => {
  let bytes = "";
  for (const byte of textEncoder.encode(text)) bytes += String.fromCharCode(byte);
  return bytes;
};

const hexDigit = (code: number): number => {
  if (code >= 48 && code <= 57) return code - 48;
  const letter = code | 32;
  return letter >= 97 && letter <= 102 ? letter - 87 : -1;
};

/** `QueryUnescape` on a byte string; undefined at a bad escape. */
const unescape = (text: string): string | undefined => {
  let plain = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === 37) {
      const high = hexDigit(text.charCodeAt(i + 1));
      const low = hexDigit(text.charCodeAt(i + 2));
      if (high === -1 || low === -1) return undefined;
      plain += String.fromCharCode(high * 16 + low);
      i += 2;
    } else plain += code === 43 ? " " : text[i];
  }
  return plain;
};

const isUnreserved = (code: number): boolean =>
  (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57)
  || code === 45 || code === 46 || code === 95 || code === 126;

/** `QueryEscape` on a byte string. */
const escape = (text: string): string => {
  let escaped = "";
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (isUnreserved(code)) escaped += text[i];
    else escaped += code === 32 ? "+" : "%" + (code < 16 ? "0" : "") + code.toString(16).toUpperCase();
  }
  return escaped;
};

/**
 * `ParseQuery` followed by `Values.Encode`: keys sorted bytewise, the values of one key in their order;
 * undefined for a `;`, a bad escape or too many parameters.
 */
export const reencode = (query: string): string | undefined => {
  if (query === "") return "";
  const pairs = toByteString(query).split("&");
  if (pairs.length > PARAMETERS_MAX) return undefined;
  const parameters: Array<{ readonly key: string; readonly value: string }> = [];
  for (const pair of pairs) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const key = unescape(equals === -1 ? pair : pair.slice(0, equals));
    const value = unescape(equals === -1 ? "" : pair.slice(equals + 1));
    if (key === undefined || value === undefined || pair.includes(";")) return undefined;
    parameters.push({ key, value });
  }
  parameters.sort((a, b) => a.key < b.key ? -1 : a.key > b.key ? 1 : 0);
  return parameters.map(({ key, value }) => `${escape(key)}=${escape(value)}`).join("&");
};
