/** Reads a batch's rows and children as they stand. */
import type { Program } from "../../core/Sql.ts";
import type { Batch } from "../Rows.ts";
import { sightings } from "../Sightings.ts";
import type { Sighting } from "../Upsert.ts";
import * as Asked from "./Asked.ts";
import type { Statements } from "./Statements.ts";

export const program: Program<Statements, Batch, ReadonlyArray<Sighting>> = {
  name: "mysql/read-back",
  script: ({ facets, layout, tables }, batch) =>
    sightings({
      layout,
      facets,
      actual: (table, cells, rows) => Asked.ask(tables[table]!.actual!, cells.slice(1), rows),
    }, batch),
};
