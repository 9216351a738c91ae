/** Reads a batch back: the server compares, by bytes, and answers only what is not as the documents say. */
import type { Program, Value } from "../../core/Sql.ts";
import type { Batch } from "../Rows.ts";
import type { Sighting } from "../Upsert.ts";
import * as Canonical from "./Canonical.ts";
import * as Params from "./Params.ts";
import type { Statements } from "./Statements.ts";

export const program: Program<Statements, Batch, ReadonlyArray<Sighting>> = {
  name: "postgres/read-back",
  script: function*(statements, batch) {
    const { children, facets, layout, readBack } = statements;
    const root = layout.tables[0]!;
    const sightings = new Array<Sighting>(batch.size).fill("exact");
    const rows = yield { text: readBack.text, binds: [Params.of(statements, readBack, batch)], rows: true };
    const facetsOf = (table: number, text: Value): ReadonlyArray<ReadonlyArray<Value>> => {
      const kinds = facets[table]!.map(({ column, table: of }) => layout.tables[of]!.columns[column]!.kind);
      const listed: ReadonlyArray<string | null> = text === null ? [] : JSON.parse(String(text));
      return listed.map((one) => {
        const parts: ReadonlyArray<string | null> = kinds.length === 1 ? [one] : JSON.parse(one!);
        return parts.map((part, at) => Canonical.decode(kinds[at]!, part));
      });
    };
    for (const [n, there, stub, ...values] of rows) {
      sightings[Number(n)] = there === null ? "absent" : {
        fillable: stub === 1n,
        columns: root.columns.map(({ kind }, at) => Canonical.decode(kind, values[at] as string | null)),
        children: layout.tables.map((_, table) => {
          const at = children.indexOf(table);
          return at < 0 ? [] : facetsOf(table, values[root.columns.length + at]!);
        }),
      };
    }
    return sightings;
  },
};
