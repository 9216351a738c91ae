/**
 * The statement that writes a batch: one, and so one snapshot. What others do meanwhile shows in ON CONFLICT, which looks at the rows as
 * they are.
 */
import * as Layout from "../Layout.ts";
import { arraysOf, arrayTypes, type Param, parameters, type Rows, type Statement } from "./Arrays.ts";
import * as Canonical from "./Canonical.ts";
import { childRows, isStub, keyMatch, keyNames, list, qualify, quote, textLiteral } from "./Parts.ts";

export const upsert = (layout: Layout.Layout): Statement => {
  const { params, rows } = parameters();
  const ctes = [...rootCtes(layout, rows)];
  for (let index = 1; index < layout.tables.length; index++) {
    const table = layout.tables[index]!;
    ctes.push(...(table.id === undefined ? leafCtes(layout, index, rows) : numberedCtes(layout, index, rows)));
  }
  const text = `WITH ${ctes.join(",\n")}\nSELECT i.n, l.refused FROM i0 AS i LEFT JOIN k0 AS k ON k.n = i.n`
    + ` LEFT JOIN l0 AS l ON l.n = i.n WHERE k.n IS NULL`;
  return { text, params };
};

/** A value of an array as its column takes it. */
const input = ({ kind, type }: Layout.Column, reference: string): string =>
  kind === "boolean"
    ? `(${reference} <> 0)`
    : arrayTypes[kind] === undefined && !Canonical.isAssignable(type)
    ? `${reference}::${type}`
    : reference;

const literal = ({ kind, type }: Layout.Column, value: Layout.Source & { readonly _tag: "Literal" }): string => {
  if (value.value === null) return "NULL";
  if (kind === "boolean") return value.value === 1n ? "true" : "false";
  const text = typeof value.value === "string" ? textLiteral(value.value) : String(value.value);
  return kind !== "text" || Canonical.isAssignable(type) ? text : `${text}::${type}`;
};

/** ncps sorts times as text where they are text: a space, UTC, an explicit offset. */
const now = (kind: Layout.Column["kind"]): string =>
  kind === "text" ? `to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00:00"')` : "now()";

/** Text sorts by bytes: it is the same order everywhere, and the cheapest. */
const sortKey = (column: Layout.Column, reference: string): string =>
  column.source._tag !== "Parent" && arrayTypes[column.kind] === undefined && column.kind !== "time"
    ? `${reference}::text COLLATE "C"`
    : reference;

/** A row's column where it goes into the table; `r` is the row of arrays, parents resolved by `parent`. */
const written = (column: Layout.Column, at: number, alias: string, parent: (table: number) => string): string => {
  const { kind, source } = column;
  switch (source._tag) {
    case "Path":
      return input(column, `${alias}.c${at}`);
    case "Literal":
      return literal(column, source);
    case "Now":
      return now(kind);
    case "Parent":
      return `${parent(source.table)}.id`;
  }
};

/**
 * `i0` the items, `l0` those with a row (is it a stub, may it be filled), `k0` those that this statement wrote; `fresh` had no row.
 * Invariant 5: what became full since the snapshot fails the condition of DO UPDATE, which sees the row as it is and locks it.
 */
