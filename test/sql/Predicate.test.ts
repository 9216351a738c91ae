import { describe, expect, it } from "@effect/vitest";
import Database from "better-sqlite3";
import { Either, FastCheck } from "effect";
import * as Predicate from "../../src/sql/Predicate.ts";
import * as PredicateParser from "../../src/sql/PredicateParser.ts";

const render = (text: string): string =>
  Either.match(PredicateParser.parse(text), {
    onLeft: ({ at, message }) => `${at}: ${message}`,
    onRight: (predicate) => Predicate.render(predicate, (name) => `t.[${name}]`),
  });

describe("Predicate", () => {
  it("renders every form with columns qualified and precedence spelt out", () => {
    expect(render("url IS NULL OR url = ''")).toBe("(t.[url] IS NULL OR t.[url] = '')");
    expect(render("a = 1 or b <> 'x' and not c is not null")).toBe(
      "(t.[a] = 1 OR (t.[b] <> 'x' AND (NOT t.[c] IS NOT NULL)))",
    );
    expect(render("((a != -5 or b = c)) and \"odd \"\"name\" = 'it''s'")).toBe(
      "((t.[a] <> -5 OR t.[b] = t.[c]) AND t.[odd \"name] = 'it''s')",
    );
  });

  it("nothing but its grammar gets through, and the fault has its place", () => {
    expect(render("url IS NULL; DROP TABLE narinfos")).toBe('12: cannot read ";"');
    expect(render("length(url) = 0")).toBe('7: expected IS, = or <>, found "("');
    expect(render("url IS NULL OR")).toBe("15: expected a column, a 'text' or a number, found the end");
    expect(render("url IS NOT")).toBe("11: expected NULL, found the end");
    expect(render("(a = 1")).toBe("7: expected AND, OR or ), found the end");
    expect(render("a = 1 b")).toBe('7: expected AND, OR or the end, found "b"');
    expect(render("a = 'open")).toBe('5: cannot read "\'"');
    expect(render("a = 'ends\0here'")).toBe('5: cannot read "\'"');
    expect(render("")).toBe("1: expected a column, a 'text' or a number, found the end");
  });

  it("names the columns it looks at", () => {
    const parsed = PredicateParser.parse("a IS NULL OR NOT (b = 'c' AND d <> e)");
    expect(Either.map(parsed, Predicate.columns)).toEqual(Either.right(["a", "b", "d", "e"]));
  });

  it("any text, parsed or not, ends; and what is parsed means the same once rendered and read again", () => {
    const piece = FastCheck.constantFrom(
      "a",
      '"b"',
      "'x'",
      "1",
      "IS",
      "NOT",
      "NULL",
      "=",
      "<>",
      "AND",
      "OR",
      "(",
      ")",
      "''",
      "!",
    );
    FastCheck.assert(
      FastCheck.property(FastCheck.array(piece, { maxLength: 12 }), (pieces) => {
        const parsed = PredicateParser.parse(pieces.join(" "));
        if (Either.isLeft(parsed)) return;
        const quoted = (name: string) => `"${name}"`;
        const rendered = Predicate.render(parsed.right, quoted);
        expect(Either.map(PredicateParser.parse(rendered), (again) => Predicate.render(again, quoted))).toEqual(
          Either.right(rendered),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it("SQLite reads the rendered text as the spec wrote it", () => {
    const db = new Database(":memory:");
    db.exec("CREATE TABLE t (a, b); INSERT INTO t VALUES (NULL, 1), ('', 2), ('it''s', 3), ('x', NULL)");
    for (
      const text of [
        "a IS NULL OR a = ''",
        "NOT (a = 'it''s') AND b <> 2",
        "a = 'x' OR b = 1 AND a IS NOT NULL",
        "b IS NULL OR a <> a",
      ]
    ) {
      const quoted = Either.map(
        PredicateParser.parse(text),
        (predicate) => Predicate.render(predicate, (name) => `t."${name}"`),
      );
      const where = (condition: string) => db.prepare(`SELECT rowid FROM t WHERE ${condition}`).all();
      expect(where(Either.getOrThrow(quoted))).toEqual(where(text));
    }
    db.close();
  });
});
