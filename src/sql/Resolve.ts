/** Mapping and catalog → layout, or what the mapping needs and the database lacks. */
import { Either } from "effect";
import * as Nearest from "../core/Nearest.ts";
import type { Problem } from "../core/Problem.ts";
import type { Value } from "../core/Sql.ts";
import type * as Catalog from "./Catalog.ts";
import type * as Layout from "./Layout.ts";
import type { ColumnSource, Literal, Table } from "./Mapping.ts";
import * as Mapping from "./Mapping.ts";
import * as MappingCheck from "./MappingCheck.ts";
import * as Path from "./Path.ts";
import * as Predicate from "./Predicate.ts";

export interface Surroundings {
  readonly catalog: Catalog.Catalog;
  /** Dotted paths that documents have; absent: unknown. */
  readonly paths: ReadonlyArray<string> | undefined;
  readonly comparators: ReadonlySet<string>;
  /** Collations that the dialect can fold keys by. */
  readonly collations: ReadonlySet<string>;
}

export interface Resolved {
  /** Absent where a problem is an error. */
  readonly layout: Layout.Layout | undefined;
  readonly problems: ReadonlyArray<Problem>;
}

/** Of a mapping in which `MappingCheck` finds nothing wrong. */
export const resolve = (tables: ReadonlyArray<Table>, around: Surroundings): Resolved => {
  const problems = tables.flatMap((table, index) => tableProblems(tables, table, index, around));
  return {
    problems,
    layout: problems.some(({ severity }) => severity === "error") ? undefined : layoutOf(tables, around.catalog),
  };
};

const find = (catalog: Catalog.Catalog, name: string) => catalog.tables.find((table) => table.name === name);

/** Columns without the optional ones that the table lacks. */
const present = (table: Table, actual: Catalog.Table) =>
  Object.entries(table.columns).flatMap(([written, source]) => {
    const { name, optional } = Mapping.columnName(written);
    const column = actual.columns.find((one) => one.name === name);
    return column === undefined ? [] : [{ column, optional, source }];
  });

const keyOf = (table: Table, actual: Catalog.Table): ReadonlyArray<string> =>
  table.key ?? present(table, actual).map(({ column }) => column.name);

const uniqueKeyOf = (actual: Catalog.Table, key: ReadonlyArray<string>): Catalog.UniqueKey | undefined =>
  actual.uniqueKeys.find(({ columns }) => columns.length === key.length && columns.every((name) => key.includes(name)));

const didYouMean = (word: string, known: ReadonlyArray<string>): string => {
  const near = Nearest.nearest(word, known);
  return near === undefined ? `it has ${known.join(", ")}` : `did you mean ${near}?`;
};