const rootCtes = (layout: Layout.Layout, rows: Rows): ReadonlyArray<string> => {
  const root = layout.tables[0]!;
  const equal = layout.fill === undefined ? [] : Layout.equalChildren(layout);
  const sets = equal.map((table) => [`s${table}`, "text", { _tag: "Facets", table } as Param] as const);
  const refusals = equal.map((table) => {
    const { from, text } = childRows(layout, table);
    return `WHEN t.stub AND EXISTS (SELECT FROM ${from} WHERE (${text} = ANY (i.s${table}::text[])) IS NOT TRUE) THEN ${table}`;
  });
  const value = (at: number): string => written(root.columns[at]!, at, "i", () => "");
  const id = root.id === undefined ? [] : [quote(root.id)];
  const look = `SELECT i.n, t.stub, ${refusals.length === 0 ? "NULL" : `CASE ${refusals.join(" ")} END`} AS refused`
    + ` FROM i0 AS i CROSS JOIN LATERAL (SELECT ${list([`${isStub(layout)} AS stub`, ...id])} FROM ${
      quote(root.name)
    } AS t WHERE ${keyMatch(root, "t", value)} LIMIT 1) AS t`;
  const assignments = root.columns.flatMap((column, at) => {
    if (Layout.isNow(column) || root.key.includes(at)) return [];
    const given = `EXCLUDED.${quote(column.name)}`;
    return [`${quote(column.name)} = ${column.optional ? `coalesce(${given}, ${qualify("t")(column.name)})` : given}`];
  });
  const untouched = keyNames(root)[0]!;
  const onConflict = layout.fill === undefined
    ? "DO NOTHING"
    : `DO UPDATE SET ${list(assignments.length === 0 ? [`${untouched} = t.${untouched}`] : assignments)} WHERE ${
      isStub(layout)
    }`;
  const insert = `INSERT INTO ${quote(root.name)} AS t (${list(root.columns.map(({ name }) => quote(name)))})`
    + ` SELECT ${list(root.columns.map((_, at) => value(at)))} FROM i0 AS i LEFT JOIN l0 AS l ON l.n = i.n`
    + ` WHERE l.n IS NULL OR (l.stub AND l.refused IS NULL) ORDER BY i.n`
    + ` ON CONFLICT (${list(keyNames(root))}) ${onConflict}`
    + ` RETURNING ${
      list([
        ...(id.length === 0 ? [] : [`t.${id[0]} AS id`]),
        ...root.key.map((at) => `${qualify("t")(root.columns[at]!.name)} AS k${at}`),
      ])
    }`;
  return [
    `i0 AS MATERIALIZED ${rows([...arraysOf(layout, 0), ...sets])}`,
    `l0 AS MATERIALIZED (${look})`,
    `u0 AS (${insert})`,
    `k0 AS MATERIALIZED (SELECT ${
      list(["i.n", "l.n IS NULL AS fresh", ...(id.length === 0 ? [] : ["u.id"])])
    } FROM u0 AS u JOIN i0 AS i ON ${
      root.key.map((at) => `u.k${at} = ${value(at)}`).join(" AND ")
    } LEFT JOIN l0 AS l ON l.n = i.n)`,
  ];
};

/** A bare literal would have no type where it is carried. */
const typed = ({ kind, source, type }: Layout.Column, value: string): string =>
  source._tag === "Literal" && kind === "text" && Canonical.isAssignable(type) ? `${value}::text` : value;

/** What a row brings along from its arrays; the rest is said where it is inserted. */
const isCarried = (table: Layout.Table, at: number): boolean => {
  const { source } = table.columns[at]!;
  return source._tag === "Path" || source._tag === "Parent" || table.key.includes(at);
};

const carried = (table: Layout.Table): ReadonlyArray<string> =>
  table.columns.flatMap((column, at) =>
    isCarried(table, at) ? [`${typed(column, resolved(table, at))} AS c${at}`] : []
  );

/** A row's columns where it is inserted. */
const inserted = (table: Layout.Table, alias: string): string =>
  list(table.columns.map((_, at) => isCarried(table, at) ? `${alias}.c${at}` : resolved(table, at)));

/** Joins to what was written of each parent: rows of items that were not written fall away. */
const parentJoins = (table: Layout.Table): string =>
  table.columns.map(({ source }, at) =>
    source._tag === "Parent"
      ? ` JOIN k${source.table} AS k${source.table}_${at} ON k${source.table}_${at}.n = i.c${at}`
      : ""
  ).join("");

const resolved = (table: Layout.Table, at: number): string => {
  const column = table.columns[at]!;
  return written(column, at, "i", (parent) => `k${parent}_${at}`);
};

/** The column of a child's key that names the root's row. */
const rootInKey = (table: Layout.Table): number | undefined =>
  table.key.find((at) => {
    const { source } = table.columns[at]!;
    return source._tag === "Parent" && source.table === 0;
  });

/**
 * A child that nothing refers to: `c` its rows, each once, `w` those of fresh roots, `f` those of filled ones. What belongs to a fresh root
 * has nobody to conflict with, and without looking the server needs an eighth less time. Where a stub appeared since the snapshot, or rows
 * without a parent were left behind, it may have after all: then a constraint refuses the statement, and the next attempt sees the stub.
 */
