/** What a mapping needs and the database lacks: every finding names table and column. */
import { Either } from "effect";
import * as Nearest from "../core/Nearest.ts";
import type { Problem } from "../core/Problem.ts";
import type * as Catalog from "./Catalog.ts";
import type { ColumnSource } from "./ColumnSource.ts";
import { find, keyOf, present, uniqueKeyOf } from "./MappedTable.ts";
import type { Table } from "./Mapping.ts";
import * as Mapping from "./Mapping.ts";
import * as Path from "./Path.ts";
import * as Predicate from "./Predicate.ts";
import * as PredicateParser from "./PredicateParser.ts";

export interface Surroundings {
  readonly catalog: Catalog.Catalog;
  /** Dotted paths that documents have; absent: unknown. */
  readonly paths: ReadonlyArray<string> | undefined;
  readonly comparators: ReadonlySet<string>;
  /** Collations that the dialect can fold keys by. */
  readonly collations: ReadonlySet<string>;
}

/** Problems below the setting `tables`. */
export const check = (tables: ReadonlyArray<Table>, around: Surroundings): ReadonlyArray<Problem> =>
  tables.flatMap((table, index) =>
    [
      ...pathProblems(table, around),
      ...tableProblems(tables, table, around),
    ].map((problem) => ({ ...problem, path: ["tables", index, ...problem.path] }))
  );

const error = (path: Problem["path"], code: string, message: string, suggestion?: string): Problem => ({
  code,
  severity: "error",
  path,
  message,
  ...(suggestion === undefined ? {} : { suggestion }),
});

const didYouMean = (word: string, known: ReadonlyArray<string>): string => {
  const near = Nearest.nearest(word, known);
  return near === undefined ? `there are ${known.join(", ")}` : `did you mean ${near}?`;
};

/** Paths that no document has; what lies below list elements is known only where the transform says so. */
const pathProblems = (table: Table, { paths }: Surroundings): ReadonlyArray<Problem> => {
  if (paths === undefined) return [];
  const unknown = (at: Problem["path"], path: string): Problem =>
    error(at, "sql/unknown-path", `documents have no ${path}`, didYouMean(path, paths));
  const { each } = table;
  const problems = each === undefined || paths.some((path) => Path.leadsTo(each, path))
    ? []
    : [unknown(["each"], each)];
  for (const [written, source] of Object.entries(table.columns)) {
    const path = source._tag === "Path" ? Path.parse(source.path, each) : undefined;
    if (path?.from !== "document" || paths.includes(path.fields.join("."))) continue;
    problems.push(unknown(["columns", written], path.fields.join(".")));
  }
  return problems;
};

const tableProblems = (
  tables: ReadonlyArray<Table>,
  table: Table,
  around: Surroundings,
): ReadonlyArray<Problem> => {
  const { catalog } = around;
  const actual = find(catalog, table.table);
  if (actual === undefined) {
    const names = catalog.tables.map(({ name }) => name);
    const message = `the database has no table ${table.table}`;
    return [error(["table"], "sql/missing-table", message, didYouMean(table.table, names))];
  }
  if (actual.kind !== "table") {
    const message = `${table.table} is a ${actual.kind === "view" ? "view" : "virtual table"}`;
    return [error(["table"], "sql/no-table", message, "rows are written to plain tables only")];
  }
  return [
    ...(actual.unsafe === undefined
      ? []
      : [
        error(
          ["table"],
          "sql/unsafe-table",
          `table ${actual.name} ${actual.unsafe}`,
          "name a table that keeps its rows",
        ),
      ]),
    ...triggerProblems(actual),
    ...Object.entries(table.columns).flatMap(([written, source]) =>
      columnProblems(tables, catalog, actual, written, source)
    ),
    ...unmappedProblems(table, actual),
    ...keyProblems(keyOf(table, actual), actual, around.collations),
    ...existsProblems(table, actual, around.comparators),
  ];
};

const triggerProblems = ({ name, triggers }: Catalog.Table): ReadonlyArray<Problem> =>
  triggers.length === 0 ? [] : [{
    code: "sql/triggers",
    severity: "warning",
    path: ["table"],
    message: `table ${name} has triggers (${triggers.join(", ")}): what they write is not read back`,
  }];

const missing = (path: Problem["path"], { columns, name }: Catalog.Table, column: string): Problem =>
  error(
    path,
    "sql/missing-column",
    `table ${name} has no column ${column}`,
    didYouMean(column, columns.map((one) => one.name)),
  );

