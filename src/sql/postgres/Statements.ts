/**
 * The two statements of a layout for PostgreSQL: constant texts over arrays, one per column. Writing is one statement, and so one
 * snapshot: what others do meanwhile shows in ON CONFLICT, which looks at the rows as they are.
 */
import { childJoins, type Join } from "../Joins.ts";
import * as Layout from "../Layout.ts";
import * as Predicate from "../Predicate.ts";
import * as Canonical from "./Canonical.ts";

/** An array that a statement takes. */
export type Param =
  /** The values of a column; of parents the numbers of their rows. */
  | { readonly _tag: "Column"; readonly table: number; readonly column: number }
  /** The same as canonical texts. */
  | { readonly _tag: "Text"; readonly column: number }
  /** The place of each row's item. */
  | { readonly _tag: "Owners"; readonly table: number }
  /** Per item, what a child table should hold for it: a list of facets, itself an array in PostgreSQL's writing. */
  | { readonly _tag: "Facets"; readonly table: number };

export interface Statement {
  readonly text: string;
  readonly params: ReadonlyArray<Param>;
}

/** The definition of both programs: plain data. */
export interface Statements {
  readonly layout: Layout.Layout;
  /** Answers the items that were not written: number, and of a stub that must not be filled the child table that forbids it. */
  readonly upsert: Statement;
  /** Answers what is not as the document says: number, whether there, whether a stub, the root's columns, then of each child table a JSON array. */
  readonly readBack: Statement;
  readonly facets: ReadonlyArray<ReadonlyArray<Layout.Facet>>;
  readonly children: ReadonlyArray<number>;
}

export const compile = (layout: Layout.Layout): Statements => ({
  layout,
  upsert: upsert(layout),
  readBack: readBack(layout),
  facets: layout.tables.map((table, index) => table.role === "child" ? Layout.facets(layout, index) : []),
  children: childrenOf(layout),
});

export const describe = (
  { layout, readBack, upsert }: Statements,
): ReadonlyArray<{ readonly title: string; readonly text: string }> => {
  const names = layout.tables.map(({ name }) => name).join(", ");
  return [{ title: `write ${names}`, text: upsert.text }, { title: `read back ${names}`, text: readBack.text }];
};

const quote = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const qualify = (alias: string) => (name: string): string => `${alias}.${quote(name)}`;
const list = (parts: ReadonlyArray<string>): string => parts.join(", ");

const childrenOf = ({ tables }: Layout.Layout): ReadonlyArray<number> =>
  tables.flatMap(({ role }, index) => role === "child" ? [index] : []);

const arrayTypes: Partial<Record<Layout.Column["kind"], string>> = {
  integer: "bigint",
  boolean: "bigint",
  real: "double precision",
  decimal: "numeric",
  blob: "bytea",
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
  const text = typeof value.value === "string" ? `'${value.value.replaceAll("'", "''")}'` : String(value.value);
  return kind !== "text" || Canonical.isAssignable(type) ? text : `${text}::${type}`;
};

/** ncps sorts times as text where they are text: a space, UTC, an explicit offset. */
const now = (kind: Layout.Column["kind"]): string =>
  kind === "text" ? `to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US"+00:00"')` : "now()";

/** Collects the arrays of a statement and numbers them. */
const parameters = () => {
  const params: Array<Param> = [];
  return {
    params,
    /** `unnest` of some arrays, columns by name, rows numbered from 0 as `n`. */
    rows: (arrays: ReadonlyArray<readonly [name: string, type: string, param: Param]>): string => {
      const values = arrays.map(([, type, param]) => `$${params.push(param)}::${type}[]`);
      const names = arrays.map(([name]) => name);
      return `(SELECT ${list([...names, "o - 1 AS n"])} FROM unnest(${list(values)}) WITH ORDINALITY AS u(${
        list([...names, "o"])
      }))`;
    },
  };
};

/** The arrays that a table's rows come in; `c0`, `c1` … by position. */
const arraysOf = (layout: Layout.Layout, table: number) =>
  layout.tables[table]!.columns.flatMap(({ kind, source }, column) =>
    source._tag === "Path" || source._tag === "Parent"
      ? [
        [
          `c${column}`,
          source._tag === "Parent" ? "bigint" : arrayTypes[kind] ?? "text",
          { _tag: "Column", table, column },
        ] as const,
      ]
      : []
  );