const tableProblems = (
  tables: ReadonlyArray<Table>,
  table: Table,
  index: number,
  { catalog, collations, comparators, paths }: Surroundings,
): ReadonlyArray<Problem> => {
  const problems: Array<Problem> = [];
  const report = (
    path: ReadonlyArray<string | number>,
    code: string,
    message: string,
    suggestion?: string,
    severity: Problem["severity"] = "error",
  ): void => {
    problems.push({
      code,
      severity,
      path: ["tables", index, ...path],
      message,
      ...(suggestion === undefined ? {} : { suggestion }),
    });
  };

  const known = paths === undefined ? undefined : new Set(paths);
  const isEmitted = (path: string): boolean =>
    known === undefined || [...known].some((emitted) => Path.leadsTo(path, emitted));
  if (table.each !== undefined && !isEmitted(table.each)) {
    report(["each"], "sql/unknown-path", `documents have no ${table.each}`, didYouMean(table.each, paths ?? []));
  }
  for (const [written, source] of Object.entries(table.columns)) {
    const path = source._tag === "Path" ? Path.parse(source.path, table.each) : undefined;
    if (path?.from === "document" && known !== undefined && !known.has(path.fields.join("."))) {
      report(
        ["columns", written],
        "sql/unknown-path",
        `documents have no ${path.fields.join(".")}`,
        didYouMean(path.fields.join("."), paths ?? []),
      );
    }
  }

  const actual = find(catalog, table.table);
  if (actual === undefined) {
    report(
      ["table"],
      "sql/missing-table",
      `the database has no table ${table.table}`,
      didYouMean(table.table, catalog.tables.map(({ name }) => name)),
    );
    return problems;
  }
  if (actual.kind !== "table") {
    report(
      ["table"],
      "sql/no-table",
      `${table.table} is a ${actual.kind}${actual.kind === "virtual" ? " table" : ""}`,
      "rows are written to plain tables only",
    );
    return problems;
  }
  if (actual.triggers.length > 0) {
    report(
      ["table"],
      "sql/triggers",
      `table ${table.table} has triggers (${actual.triggers.join(", ")}): what they write is not read back`,
      undefined,
      "warning",
    );
  }

  const names = actual.columns.map(({ name }) => name);
  const missing = (path: ReadonlyArray<string | number>, name: string): void =>
    report(path, "sql/missing-column", `table ${table.table} has no column ${name}`, didYouMean(name, names));

  for (const [written, source] of Object.entries(table.columns)) {
    const { name, optional } = Mapping.columnName(written);
    const column = actual.columns.find((one) => one.name === name);
    if (column === undefined) {
      if (!optional) missing(["columns", written], name);
      continue;
    }
    const holds = holdsSource(column, source);
    if (column.generated) {
      report(
        ["columns", written],
        "sql/generated-column",
        `${table.table}.${name} is generated by the database`,
        "leave it out",
      );
    } else if (!holds) {
      report(
        ["columns", written],
        "sql/wrong-type",
        `${table.table}.${name} (${column.type}) cannot hold ${describeSource(source)}`,
      );
    }
    if (source._tag === "Parent") {
      const parent = find(catalog, source.table);
      const mapped = tables.find((other) => other.table === source.table);
      if (parent?.kind === "table" && parent.id === undefined) {
        report(
          ["columns", written],
          "sql/no-id",
          `table ${parent.name} has no integer primary key of its own to refer to`,
        );
      } else if (
        parent?.id !== undefined && mapped !== undefined
        && present(mapped, parent).some((one) => one.column.name === parent.id)
      ) {
        report(
          ["columns", written],
          "sql/mapped-id",
          `${parent.name}.${parent.id} numbers the rows of ${parent.name} and is mapped too`,
          "leave its numbers to the database",
        );
      }
    }
  }
  const mapped = new Set(present(table, actual).map(({ column }) => column.name));
  for (const column of actual.columns) {
    if (
      column.notNull && !column.hasDefault && !column.generated && column.name !== actual.id && !mapped.has(column.name)
    ) {
      report(
        ["columns"],
        "sql/unmapped-column",
        `${table.table}.${column.name} must not be null, and nothing is mapped to it`,
        `add ${column.name} to columns`,
      );
    }
  }

  const key = keyOf(table, actual);
  const lacking = key.filter((name) => !names.includes(name));
  const unique = uniqueKeyOf(actual, key);
  if (lacking.length === 0 && unique === undefined && key.length > 0) {
    report(
      ["key"],
      "sql/no-unique-key",
      `table ${table.table} has no unique index on exactly (${key.join(", ")}): duplicates could arise`,
      actual.uniqueKeys.length === 0
        ? "it has none at all"
        : `it has ${actual.uniqueKeys.map(({ columns }) => `(${columns.join(", ")})`).join(", ")}`,
    );
  }
  for (const name of unique?.collations ?? []) {
    if (!collations.has(name)) {
      report(
        ["key"],
        "sql/unknown-collation",
        `the unique index on ${table.table} (${key.join(", ")}) compares by ${name}`,
        `keys can be compared by ${[...collations].join(", ")}`,
      );
    }
  }

  const { whenExists } = table;
  if (whenExists._tag === "Touch") {
    for (const name of whenExists.columns) {
      const column = actual.columns.find((one) => one.name === name);
      if (column === undefined) missing(["whenExists", "touch"], name);
      else if (!holdsSource(column, { _tag: "Now" })) {
        report(["whenExists", "touch"], "sql/wrong-type", `${table.table}.${name} (${column.type}) cannot hold a time`);
      }
      if (key.includes(name)) report(["whenExists", "touch"], "sql/touched-key", `${name} is part of the key`);
    }
  }
  if (whenExists._tag === "Fill") {
    const predicate = Either.getOrUndefined(Predicate.parse(whenExists.predicate));
    for (const name of predicate === undefined ? [] : new Set(Predicate.columns(predicate))) {
      if (!names.includes(name)) missing(["whenExists", "fill"], name);
    }
    for (const { column, comparator } of whenExists.covers?.columns ?? []) {
      if (comparator !== undefined && !comparators.has(comparator)) {
        report(
          ["whenExists", "else"],
          "sql/unknown-comparator",
          `there is no comparator ${JSON.stringify(comparator)} (for ${column})`,
          didYouMean(comparator, [...comparators]),
        );
      }
    }
  }
  return problems;
};

/** Whether a column's type can hold a source at all; documents' own values are looked at one by one. */
const holdsSource = (column: Catalog.Column, source: ColumnSource): boolean => {
  const { kind } = column;
  switch (source._tag) {
    case "Path":
      return true;
    case "Now":
      return kind === "text" || kind === "numeric" || kind === "any";
    case "Parent":
      return kind === "integer" || kind === "numeric" || kind === "any";
    case "Literal":
      return source.value === null
        ? !column.notNull
        : kind === "any"
          || (typeof source.value === "string"
            ? kind === "text"
            : kind === "integer" || kind === "numeric" || kind === "real");
  }
};