const leafCtes = (layout: Layout.Layout, index: number, rows: Rows): ReadonlyArray<string> => {
  const table = layout.tables[index]!;
  // Literals are the same in every row, and whole numbers would be read as positions.
  const varying = table.key.filter((at) => table.columns[at]!.source._tag !== "Literal");
  const order = list(varying.map((at) => sortKey(table.columns[at]!, resolved(table, at))));
  const sorted = varying.length === 0 ? "" : ` ORDER BY ${order}`;
  const from = `${rows(arraysOf(layout, index))} AS i${parentJoins(table)}${sorted}`;
  const insert = `INSERT INTO ${quote(table.name)} (${list(table.columns.map(({ name }) => quote(name)))}) SELECT`;
  const unlessThere = `ON CONFLICT (${list(keyNames(table))}) DO NOTHING`;
  const parent = rootInKey(table);
  if (parent === undefined) {
    const values = list(table.columns.map((_, at) => resolved(table, at)));
    return [`w${index} AS (${insert} ${values} FROM ${from} ${unlessThere})`];
  }
  const columns = list([...carried(table), `k0_${parent}.fresh`]);
  const values = `${inserted(table, "c")} FROM c${index} AS c`;
  return [
    `c${index} AS MATERIALIZED (SELECT DISTINCT ON (${order}) ${columns} FROM ${from})`,
    `w${index} AS (${insert} ${values} WHERE c.fresh)`,
    ...(layout.fill === undefined ? [] : [`f${index} AS (${insert} ${values} WHERE NOT c.fresh ${unlessThere})`]),
  ];
};

/**
 * A table whose rows others refer to: `r` its rows, `d` one per key, `l` those that are there and stay, `w` those inserted or touched,
 * `k` the id of each row. A row that somebody inserted since the snapshot is not in `l`: the update that changes nothing gives its id.
 */
const numberedCtes = (layout: Layout.Layout, index: number, rows: Rows): ReadonlyArray<string> => {
  const table = layout.tables[index]!;
  const isShared = table.role === "lookup";
  const owners = isShared ? [["o0", "bigint", { _tag: "Owners", table: index } as Param] as const] : [];
  const order = list(table.key.map((at) => sortKey(table.columns[at]!, `r.c${at}`)));
  const id = quote(table.id!);
  const keys = (alias: string): ReadonlyArray<string> =>
    table.key.map((at) => `${qualify(alias)(table.columns[at]!.name)} AS k${at}`);
  const touched = table.touch.map(({ kind, name }) => `${quote(name)} = ${now(kind)}`);
  const untouched = keyNames(table)[0]!;
  const looks = touched.length === 0;
  const insert = `INSERT INTO ${quote(table.name)} AS t (${list(table.columns.map(({ name }) => quote(name)))})`
    + ` SELECT ${inserted(table, "r")} FROM d${index} AS r`
    + (looks ? ` WHERE NOT EXISTS (SELECT FROM l${index} AS l WHERE l.n = r.n)` : "")
    + ` ORDER BY ${order} ON CONFLICT (${list(keyNames(table))}) DO UPDATE SET ${
      looks ? `${untouched} = t.${untouched}` : list(touched)
    } RETURNING ${list([`t.${id} AS id`, ...keys("t")])}`;
  const found = looks
    ? [
      `l${index} AS MATERIALIZED (SELECT r.n, t.* FROM d${index} AS r CROSS JOIN LATERAL (SELECT ${
        list([`t.${id} AS id`, ...keys("t")])
      } FROM ${quote(table.name)} AS t WHERE ${keyMatch(table, "t", (at) => `r.c${at}`)} LIMIT 1) AS t)`,
    ]
    : [];
  const names = list(["id", ...table.key.map((at) => `k${at}`)]);
  const known = looks ? `(SELECT ${names} FROM l${index} UNION ALL SELECT ${names} FROM w${index})` : `w${index}`;
  return [
    `r${index} AS MATERIALIZED (SELECT ${list(["i.n", ...carried(table)])} FROM ${
      rows([...owners, ...arraysOf(layout, index)])
    } AS i${isShared ? " JOIN k0 ON k0.n = i.o0" : parentJoins(table)})`,
    `d${index} AS MATERIALIZED (SELECT DISTINCT ON (${order}) r.* FROM r${index} AS r ORDER BY ${order}, r.n)`,
    ...found,
    `w${index} AS (${insert})`,
    `k${index} AS MATERIALIZED (SELECT r.n, x.id FROM r${index} AS r JOIN ${known} AS x ON ${
      table.key.map((at) => `x.k${at} = r.c${at}`).join(" AND ")
    })`,
  ];
};
