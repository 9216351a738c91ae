import { describe, expect, it } from "@effect/vitest";
import { Either, JSONSchema, ParseResult, Schema } from "effect";
import { parse } from "yaml";
import { sqlUpsert } from "../../src/sinks/sqlUpsert.ts";
import * as Mapping from "../../src/sql/Mapping.ts";
import * as MappingCheck from "../../src/sql/MappingCheck.ts";
import { ncpsSink } from "../sinks/ncpsDatabase.ts";

const decode = Schema.decodeUnknownEither(Mapping.Tables);

const faults = (yaml: string): string =>
  Either.match(decode(parse(yaml)), {
    onLeft: (error) =>
      ParseResult.ArrayFormatter.formatErrorSync(error).map(({ message, path }) => `${path.join(".")}: ${message}`)
        .join("\n"),
    onRight: () => "",
  });

const problems = (yaml: string): ReadonlyArray<string> =>
  MappingCheck.check(Either.getOrThrow(decode(parse(yaml)))).map(({ code, path, suggestion }) =>
    `${path.join(".")} ${code} (${suggestion ?? ""})`
  );

const column = (source: string) => faults(`[{ table: t, columns: { c: ${source} } }]`);
const exists = (whenExists: string) => faults(`[{ table: t, columns: { c: c }, whenExists: ${whenExists} }]`);

describe("Mapping", () => {
  it("the shipped mapping decodes, has no problems, and is written back as it was read", () => {
    const tables = Either.getOrThrow(decode(ncpsSink["tables"]));
    expect(MappingCheck.check(tables)).toEqual([]);
    expect(tables[0]?.columns["upstream_url?"]).toEqual({
      _tag: "Path",
      path: "upstreamUrl",
      rejectWhenDropped: "narinfo/opaque-url",
    });
    const written = Schema.encodeSync(Mapping.Tables)(tables);
    expect(Either.getOrThrow(decode(written))).toEqual(tables);
    expect(written[0]).toEqual((ncpsSink["tables"] as ReadonlyArray<unknown>)[0]);
  });

  it("a column's source is one of five forms; anything else says which", () => {
    expect(column("5")).toMatch(/^0\.columns\.c: expected a path, \{ value: LITERAL \}, .*found a number$/);
    expect(column("a..b")).toMatch(/expected a dotted path, found "a\.\.b"/);
    expect(column("{ valu: 5 }")).toMatch(/has no "valu"/);
    expect(column("{ value: 5, now: true }")).toMatch(/a literal has no "now"/);
    expect(column("{ value: [1] }")).toMatch(/a literal is text/);
    expect(column("{ value: 9007199254740993 }")).toMatch(/safe number/);
    expect(column("{ value: .inf }")).toMatch(/safe number/);
    expect(column("{ now: false }")).toMatch(/`now` is always true/);
    expect(column("{ parent: 5 }")).toMatch(/expected the name of an earlier table/);
    expect(column("{ path: a, rejectWhenDropped: Nope }")).toMatch(/area\/kebab-case/);
  });

  it("what becomes of rows that exist is one of three forms; covers names columns and comparators", () => {
    expect(exists("keeep")).toMatch(/expected keep, .* found "keeep"/);
    expect(exists("{ touch: { a: { value: 1 } } }")).toMatch(/only the clock can touch "a"/);
    expect(exists("{ fil: x }")).toMatch(/has no "fil"/);
    expect(exists("{ fill: x, else: { cover: {} } }")).toMatch(/else has no "cover"/);
    expect(exists("{ fill: x, else: { covers: { columns: [{ a: b, c: d }] } } }")).toMatch(
      /one column and its comparator/,
    );
    expect(exists("{ fill: x, else: { covers: { equals: [a] } } }")).toMatch(/covers has no "equals"/);
  });

  it("a mapping that contradicts itself is found out without a database", () => {
    expect(problems("[{ table: a, each: x, key: [nam], columns: { name: name } }]")).toEqual([
      "tables.0.key.0 sql/unknown-name (did you mean name?)",
      "tables.0.each sql/root-each (drop `each`)",
      "tables.0.columns.name sql/path-start (write $value.name or $root.name)",
    ]);
    expect(problems("[{ table: a, columns: { x: $value, 'x?': y }, whenExists: { touch: { x: { now: true } } } }]"))
      .toEqual([
        "tables.0.columns.x? sql/column-twice ()",
        "tables.0.whenExists sql/root-touch (write keep or fill)",
        "tables.0.columns.x sql/path-start (drop $value)",
      ]);
    expect(
      problems(
        "[{ table: a, columns: { x: x }, whenExists: { fill: 'x IS', else: { covers: { columns: [y], equal: [b] } } } }, { table: b, columns: { y: y } }]",
      ),
    ).toEqual([
      "tables.0.whenExists.fill sql/predicate (write it like \"url IS NULL OR url = ''\")",
      "tables.0.whenExists.else sql/unknown-name (did you mean x?)",
      "tables.0.whenExists.else sql/unknown-name (known: )",
      "tables.1 sql/unlinked-table (map the table that links it to the first one)",
    ]);
    expect(
      problems(
        "[{ table: a, columns: { x: x } }, { table: b, each: l, columns: { y: $value } }, { table: c, each: m, columns: { a: { parent: aa }, b: { parent: b } } }]",
      ),
    ).toEqual([
      "tables.2.columns.a sql/unknown-name (did you mean a?)",
      "tables.2.columns.b sql/parent-scope (let `each` start with l)",
      "tables.2.columns sql/parent-scope (give it a column { parent: a })",
    ]);
  });

  it("a key is of columns that are there and that stand still", () => {
    expect(problems("[{ table: a, key: [x, y], columns: { x: x, 'y?': y } }]")).toEqual([
      "tables.0.key.1 sql/key-optional (write y without ?)",
    ]);
    expect(problems("[{ table: a, key: [x, y], columns: { x: x, y: { now: true } } }]")).toEqual([
      "tables.0.key sql/key-now ()",
    ]);
    expect(problems("[{ table: a, columns: { x: x, 'y?': { now: true } } }]")).toEqual([
      "tables.0.key sql/key-now (name the key: it is all columns unless told)",
    ]);
    const clock =
      "columns: { x: x, 'y?': { now: true } }, whenExists: { fill: x = '', else: { covers: { columns: [x, y] } } }";
    expect(problems(`[{ table: a, key: [x], ${clock} }]`)).toEqual([
      "tables.0.whenExists.else sql/covers-now (leave it out)",
    ]);
    expect(problems("[{ table: a, key: [x, y], columns: { x: x, y: { value: null } } }]")).toEqual([
      "tables.0.key sql/key-null ()",
    ]);
  });

  it("the options have a JSON Schema, and the example decodes", () => {
    expect(JSON.stringify(JSONSchema.make(sqlUpsert.options))).toContain("rejectWhenDropped");
    for (const { yaml } of sqlUpsert.examples) {
      const options = Schema.decodeUnknownSync(sqlUpsert.options)(parse(yaml));
      expect(sqlUpsert.check?.(options)).toEqual([]);
    }
  });
});