/** Text sorts by bytes: it is the same order everywhere, and the cheapest. */
const sortKey = (column: Layout.Column, reference: string): string =>
  column.source._tag !== "Parent" && arrayTypes[column.kind] === undefined && column.kind !== "time"
    ? `${reference}::text COLLATE "C"`
    : reference;

const keyNames = (table: Layout.Table, alias?: string): ReadonlyArray<string> =>
  table.key.map((at) => (alias === undefined ? quote : qualify(alias))(table.columns[at]!.name));

/** Keys that are equal by bytes: the catalog's check lets no other collation pass. */
const keyMatch = (table: Layout.Table, alias: string, value: (column: number) => string): string =>
  table.key.map((at) => `${qualify(alias)(table.columns[at]!.name)} = ${value(at)}`).join(" AND ");

const isStub = (layout: Layout.Layout): string =>
  layout.fill === undefined ? "false" : `(${Predicate.render(layout.fill, qualify("t"))}) IS TRUE`;

/**
 * Row by row through an index: OFFSET and LIMIT keep the planner from hashing a whole table instead, which it believes cheaper where it
 * has no statistics.
 */
const down: Join = (table, alias, column, value) =>
  `CROSS JOIN LATERAL (SELECT * FROM ${table} AS x WHERE x.${column} = ${value} OFFSET 0) AS ${alias}`;
const up: Join = (table, alias, column, value) =>
  `LEFT JOIN LATERAL (SELECT * FROM ${table} AS x WHERE x.${column} = ${value} LIMIT 1) AS ${alias} ON true`;

/** The rows of a child table that belong to the root's row `t`: where they come from, and one text of facets per row. */
const childRows = (layout: Layout.Layout, index: number) => {
  const facets = Layout.facets(layout, index);
  const rootId = qualify("t")(layout.tables[0]!.id!);
  const { answers, joins } = childJoins(layout, index, facets, { quote, down, up, rootId });
  const parts = facets.map(({ column, table }, at) => {
    const { kind, type } = layout.tables[table]!.columns[column]!;
    return Canonical.expression(kind, type, answers[at]!);
  });
  return {
    // The planner takes the empty row away again.
    from: `(SELECT) AS k ${joins.join(" ")}`,
    text: parts.length === 1 ? parts[0]! : `json_build_array(${list(parts)})::text COLLATE "C"`,
  };
};

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

