/** What a mapping shows to be wrong by itself, before any database is asked. */
import { Either } from "effect";
import * as Nearest from "../core/Nearest.ts";
import type { Problem } from "../core/Problem.ts";
import type { Table } from "./Mapping.ts";
import * as Mapping from "./Mapping.ts";
import * as Path from "./Path.ts";
import * as PredicateParser from "./PredicateParser.ts";
import type { Covers } from "./WhenExists.ts";

/** The role of a table follows from its place and its parents: see design §4. */
export const roleOf = (tables: ReadonlyArray<Table>, index: number): "root" | "lookup" | "child" =>
  index === 0 ? "root" : parentsOf(tables[index]!).length === 0 ? "lookup" : "child";

export const parentsOf = (table: Table): ReadonlyArray<string> =>
  Object.values(table.columns).flatMap((source) => source._tag === "Parent" ? [source.table] : []);

/** Problems below the setting `tables`. */
export const check = (tables: ReadonlyArray<Table>): ReadonlyArray<Problem> =>
  tables.flatMap((table, index) => checkTable(tables, table, index));

const checkTable = (tables: ReadonlyArray<Table>, table: Table, index: number): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = [];
  const report = (path: ReadonlyArray<string | number>, code: string, message: string, suggestion?: string): void => {
    problems.push({
      code,
      severity: "error",
      path: ["tables", index, ...path],
      message: `table ${table.table}: ${message}`,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  };
  const unknown = (
    path: ReadonlyArray<string | number>,
    what: string,
    word: string,
    known: ReadonlyArray<string>,
  ): void => {
    const near = Nearest.nearest(word, known);
    report(
      path,
      "sql/unknown-name",
      `${what} ${JSON.stringify(word)}`,
      near === undefined ? `known: ${known.join(", ")}` : `did you mean ${near}?`,
    );
  };

  const earlier = tables.slice(0, index);
  const columns = Object.keys(table.columns).map((written) => Mapping.columnName(written).name);
  const role = roleOf(tables, index);

  if (earlier.some((other) => other.table === table.table)) {
    report(["table"], "sql/table-twice", "is mapped twice", "a document's rows of one table come from one entry");
  }
  if (columns.length === 0) report(["columns"], "sql/no-columns", "maps no columns");
  columns.forEach((name, at) => {
    if (columns.indexOf(name) !== at) {
      report(["columns", `${name}?`], "sql/column-twice", `column ${name} is mapped twice`);
    }
  });
  for (const [at, name] of (table.key ?? []).entries()) {
    if (!columns.includes(name)) unknown(["key", at], "the key has a column that is not mapped,", name, columns);
    if (table.columns[`${name}?`] !== undefined) {
      report(["key", at], "sql/key-optional", `the key needs ${name}, which may be lacking`, `write ${name} without ?`);
    }
  }
  for (const name of table.key ?? columns) {
    const source = sourceOf(table, name);
    const suggestion = table.key === undefined ? "name the key: it is all columns unless told" : undefined;
    if (source?._tag === "Now") {
      report(["key"], "sql/key-now", `${name} is the clock and can identify no row`, suggestion);
    }
    // NULL equals nothing: each write would add a row.
    if (source?._tag === "Literal" && source.value === null) {
      report(["key"], "sql/key-null", `${name} is always null and can identify no row`, suggestion);
    }
  }

  if (role === "root") {
    if (table.each !== undefined) {
      report(["each"], "sql/root-each", "the first table has one row per document", "drop `each`");
    }
    if (table.when !== undefined) {
      report(
        ["when"],
        "sql/root-when",
        "the first table has one row per document",
        "drop `when`; a transform can leave documents out",
      );
    }
    if (table.whenExists._tag === "Touch") {
      report(["whenExists"], "sql/root-touch", "rows of the first table are kept or filled", "write keep or fill");
    }
  } else if (table.whenExists._tag === "Fill") {
    report(
      ["whenExists"],
      "sql/fill-child",
      "only rows of the first table can be filled",
      role === "lookup" ? "write keep or touch" : "write keep",
    );
  } else if (role === "child" && table.whenExists._tag === "Touch") {
    report(["whenExists"], "sql/touch-child", "only rows that documents share can be touched", "write keep");
  }
  const uncompared = role === "lookup" && table.whenExists._tag === "Keep" && table.key !== undefined
    ? Object.entries(table.columns).flatMap(([written, source]) => {
      const { name } = Mapping.columnName(written);
      return source._tag === "Path" && !table.key!.includes(name) ? [name] : [];
    })
    : [];
  if (uncompared.length > 0) {
    problems.push({
      code: "sql/first-wins",
      severity: "warning",
      path: ["tables", index, "columns"],
      message: `table ${table.table}: ${uncompared.join(", ")} of a row that documents share ${
        uncompared.length === 1 ? "is" : "are"
      } taken from the first document and never compared with the others'`,
      suggestion:
        "put it into the key or into a table of each document, where the others' values count; else say so with `touch`",
    });
  }
  if (role === "lookup" && !tables.some((other) => parentsOf(other).includes(table.table))) {
    report(
      [],
      "sql/unlinked-table",
      "no later table has it as `parent`, so nothing could prove that a document's row is there",
      "map the table that links it to the first one",
    );
  }

  const usable = (written: string, path: ReadonlyArray<string | number>): void => {
    if (Path.parse(written, table.each) === undefined) {
      report(
        path,
        "sql/path-start",
        table.each === undefined
          ? `${written} has no meaning without \`each\``
          : `${written} could be of the element or of the document`,
        table.each === undefined ? "drop $value" : `write $value.${written} or $root.${written}`,
      );
    }
  };
  if (table.each?.startsWith("$") === true) {
    report(["each"], "sql/path-start", "`each` starts at the document", "write it without $root or $value");
  }
  if (table.when !== undefined) usable(table.when.path, ["when", "path"]);
  for (const [written, source] of Object.entries(table.columns)) {
    const path = ["columns", written];
    if (source._tag === "Path") {
      usable(source.path, path);
      if (source.rejectWhenDropped !== undefined && !written.endsWith("?")) {
        report(
          path,
          "sql/never-dropped",
          "`rejectWhenDropped` is for columns that may be lacking",
          `write "${written}?"`,
        );
      }
    }
    if (source._tag !== "Parent") continue;
    const parent = earlier.find((other) => other.table === source.table);
    if (parent === undefined) {
      unknown(path, "no earlier table is", source.table, earlier.map((other) => other.table));
    } else if (parent.each !== undefined && !(table.each !== undefined && Path.leadsTo(parent.each, table.each))) {
      report(
        path,
        "sql/parent-scope",
        `which row of ${parent.table} (one per element of ${parent.each}) is meant cannot be told`,
        `let \`each\` start with ${parent.each}`,
      );
    }
  }
  if (role === "child" && !leadsToRoot(tables, index)) {
    report(
      ["columns"],
      "sql/parent-scope",
      "hangs on shared rows only",
      `give it a column { parent: ${tables[0]!.table} }`,
    );
  }

  if (table.whenExists._tag === "Fill") {
    Either.match(PredicateParser.parse(table.whenExists.predicate), {
      onLeft: ({ at, message }) =>
        report(
          ["whenExists", "fill"],
          "sql/predicate",
          `the predicate at character ${at}: ${message}`,
          "write it like \"url IS NULL OR url = ''\"",
        ),
      onRight: () => undefined,
    });
    if (table.whenExists.covers !== undefined) {
      checkCovers(tables, table.whenExists.covers, columns, unknown);
      for (const { column } of table.whenExists.covers.columns) {
        if (sourceOf(table, column)?._tag !== "Now") continue;
        const where = ["whenExists", "else"];
        report(where, "sql/covers-now", `${column} is the clock: no document says what it holds`, "leave it out");
      }
    }
  }
  return problems;
};

/** Of a column that is mapped, whether or not it may be lacking. */
const sourceOf = ({ columns }: Table, name: string) => columns[name] ?? columns[`${name}?`];

const leadsToRoot = (tables: ReadonlyArray<Table>, index: number): boolean =>
  index === 0 || parentsOf(tables[index]!).some((name) => {
    const parent = tables.findIndex((table) => table.table === name);
    return parent >= 0 && parent < index && leadsToRoot(tables, parent);
  });

const checkCovers = (
  tables: ReadonlyArray<Table>,
  covers: Covers,
  columns: ReadonlyArray<string>,
  unknown: (path: ReadonlyArray<string | number>, what: string, word: string, known: ReadonlyArray<string>) => void,
): void => {
  const children = tables.filter((_, index) => roleOf(tables, index) === "child").map((table) => table.table);
  for (const { column } of covers.columns) {
    if (!columns.includes(column)) {
      unknown(["whenExists", "else"], "`covers` names a column that is not mapped,", column, columns);
    }
  }
  for (const name of [...covers.equal, ...covers.subset]) {
    if (!children.includes(name)) {
      unknown(["whenExists", "else"], "`covers` names what is no child table,", name, children);
    }
  }
};