const describeSource = (source: ColumnSource): string =>
  source._tag === "Literal" ? JSON.stringify(source.value) : source._tag === "Now" ? "a time" : "the id of a row";

const literalValue = (value: Literal): Value =>
  typeof value === "boolean"
    ? (value ? 1n : 0n)
    : typeof value === "number" && Number.isInteger(value)
    ? BigInt(value)
    : value;

const layoutOf = (tables: ReadonlyArray<Table>, catalog: Catalog.Catalog): Layout.Layout => {
  const { scopeOf, scopes } = scopesOf(tables);
  const indexOf = (name: string): number => tables.findIndex((table) => table.table === name);
  const toSource = (table: Table, source: ColumnSource): Layout.Source => {
    switch (source._tag) {
      case "Path":
        return { _tag: "Path", ...Path.parse(source.path, table.each)! };
      case "Literal":
        return { _tag: "Literal", value: literalValue(source.value) };
      case "Now":
        return source;
      case "Parent":
        return { _tag: "Parent", table: indexOf(source.table) };
    }
  };

  const resolved = tables.map((table, index): Layout.Table => {
    const actual = find(catalog, table.table)!;
    const columns = present(table, actual).map(({ column, optional, source }): Layout.Column => ({
      name: column.name,
      source: toSource(table, source),
      optional,
      kind: column.kind,
      notNull: column.notNull,
      maxLength: column.maxLength,
    }));
    const key = keyOf(table, actual);
    const unique = uniqueKeyOf(actual, key)!;
    const position = (name: string): number => columns.findIndex((column) => column.name === name);
    const anchor = columns.findIndex(({ source }) =>
      source._tag === "Parent" && MappingCheck.roleOf(tables, source.table) !== "lookup"
    );
    return {
      name: table.table,
      role: MappingCheck.roleOf(tables, index),
      scope: scopeOf[index]!,
      when: table.when === undefined
        ? undefined
        : { path: Path.parse(table.when.path, table.each)!, test: table.when.test },
      columns,
      key: key.map(position),
      collations: key.map((name) => unique.collations[unique.columns.indexOf(name)]!),
      id: tables.some((other) => MappingCheck.parentsOf(other).includes(table.table)) ? actual.id : undefined,
      touch: table.whenExists._tag === "Touch" ? table.whenExists.columns : [],
      anchor: anchor < 0 ? undefined : anchor,
    };
  });

  const whenExists = tables[0]!.whenExists;
  const covers = whenExists._tag === "Fill" ? whenExists.covers : undefined;
  return {
    scopes,
    tables: resolved,
    dropped: tables.flatMap((table, index) => droppedOf(table, find(catalog, table.table)!, scopeOf[index]!)),
    fill: whenExists._tag === "Fill" ? Either.getOrUndefined(Predicate.parse(whenExists.predicate)) : undefined,
    covers: covers === undefined ? undefined : {
      columns: covers.columns.map(({ column, comparator }) => ({
        column: resolved[0]!.columns.findIndex(({ name }) => name === column),
        comparator,
      })).filter(({ column }) => column >= 0),
      equal: covers.equal.map(indexOf),
      subset: covers.subset.map(indexOf),
    },
    remembersIds: catalog.remembersIds,
  };
};

const droppedOf = (table: Table, actual: Catalog.Table, scope: number): ReadonlyArray<Layout.Dropped> =>
  Object.entries(table.columns).flatMap(([written, source]) => {
    const { name } = Mapping.columnName(written);
    return source._tag !== "Path" || source.rejectWhenDropped === undefined
        || actual.columns.some((column) => column.name === name)
      ? []
      : [{
        table: table.table,
        column: name,
        scope,
        path: Path.parse(source.path, table.each)!,
        code: source.rejectWhenDropped,
      }];
  });

/** One scope per distinct `each`, below the longest other `each` that leads to it. */
const scopesOf = (tables: ReadonlyArray<Table>) => {
  const eaches = [...new Set(tables.flatMap(({ each }) => each === undefined ? [] : [each]))].sort((a, b) =>
    a.length - b.length
  );
  const scopes: Array<Layout.Scope> = [{ up: 0, fields: [] }];
  const starts: Array<string> = [""];
  for (const each of eaches) {
    let up = 0;
    starts.forEach((start, scope) => {
      if (scope > 0 && Path.leadsTo(start, each)) up = scope;
    });
    scopes.push({ up, fields: each.slice(up === 0 ? 0 : starts[up]!.length + 1).split(".") });
    starts.push(each);
  }
  return { scopes, scopeOf: tables.map(({ each }) => each === undefined ? 0 : eaches.indexOf(each) + 1) };
};