const columnProblems = (
  tables: ReadonlyArray<Table>,
  catalog: Catalog.Catalog,
  actual: Catalog.Table,
  written: string,
  source: ColumnSource,
): ReadonlyArray<Problem> => {
  const path = ["columns", written];
  const { name, optional } = Mapping.columnName(written);
  const column = actual.columns.find((one) => one.name === name);
  if (column === undefined) return optional ? [] : [missing(path, actual, name)];
  const where = `${actual.name}.${name}`;
  if (column.generated) {
    return [error(path, "sql/generated-column", `${where} is generated by the database`, "leave it out")];
  }
  const problems = holds(column, source)
    ? []
    : [error(path, "sql/wrong-type", `${where} (${column.type}) cannot hold ${describe(source)}`)];
  if (source._tag !== "Parent") return problems;
  const parent = find(catalog, source.table);
  const mapped = tables.find((other) => other.table === source.table);
  if (parent?.kind !== "table" || mapped === undefined) return problems;
  if (parent.id === undefined) {
    problems.push(error(path, "sql/no-id", `table ${parent.name} has no integer primary key to refer to`));
  } else if (present(mapped, parent).some((one) => one.column.name === parent.id)) {
    const message = `${parent.name}.${parent.id} numbers the rows of ${parent.name} and is mapped too`;
    problems.push(error(path, "sql/mapped-id", message, "leave its numbers to the database"));
  }
  return problems;
};

const unmappedProblems = (table: Table, actual: Catalog.Table): ReadonlyArray<Problem> => {
  const mapped = new Set(present(table, actual).map(({ column }) => column.name));
  return actual.columns.flatMap(({ generated, hasDefault, name, notNull }) =>
    !notNull || hasDefault || generated || name === actual.id || mapped.has(name) ? [] : [error(
      ["columns"],
      "sql/unmapped-column",
      `${table.table}.${name} must not be null, and nothing is mapped to it`,
      `add ${name} to columns`,
    )]
  );
};

const keyProblems = (
  key: ReadonlyArray<string>,
  actual: Catalog.Table,
  collations: ReadonlySet<string>,
): ReadonlyArray<Problem> => {
  if (!key.every((name) => actual.columns.some((column) => column.name === name))) return [];
  const unique = uniqueKeyOf(actual, key);
  if (unique === undefined) {
    const known = actual.uniqueKeys.map(({ columns }) => `(${columns.join(", ")})`);
    return [error(
      ["key"],
      "sql/no-unique-key",
      `table ${actual.name} has no unique index on exactly (${key.join(", ")}): duplicates could arise`,
      known.length === 0 ? "it has none at all" : `it has ${known.join(", ")}`,
    )];
  }
  return unique.collations.flatMap((name) =>
    collations.has(name) ? [] : [error(
      ["key"],
      "sql/unknown-collation",
      `the unique index on ${actual.name} (${key.join(", ")}) compares by ${name}`,
      `keys can be compared by ${[...collations].join(", ")}`,
    )]
  );
};

const existsProblems = (
  table: Table,
  actual: Catalog.Table,
  comparators: ReadonlySet<string>,
): ReadonlyArray<Problem> => {
  const { whenExists } = table;
  if (whenExists._tag === "Touch") {
    const path = ["whenExists", "touch"];
    return whenExists.columns.flatMap((name) => {
      const column = actual.columns.find((one) => one.name === name);
      if (column === undefined) return [missing(path, actual, name)];
      if (keyOf(table, actual).includes(name)) return [error(path, "sql/touched-key", `${name} is part of the key`)];
      return holds(column, { _tag: "Now" })
        ? []
        : [error(path, "sql/wrong-type", `${table.table}.${name} (${column.type}) cannot hold a time`)];
    });
  }
  if (whenExists._tag === "Keep") return [];
  const named = Either.match(PredicateParser.parse(whenExists.predicate), {
    onLeft: () => [],
    onRight: Predicate.columns,
  });
  return [
    ...[...new Set(named)].flatMap((name) =>
      actual.columns.some((column) => column.name === name) ? [] : [missing(["whenExists", "fill"], actual, name)]
    ),
    ...(whenExists.covers?.columns ?? []).flatMap(({ column, comparator }) =>
      comparator === undefined || comparators.has(comparator) ? [] : [error(
        ["whenExists", "else"],
        "sql/unknown-comparator",
        `there is no comparator ${JSON.stringify(comparator)} (for ${column})`,
        didYouMean(comparator, [...comparators]),
      )]
    ),
  ];
};

/** Whether a column's type can hold a source at all; documents' own values are looked at one by one. */
const holds = ({ kind, notNull }: Catalog.Column, source: ColumnSource): boolean => {
  switch (source._tag) {
    case "Path":
      return kind !== "time" && kind !== "other";
    case "Now":
      return kind === "time" || kind === "text" || kind === "numeric" || kind === "any";
    case "Parent":
      return kind === "integer" || kind === "numeric" || kind === "any";
    case "Literal":
      return source.value === null ? !notNull : holdsLiteral(kind, source.value);
  }
};

const holdsLiteral = (kind: Catalog.Kind, value: string | number | boolean): boolean => {
  switch (kind) {
    case "any":
      return true;
    case "text":
      return typeof value === "string";
    case "boolean":
      return value === 0 || value === 1 || typeof value === "boolean";
    case "integer":
    case "real":
    case "numeric":
    case "decimal":
      return typeof value !== "string";
    default:
      return false;
  }
};

const describe = (source: ColumnSource): string => {
  switch (source._tag) {
    case "Literal":
      return JSON.stringify(source.value);
    case "Now":
      return "a time";
    case "Parent":
      return "the id of a row";
    case "Path":
      return "a value of the document without changing it";
  }
};
