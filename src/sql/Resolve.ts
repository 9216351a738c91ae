/** Mapping and catalog → layout, or what the mapping needs and the database lacks. */
import { Either } from "effect";
import type { Problem } from "../core/Problem.ts";
import type { Value } from "../core/Sql.ts";
import type * as Catalog from "./Catalog.ts";
import * as CatalogCheck from "./CatalogCheck.ts";
import type { ColumnSource } from "./ColumnSource.ts";
import type { Literal } from "./Form.ts";
import type * as Layout from "./Layout.ts";
import { find, keyOf, present, uniqueKeyOf } from "./MappedTable.ts";
import type { Table } from "./Mapping.ts";
import * as Mapping from "./Mapping.ts";
import * as MappingCheck from "./MappingCheck.ts";
import * as Path from "./Path.ts";
import * as PredicateParser from "./PredicateParser.ts";

export interface Resolved {
  /** Absent where a problem is an error. */
  readonly layout: Layout.Layout | undefined;
  readonly problems: ReadonlyArray<Problem>;
}

/** Of a mapping in which `MappingCheck` finds nothing wrong. */
export const resolve = (tables: ReadonlyArray<Table>, around: CatalogCheck.Surroundings): Resolved => {
  const problems = CatalogCheck.check(tables, around);
  return {
    problems,
    layout: problems.some(({ severity }) => severity === "error") ? undefined : layoutOf(tables, around.catalog),
  };
};

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
      type: column.type,
      source: toSource(table, source),
      optional,
      kind: column.kind,
      notNull: column.notNull,
      maxLength: column.maxLength,
      maxCodePoint: column.maxCodePoint,
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
      touch: table.whenExists._tag === "Touch"
        ? table.whenExists.columns.map((name) => ({
          name,
          kind: actual.columns.find((one) => one.name === name)!.kind,
        }))
        : [],
      anchor: anchor < 0 ? undefined : anchor,
    };
  });

  const whenExists = tables[0]!.whenExists;
  const covers = whenExists._tag === "Fill" ? whenExists.covers : undefined;
  return {
    scopes,
    tables: resolved,
    dropped: tables.flatMap((table, index) => droppedOf(table, find(catalog, table.table)!, scopeOf[index]!)),
    fill: whenExists._tag === "Fill" ? Either.getOrUndefined(PredicateParser.parse(whenExists.predicate)) : undefined,
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
