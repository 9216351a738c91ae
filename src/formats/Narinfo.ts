/**
 * The text of a narinfo. `parse` accepts what go-nix accepts and keeps each field as go-nix would store it, but wants
 * the required fields, valid UTF-8, sizes within int64 and at most one CA; what a value must mean is for
 * `NarinfoDocument` to judge.
 */
import { Either } from "effect";
import * as NarinfoProblem from "./NarinfoProblem.ts";
import * as NixHash from "./NixHash.ts";
import * as Signature from "./Signature.ts";

/** Empty and missing fields are null; references and signatures are unique and in byte order. */
export interface Narinfo {
  readonly storePath: string;
  readonly url: string;
  readonly compression: string;
  readonly fileHash: string | null;
  readonly fileSize: bigint | null;
  readonly narHash: string;
  readonly narSize: bigint;
  readonly references: ReadonlyArray<string>;
  readonly deriver: string | null;
  readonly system: string | null;
  readonly signatures: ReadonlyArray<string>;
  readonly ca: string | null;
}

/** The capacity of go-nix's line scanner: a line must be shorter, its line feed included in the count. */
const LINE_BYTES_MAX = 1_048_576;

const INT64_MAX = 2n ** 63n - 1n;
const INT64_DIGITS = 19;

/** Decimal digits that a double holds exactly, whatever they are. */
const EXACT_DIGITS = 15;

const textDecoder = new TextDecoder("utf-8", { ignoreBOM: true });
const textEncoder = new TextEncoder();

export const parse = (bytes: Uint8Array): Either.Either<Narinfo, NarinfoProblem.NarinfoProblem> => {
  if (bytes.length >= LINE_BYTES_MAX && hasLongLine(bytes)) {
    return NarinfoProblem.reject("narinfo/too-long", `a line has ${LINE_BYTES_MAX} bytes or more`);
  }
  const text = textDecoder.decode(bytes);
  if (text.includes("\uFFFD") && !isFaithful(text, bytes)) {
    return NarinfoProblem.reject("narinfo/encoding", "the file is not valid UTF-8");
  }
  if (text.includes("\0")) return NarinfoProblem.reject("narinfo/nul", "the file has a NUL byte");

  let storePath = "";
  let url = "";
  let compression = "";
  let fileHash: string | undefined;
  let fileSize = 0n;
  let narHash: string | undefined;
  let narSize: bigint | undefined;
  let deriver = "";
  let system = "";
  let ca: string | undefined;
  // An array that `push` begins has room for 17: these two live as long as the narinfo.
  let references: Array<string> | undefined;
  let signatures: Array<string> | undefined;

  let lineNumber = 0;
  let next = 0;
  for (let start = 0; start < text.length; start = next) {
    lineNumber++;
    const lineFeed = text.indexOf("\n", start);
    next = lineFeed === -1 ? text.length : lineFeed + 1;
    let end = lineFeed === -1 ? text.length : lineFeed;
    if (end > start && text.charCodeAt(end - 1) === 13) end--;
    if (end === start) continue;

    const separator = findSeparator(text, start, end);
    if (separator === -1) {
      const line = NarinfoProblem.quote(text.slice(start, end));
      return NarinfoProblem.reject("narinfo/separator", `line ${lineNumber}: no ": " in ${line}`);
    }
    const key = text.slice(start, separator);
    const value = text.slice(separator + 2, end);
    if (findSeparator(text, separator + 1, end) !== -1) {
      return rejectLine("narinfo/separator", lineNumber, key, value, 'has a second ": "');
    }
    switch (key) {
      case "StorePath":
        storePath = value;
        break;
      case "URL":
        url = value;
        break;
      case "Compression":
        compression = value;
        break;
      case "FileHash":
      case "NarHash": {
        const hash = NixHash.stored(value);
        if (hash === undefined) return rejectLine("narinfo/hash-syntax", lineNumber, key, value, "is no hash");
        if (key === "FileHash") fileHash = hash;
        else narHash = hash;
        break;
      }
      case "FileSize":
      case "NarSize": {
        if (!isDecimal(value)) return rejectLine("narinfo/size-syntax", lineNumber, key, value, "is no size");
        const size = parseInt64(value);
        if (size === undefined) return rejectLine("narinfo/size-range", lineNumber, key, value, "is over 2^63-1");
        if (key === "FileSize") fileSize = size;
        else narSize = size;
        break;
      }
      case "References": {
        if (value === "") break;
        const listed = value.split(" ");
        if (listed.includes("")) {
          return rejectLine("narinfo/empty-reference", lineNumber, key, value, "has an empty element");
        }
        if (references === undefined) references = listed;
        else for (const reference of listed) references.push(reference);
        break;
      }
      case "Deriver":
        if (value !== "unknown-deriver") deriver = value;
        break;
      case "System":
        system = value;
        break;
      case "Sig": {
        const signature = Signature.stored(value);
        if (signature === undefined) {
          return rejectLine("narinfo/signature", lineNumber, key, value, "is no signature");
        }
        if (signatures === undefined) signatures = [signature];
        else signatures.push(signature);
        break;
      }
      case "CA":
        if (ca !== undefined) return rejectLine("narinfo/second-ca", lineNumber, key, value, "is a second one");
        ca = value;
        break;
      default:
        return NarinfoProblem.reject(
          "narinfo/unknown-key",
          `line ${lineNumber}: unknown key ${NarinfoProblem.quote(key)}`,
        );
    }
  }

  if (storePath === "") return rejectMissing("StorePath");
  if (url === "") return rejectMissing("URL");
  if (narHash === undefined) return rejectMissing("NarHash");
  if (narSize === undefined) return rejectMissing("NarSize");
  return Either.right({
    storePath,
    url,
    compression: compression === "" ? "bzip2" : compression,
    fileHash: fileHash ?? null,
    fileSize: fileSize === 0n ? null : fileSize,
    narHash,
    narSize,
    references: sortUnique(references ?? []),
    deriver: deriver === "" ? null : deriver,
    system: system === "" ? null : system,
    signatures: sortUnique(signatures ?? []),
    ca: ca === undefined || ca === "" ? null : ca,
  });
};

