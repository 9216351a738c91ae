/** Reads a batch's rows and children as they stand. */
import type { Program } from "../../core/Sql.ts";
import type { Batch } from "../Rows.ts";
import { sightings } from "../Sightings.ts";
import type { Sighting } from "../Upsert.ts";
import * as PerRows from "./PerRows.ts";
import type { Statements } from "./Statements.ts";

export const program: Program<Statements, Batch, ReadonlyArray<Sighting>> = {
  name: "sqlite/read-back",
  script: ({ facets, layout, tables }, batch) =>
    sightings({
      layout,
      facets,
      actual: (table, cells, rows) => PerRows.select(tables[table]!.actual!, cells, rows),
    }, batch),
};