const upsert = (layout: Layout.Layout): Statement => {
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

type Rows = ReturnType<typeof parameters>["rows"];

/**
 * `i0` the items, `l0` those with a row (is it a stub, may it be filled), `k0` those that this statement wrote.
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
  const assignments = root.columns.flatMap(({ name, optional, source }, at) =>
    source._tag === "Now" || root.key.includes(at)
      ? []
      : [
        `${quote(name)} = ${
          optional ? `coalesce(EXCLUDED.${quote(name)}, ${qualify("t")(name)})` : `EXCLUDED.${quote(name)}`
        }`,
      ]
  );
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
    `k0 AS MATERIALIZED (SELECT ${list(["i.n", ...(id.length === 0 ? [] : ["u.id"])])} FROM u0 AS u JOIN i0 AS i ON ${
      root.key.map((at) => `u.k${at} = ${value(at)}`).join(" AND ")
    })`,
  ];
};

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

/** A child that nothing refers to. */
const leafCtes = (layout: Layout.Layout, index: number, rows: Rows): ReadonlyArray<string> => {
  const table = layout.tables[index]!;
  const order = table.key.map((at) => sortKey(table.columns[at]!, resolved(table, at)));
  return [
    `w${index} AS (INSERT INTO ${quote(table.name)} (${list(table.columns.map(({ name }) => quote(name)))})`
    + ` SELECT ${list(table.columns.map((_, at) => resolved(table, at)))} FROM ${rows(arraysOf(layout, index))} AS i${
      parentJoins(table)
    } ORDER BY ${list(order)} ON CONFLICT (${list(keyNames(table))}) DO NOTHING)`,
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
  const isCarried = (at: number): boolean => {
    const { source } = table.columns[at]!;
    return source._tag === "Path" || source._tag === "Parent" || table.key.includes(at);
  };
  const columns = table.columns.flatMap((column, at) => {
    const value = resolved(table, at);
    // A bare literal would have no type in `r`.
    const typed = column.source._tag === "Literal" && column.kind === "text" ? `${value}::text` : value;
    return isCarried(at) ? [`${typed} AS c${at}`] : [];
  });
  const order = list(table.key.map((at) => sortKey(table.columns[at]!, `r.c${at}`)));
  const id = quote(table.id!);
  const keys = (alias: string): ReadonlyArray<string> =>
    table.key.map((at) => `${qualify(alias)(table.columns[at]!.name)} AS k${at}`);
  const touched = table.touch.map(({ kind, name }) => `${quote(name)} = ${now(kind)}`);
  const untouched = keyNames(table)[0]!;
  const looks = touched.length === 0;
  const insert = `INSERT INTO ${quote(table.name)} AS t (${list(table.columns.map(({ name }) => quote(name)))})`
    + ` SELECT ${
      list(table.columns.map((_, at) => isCarried(at) ? `r.c${at}` : resolved(table, at)))
    } FROM d${index} AS r`
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
    `r${index} AS MATERIALIZED (SELECT ${list(["i.n", ...columns])} FROM ${
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

const readBack = (layout: Layout.Layout): Statement => {
  const { params, rows } = parameters();
  const root = layout.tables[0]!;
  const children = childrenOf(layout);
  const arrays = root.columns.flatMap(({ source }, column) =>
    source._tag === "Path" ? [[`c${column}`, "text", { _tag: "Text", column } as Param] as const] : []
  );
  const sets = children.map((table) => [`s${table}`, "text", { _tag: "Facets", table } as Param] as const);
  const expected = (at: number): string => {
    const column = root.columns[at]!;
    const { kind, source } = column;
    return source._tag === "Literal" ? textLiteral(Canonical.encode(kind, source.value)) : `i.c${at}`;
  };
  const key = (at: number): string => {
    const { kind, type } = root.columns[at]!;
    return Canonical.parsed(kind, type, expected(at));
  };
  const canonical = root.columns.map(({ kind, name, type }, at) =>
    `${Canonical.expression(kind, type, qualify("t")(name))} AS v${at}`
  );
  const differs = root.columns.flatMap((column, at) =>
    !Layout.isCompared(root, column)
      ? []
      : column.optional && column.source._tag === "Path"
      ? [`(i.c${at} IS NOT NULL AND t.v${at} IS DISTINCT FROM i.c${at})`]
      : [`t.v${at} IS DISTINCT FROM ${expected(at)}`]
  );
  const aggregates = children.map((table) => {
    const { from, text } = childRows(layout, table);
    return `(SELECT array_agg(f.v ORDER BY f.v) FROM (SELECT ${text} AS v FROM ${from}) AS f) AS s${table}`;
  });
  const id = root.id === undefined ? [] : [qualify("t")(root.id)];
  const answers = [
    "i.n",
    "t.there",
    "t.stub",
    ...root.columns.map((_, at) => `t.v${at}`),
    ...children.map((table) => `to_json(a.s${table})::text`),
  ];
  const text =
    `SELECT ${list(answers)}\nFROM ${rows([...arrays, ...sets])} AS i\nLEFT JOIN LATERAL (SELECT ${
      list(["true AS there", `${isStub(layout)} AS stub`, ...id, ...canonical])
    } FROM ${quote(root.name)} AS t WHERE ${keyMatch(root, "t", key)} LIMIT 1) AS t ON true`
    + (children.length === 0 ? "" : `\nLEFT JOIN LATERAL (SELECT ${list(aggregates)}) AS a ON true`)
    + `\nWHERE ${
      ["t.there IS NULL", ...differs, ...children.map((table) => `a.s${table} IS DISTINCT FROM i.s${table}::text[]`)]
        .join(" OR ")
    }`;
  return { text, params };
};

const textLiteral = (text: string | null): string => text === null ? "NULL" : `'${text.replaceAll("'", "''")}'`;
