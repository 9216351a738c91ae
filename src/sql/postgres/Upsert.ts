/** Writes a batch in one statement: see `Statements` for what it does about others who write at the same time. */
import type { Program } from "../../core/Sql.ts";
import type { Batch } from "../Rows.ts";
import type { Fate } from "../Upsert.ts";
import * as Params from "./Params.ts";
import type { Statements } from "./Statements.ts";

export const program: Program<Statements, Batch, ReadonlyArray<Fate>> = {
  name: "postgres/upsert",
  script: function*(statements, batch) {
    const { layout, upsert } = statements;
    const fates = new Array<Fate>(batch.size).fill("wrote");
    const others = yield { text: upsert.text, binds: [Params.of(statements, upsert, batch)], rows: true };
    // Also what somebody inserted since the statement began and nobody may fill: reading back tells what it is.
    for (const [n, refusedBy] of others) {
      fates[Number(n)] = refusedBy === null
        ? "found"
        : {
          conflict: `the stub has rows in ${layout.tables[Number(refusedBy)]!.name} that the document does not have`,
        };
    }
    return fates;
  },
};
