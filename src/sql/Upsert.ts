/** What writing and reading back a batch says, the same for every dialect. */
import type { Value } from "../core/Sql.ts";

/** Per item, in batch order: `wrote`, `found` (a full row, untouched), or why a stub cannot be filled (a conflict). */
export type Fate = "wrote" | "found" | { readonly conflict: string };

/** A row as it stands, with what stands in its child tables. */
export interface Snapshot {
  /** Whether it is a stub that waits to be filled. */
  readonly fillable: boolean;
  /** Values of the root's columns, as in the layout. */
  readonly columns: ReadonlyArray<Value>;
  /** Per table of the layout: rows of facets (`Layout.facets`); empty for the root and lookups. */
  readonly children: ReadonlyArray<ReadonlyArray<ReadonlyArray<Value>>>;
}

/** Per item, in batch order; `exact` when every written column and child is as the document says. */
export type Sighting = "absent" | "exact" | Snapshot;