/** The text that go-nix prints for the value: FileHash and FileSize appear only together. */
export const render = (narinfo: Narinfo): string => {
  let text = `StorePath: ${narinfo.storePath}\nURL: ${narinfo.url}\nCompression: ${narinfo.compression}\n`;
  if (narinfo.fileHash !== null && narinfo.fileSize !== null) {
    text += `FileHash: ${narinfo.fileHash}\nFileSize: ${narinfo.fileSize}\n`;
  }
  text += `NarHash: ${narinfo.narHash}\nNarSize: ${narinfo.narSize}\nReferences: ${narinfo.references.join(" ")}\n`;
  if (narinfo.deriver !== null) text += `Deriver: ${narinfo.deriver}\n`;
  if (narinfo.system !== null) text += `System: ${narinfo.system}\n`;
  for (const signature of narinfo.signatures) text += `Sig: ${signature}\n`;
  if (narinfo.ca !== null) text += `CA: ${narinfo.ca}\n`;
  return text;
};

const rejectLine = (code: NarinfoProblem.Code, lineNumber: number, key: string, value: string, what: string) =>
  NarinfoProblem.reject(code, `line ${lineNumber}: ${key}: ${NarinfoProblem.quote(value)} ${what}`);

const rejectMissing = (field: string) => NarinfoProblem.reject("narinfo/missing-field", `${field} is missing or empty`);

/** Where `": "` begins in `[start, end)`, or -1; never looks beyond `end`, so that a file is scanned once. */
const findSeparator = (text: string, start: number, end: number): number => {
  for (let i = start; i < end - 1; i++) {
    if (text.charCodeAt(i) === 58 && text.charCodeAt(i + 1) === 32) return i;
  }
  return -1;
};

const isDecimal = (text: string): boolean => {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code < 48 || code > 57) return false;
  }
  return text !== "";
};

/** The number that the decimal digits mean; undefined over 2^63-1. */
const parseInt64 = (digits: string): bigint | undefined => {
  if (digits.length <= EXACT_DIGITS) return BigInt(Number(digits));
  const significant = digits.replace(/^0+/, "");
  if (significant.length > INT64_DIGITS) return undefined;
  const size = BigInt(significant);
  return size > INT64_MAX ? undefined : size;
};

const hasLongLine = (bytes: Uint8Array): boolean => {
  let start = 0;
  for (;;) {
    const lineFeed = bytes.indexOf(10, start);
    const end = lineFeed === -1 ? bytes.length : lineFeed;
    if (end - start >= LINE_BYTES_MAX) return true;
    if (lineFeed === -1) return false;
    start = lineFeed + 1;
  }
};

/** Whether `text`, which has replacement characters, spells them out in `bytes`. */
const isFaithful = (text: string, bytes: Uint8Array): boolean => {
  const encoded = textEncoder.encode(text);
  return encoded.length === bytes.length && encoded.every((byte, i) => byte === bytes[i]);
};

const sortUnique = (values: Array<string>): ReadonlyArray<string> => {
  for (let i = 1; i < values.length; i++) {
    if (compareBytes(values[i - 1]!, values[i]!) >= 0) return Array.from(new Set(values)).sort(compareBytes);
  }
  return values;
};

/** Byte order of the UTF-8 encodings, which is the order of code points: surrogates sort above U+FFFF there. */
const compareBytes = (a: string, b: string): number => {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return isSurrogate(x) === isSurrogate(y) ? x - y : isSurrogate(x) ? 1 : -1;
  }
  return a.length - b.length;
};

const isSurrogate = (code: number): boolean => code >= 0xd800 && code <= 0xdfff;
