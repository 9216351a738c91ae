/** Children that a stub has and the document lacks, in a set that must be equal, are someone's: the stub is left alone. */
import type { Script, Value } from "../core/Sql.ts";
import * as Expected from "./Expected.ts";
import * as Layout from "./Layout.ts";
import type { Batch } from "./Rows.ts";
import type { Asking } from "./Sightings.ts";

/** Of stubs, by place, with their ids: why those that have such children cannot be filled. */
export const refusals = function*(
  { actual: ask, facets, layout }: Asking,
  batch: Batch,
  stubs: ReadonlyMap<number, Value>,
): Script<ReadonlyMap<number, string>> {
  const refused = new Map<number, string>();
  if (stubs.size === 0) return refused;
  const places = [...stubs.keys()];
  const every = Array.from({ length: batch.size }, (_, place) => place);
  const ids = every.map((place) => stubs.get(place) ?? null);
  for (const table of Layout.equalChildren(layout)) {
    const expected = Expected.childFacets(layout, batch, facets[table]!, table, (place) => stubs.has(place));
    for (const [n, ...values] of yield* ask(table, [every, ids], places)) {
      const place = Number(n);
      const actual = Expected.encodeFacets(values);
      if (!expected[place]!.some((row) => Expected.encodeFacets(row) === actual)) {
        refused.set(place, `the stub has rows in ${layout.tables[table]!.name} that the document does not have`);
      }
    }
  }
  return refused;
};
