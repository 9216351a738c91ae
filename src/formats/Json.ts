/**
 * JSON as RFC 8259 has it, read without loss: whole numbers beyond 2^53 become bigint, a key that stands twice is a fault and not a
 * choice, and every fault has its column. Node's JSON.parse can do none of these; it only decodes strings with escapes here.
 */
import { Either } from "effect";

export type Json = string | number | bigint | boolean | null | ReadonlyArray<Json> | JsonObject;

/** Without a prototype: a key such as `__proto__` is one like any other, and a missing one is undefined whatever its name. */
export interface JsonObject {
  readonly [key: string]: Json;
}

export interface JsonFault {
  readonly code: "syntax" | "duplicate-key" | "too-deep" | "number-too-long";
  /** Counted from 1, in UTF-16 units as editors do. */
  readonly column: number;
  readonly reason: string;
}

/** Lists and objects within each other; mappings look a few levels deep, and the stack holds many times this. */
const maxDepth = 128;

/** As Jackson's default: longer ones are no measurement of anything, and reading them takes time that grows with the square. */
const maxNumberLength = 1000;

/** Any whole number of fewer characters is below 2^53. */
const exactLength = 16;

export const parse = (text: string): Either.Either<Json, JsonFault> => {
  const reader = new Reader(text);
  const value = reader.document();
  return value === undefined ? Either.left(reader.fault!) : Either.right(value);
};

/** Objects made by it have own properties only, and are as fast as literals, which `Object.create(null)` is not. */
const Plain = function() {} as unknown as new() => Record<string, Json>;
Plain.prototype = Object.create(null);

const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
const escape = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const fraction = /[.eE]/;

/** Recursive descent over one text; a method that answers undefined has set `fault`. */
class Reader {
  readonly #text: string;
  #at = 0;
  fault: JsonFault | undefined;

  constructor(text: string) {
    this.#text = text;
  }

  document(): Json | undefined {
    const value = this.#value(0);
    if (value === undefined) return undefined;
    return this.#next() === -1 ? value : this.#expected("the end");
  }

  #fail(code: JsonFault["code"], reason: string, at = this.#at): undefined {
    this.fault ??= { code, column: at + 1, reason };
    return undefined;
  }

  #expected(what: string): undefined {
    const found = this.#text.codePointAt(this.#at);
    return this.#fail(
      "syntax",
      `expected ${what}, found ${found === undefined ? "the end" : JSON.stringify(String.fromCodePoint(found))}`,
    );
  }

  /** The code of the next character that is no white space, -1 at the end. */
  #next(): number {
    const text = this.#text;
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at);
      if (code !== 32 && code !== 9 && code !== 13 && code !== 10) return code;
      this.#at++;
    }
    return -1;
  }

  #value(depth: number): Json | undefined {
    switch (this.#next()) {
      case 34: // "
        return this.#string();
      case 123: // {
        return this.#object(depth + 1);
      case 91: // [
        return this.#list(depth + 1);
      case 116:
        return this.#word("true", true);
      case 102:
        return this.#word("false", false);
      case 110:
        return this.#word("null", null);
      default:
        return this.#number();
    }
  }

  #word(word: string, value: boolean | null): boolean | null | undefined {
    if (!this.#text.startsWith(word, this.#at)) return this.#expected("a value");
    this.#at += word.length;
    return value;
  }

  #number(): number | bigint | undefined {
    number.lastIndex = this.#at;
    if (!number.test(this.#text)) return this.#expected("a value");
    const token = this.#text.slice(this.#at, number.lastIndex);
    if (token.length > maxNumberLength) {
      return this.#fail(
        "number-too-long",
        `a number of ${token.length} characters, at most ${maxNumberLength} are read`,
      );
    }
    this.#at = number.lastIndex;
    const value = Number(token);
    if (token.length < exactLength || fraction.test(token) || Number.isSafeInteger(value)) return value;
    return BigInt(token);
  }

  #string(): string | undefined {
    const text = this.#text;
    const start = this.#at;
    let isEscaped = false;
    for (let at = start + 1; at < text.length; at++) {
      const code = text.charCodeAt(at);
      if (code === 34) {
        this.#at = at + 1;
        return isEscaped ? JSON.parse(text.slice(start, at + 1)) as string : text.slice(start + 1, at);
      }
      if (code < 32) return this.#fail("syntax", "a control character stands in a text without escape", at);
      if (code !== 92) continue;
      escape.lastIndex = at;
      if (!escape.test(text)) return this.#fail("syntax", "there is no such escape", at);
      isEscaped = true;
      at = escape.lastIndex - 1;
    }
    return this.#fail("syntax", "a text has no end", start);
  }

  #list(depth: number): ReadonlyArray<Json> | undefined {
    if (depth > maxDepth) return this.#tooDeep();
    const list: Array<Json> = [];
    this.#at++;
    if (this.#next() === 93) {
      this.#at++;
      return list;
    }
    while (true) {
      const value = this.#value(depth);
      if (value === undefined) return undefined;
      list.push(value);
      const code = this.#next();
      if (code !== 44 && code !== 93) return this.#expected(", or ]");
      this.#at++;
      if (code === 93) return list;
    }
  }

  #object(depth: number): JsonObject | undefined {
    if (depth > maxDepth) return this.#tooDeep();
    const object = new Plain();
    this.#at++;
    if (this.#next() === 125) {
      this.#at++;
      return object;
    }
    while (true) {
      if (this.#next() !== 34) return this.#expected("a key in double quotes");
      const start = this.#at;
      const key = this.#string();
      if (key === undefined) return undefined;
      if (object[key] !== undefined) {
        return this.#fail("duplicate-key", `the key ${quote(key)} stands twice in one object`, start);
      }
      if (this.#next() !== 58) return this.#expected(":");
      this.#at++;
      const value = this.#value(depth);
      if (value === undefined) return undefined;
      object[key] = value;
      const code = this.#next();
      if (code !== 44 && code !== 125) return this.#expected(", or }");
      this.#at++;
      if (code === 125) return object;
    }
  }

  #tooDeep(): undefined {
    return this.#fail("too-deep", `lists and objects stand more than ${maxDepth} deep in each other`);
  }
}

/** Longest key that a reason shows, in characters. */
const shownMax = 80;

const quote = (key: string): string => JSON.stringify(key.length <= shownMax ? key : `${key.slice(0, shownMax - 1)}…`);
