/** Newline-delimited JSON: one object per line, https://github.com/ndjson/ndjson-spec; blank lines are allowed. */
import { Either } from "effect";
import * as Json from "./Json.ts";

/** Of a file: bytes `start` to before `end`, without the line feed. */
export interface Line {
  /** As editors count them: from 1, blank ones included. */
  readonly number: number;
  readonly start: number;
  readonly end: number;
}

/** What to do next, by stable code. */
const remedies = {
  "ndjson/syntax": "Correct the line; a line that ends early was cut off, so write the file again.",
  "ndjson/duplicate-key": "Which of the values is meant cannot be told; remove one.",
  "ndjson/too-deep": "Flatten the document.",
  "ndjson/number-too-long": "Write it in quotes, or shorten it.",
  "ndjson/not-an-object": "Each line holds one object, { … }; wrap or remove this one.",
  "ndjson/encoding": "Write the file again as UTF-8.",
} as const;

/** Why a line is no document; `reason` names the column and says what to do. */
export interface Problem {
  readonly code: keyof typeof remedies;
  readonly reason: string;
}

/** Lines that are not blank, `most` of them and one more where there are more; a byte order mark before the first belongs to none. */
export const lines = (bytes: Uint8Array, most: number): ReadonlyArray<Line> => {
  const found: Array<Line> = [];
  let start = hasMark(bytes) ? 3 : 0;
  for (let number = 1; start < bytes.length && found.length <= most; number++) {
    const lineFeed = bytes.indexOf(10, start);
    const end = lineFeed === -1 ? bytes.length : lineFeed;
    if (!isBlank(bytes, start, end)) found.push({ number, start, end });
    start = end + 1;
  }
  return found;
};

const hasMark = (bytes: Uint8Array): boolean => bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;

const isBlank = (bytes: Uint8Array, start: number, end: number): boolean => {
  for (let at = start; at < end; at++) {
    const byte = bytes[at]!;
    if (byte !== 32 && byte !== 9 && byte !== 13) return false;
  }
  return true;
};

const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const strict = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });

/** The document of one line. */
export const parse = (bytes: Uint8Array): Either.Either<Json.JsonObject, Problem> => {
  const text = lenient.decode(bytes);
  // Only where something was replaced, or the file itself holds U+FFFD, need it be asked which.
  if (text.includes("\uFFFD") && !isText(bytes)) return reject("ndjson/encoding", textBefore(bytes) + 1, "no UTF-8");
  return Either.match(Json.parse(text), {
    onLeft: ({ code, column, reason }) => reject(`ndjson/${code}`, column, reason),
    onRight: (value) =>
      isObject(value)
        ? Either.right(value)
        : reject("ndjson/not-an-object", text.search(/\S/) + 1, `expected an object, found ${kindOf(value)}`),
  });
};

const isObject = (value: Json.Json): value is Json.JsonObject =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const kindOf = (value: Json.Json): string =>
  value === null ? "null" : Array.isArray(value) ? "a list" : typeof value === "string" ? "text" : `a ${typeof value}`;

const isText = (bytes: Uint8Array): boolean => Either.isRight(Either.try(() => strict.decode(bytes)));

/** Characters before the first byte that is no UTF-8. */
const textBefore = (bytes: Uint8Array): number => {
  let good = 0;
  let bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    // A character that the cut takes apart is no fault: `stream` lets its end come later.
    const decoder = new TextDecoder("utf-8", { ignoreBOM: true, fatal: true });
    const isGood = Either.isRight(Either.try(() => decoder.decode(bytes.subarray(0, middle), { stream: true })));
    if (isGood) good = middle;
    else bad = middle;
  }
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, good), { stream: true }).length;
};

const reject = (code: Problem["code"], column: number, reason: string): Either.Either<never, Problem> =>
  Either.left({ code, reason: `column ${column}: ${reason}. ${remedies[code]}` });
