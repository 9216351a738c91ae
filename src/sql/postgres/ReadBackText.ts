/** The statement that reads a batch back: the server compares canonical texts, and answers what differs. */
import * as Layout from "../Layout.ts";
import { type Param, parameters, type Statement } from "./Arrays.ts";
import * as Canonical from "./Canonical.ts";
import { childrenOf, childRows, isStub, keyMatch, list, qualify, quote, textLiteral } from "./Parts.ts";

export const readBack = (layout: Layout.Layout): Statement => {
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
  const facets = (table: number, order: string): string => {
    const { from, text } = childRows(layout, table);
    return `(SELECT array_agg(f.v${order}) FROM (SELECT ${text} AS v FROM ${from}) AS f)`;
  };
  const sorted = (table: number): string => facets(table, " ORDER BY f.v");
  // As texts, which cost less than reading the expected one. An index mostly yields them in order: they are sorted only where it does not.
  const otherFacets = (table: number): string =>
    `(${
      [facets(table, ""), sorted(table)].map((found) => `${found}::text COLLATE "C" IS DISTINCT FROM i.s${table}`).join(
        " AND ",
      )
    })`;
  const id = root.id === undefined ? [] : [qualify("t")(root.id)];
  const answers = [
    "i.n",
    "t.there",
    "t.stub",
    ...root.columns.map((_, at) => `t.v${at}`),
    ...children.map((table) => `to_json(${sorted(table)})::text`),
  ];
  const text =
    `SELECT ${list(answers)}\nFROM ${rows([...arrays, ...sets])} AS i\nLEFT JOIN LATERAL (SELECT ${
      list(["true AS there", `${isStub(layout)} AS stub`, ...id, ...canonical])
    } FROM ${quote(root.name)} AS t WHERE ${keyMatch(root, "t", key)} LIMIT 1) AS t ON true`
    + `\nWHERE ${["t.there IS NULL", ...differs, ...children.map(otherFacets)].join(" OR ")}`;
  return { text, params };
};
