/** Predicates from their text, once: nothing that a spec says reaches a statement as it stands. */
import { Either } from "effect";
import type { Operand, Predicate } from "./Predicate.ts";

/** What is wrong with the text of a predicate, at which character, counted from 1. */
export interface Fault {
  readonly at: number;
  readonly message: string;
}

interface Token {
  readonly kind: "word" | "name" | "text" | "integer" | "sign" | "end";
  readonly text: string;
  readonly at: number;
}

const tokens = /\s*(?:([A-Za-z_][A-Za-z0-9_]*)|"((?:[^"]|"")+)"|'((?:[^'\0]|'')*)'|(-?\d+)|(<>|!=|=|\(|\)))/y;
const kinds = ["word", "name", "text", "integer", "sign"] as const;
const keywords = new Set(["AND", "OR", "NOT", "IS", "NULL"]);

const tokenize = (source: string): Either.Either<ReadonlyArray<Token>, Fault> => {
  const found: Array<Token> = [];
  const end = source.trimEnd().length;
  let position = 0;
  while (position < end) {
    tokens.lastIndex = position;
    const match = tokens.exec(source);
    const at = position + /^\s*/.exec(source.slice(position))![0].length + 1;
    if (match === null) return Either.left({ at, message: `cannot read ${JSON.stringify(source[at - 1])}` });
    const group = match.slice(1).findIndex((part) => part !== undefined);
    const text = match[group + 1]!;
    const kind = kinds[group]!;
    found.push({ kind, text: kind === "name" ? text.replaceAll('""', '"') : text.replaceAll("''", "'"), at });
    position = tokens.lastIndex;
  }
  found.push({ kind: "end", text: "", at: end + 1 });
  return Either.right(found);
};

/** Recursive descent; `OR` binds weakest, then `AND`, then `NOT`. The first fault ends it: the rest reads as ended. */
export const parse = (source: string): Either.Either<Predicate, Fault> =>
  Either.flatMap(tokenize(source), (all) => {
    let next = 0;
    let fault: Fault | undefined;
    const peek = (): Token => all[next]!;
    const take = (accepted: boolean): boolean => {
      if (accepted) next++;
      return accepted;
    };
    const word = (text: string) => take(peek().kind === "word" && peek().text.toUpperCase() === text);
    const sign = (text: string) => take(peek().kind === "sign" && peek().text === text);
    const expected = (what: string): void => {
      const { at, kind, text } = peek();
      fault ??= { at, message: `expected ${what}, found ${kind === "end" ? "the end" : JSON.stringify(text)}` };
      next = all.length - 1;
    };

    const operand = (): Operand => {
      const { kind, text } = peek();
      if (take(kind === "name" || (kind === "word" && !keywords.has(text.toUpperCase())))) {
        return { _tag: "Column", name: text };
      }
      if (take(kind === "integer")) {
        return { _tag: "Integer", value: BigInt(text) };
      }
      if (!take(kind === "text")) expected("a column, a 'text' or a number");
      return { _tag: "Text", value: text };
    };
    const comparison = (): Predicate => {
      const left = operand();
      if (word("IS")) {
        const not = word("NOT");
        if (!word("NULL")) expected(not ? "NULL" : "NULL or NOT NULL");
        return { _tag: not ? "IsNotNull" : "IsNull", of: left };
      }
      if (sign("=")) return { _tag: "Equal", left, right: operand() };
      if (!sign("<>") && !sign("!=")) expected("IS, = or <>");
      return { _tag: "Unequal", left, right: operand() };
    };
    const negation = (): Predicate => {
      if (word("NOT")) return { _tag: "Not", of: negation() };
      if (!sign("(")) return comparison();
      const inner = disjunction();
      if (!sign(")")) expected("AND, OR or )");
      return inner;
    };
    const conjunction = (): Predicate => {
      let left = negation();
      while (word("AND")) left = { _tag: "And", left, right: negation() };
      return left;
    };
    const disjunction = (): Predicate => {
      let left = conjunction();
      while (word("OR")) left = { _tag: "Or", left, right: conjunction() };
      return left;
    };

    const predicate = disjunction();
    if (peek().kind !== "end") expected("AND, OR or the end");
    return fault === undefined ? Either.right(predicate) : Either.left(fault);
  });
