/** A dotted path of a mapping, taken apart: where it starts and which fields it follows. */
export interface Path {
  /** `element`: what `each` is at; the document where a table has no `each`. */
  readonly from: "element" | "document";
  readonly fields: ReadonlyArray<string>;
}

/** As the spec writes it, below `each` or not; `undefined` where it starts at nothing there is. */
export const parse = (written: string, each: string | undefined): Path | undefined => {
  const [head, ...rest] = written.split(".");
  if (head === "$root") return { from: "document", fields: rest };
  if (head === "$value") return each === undefined ? undefined : { from: "element", fields: rest };
  return each === undefined ? { from: "document", fields: written.split(".") } : undefined;
};

/** What stands there; `undefined` where a field on the way is missing. */
export const follow = (start: unknown, fields: ReadonlyArray<string>): unknown => {
  let value = start;
  for (const field of fields) {
    if (typeof value !== "object" || value === null) return undefined;
    value = (value as Readonly<Record<string, unknown>>)[field];
  }
  return value;
};

/** Whether `outer` is `inner` or leads to it. */
export const leadsTo = (outer: string, inner: string): boolean => inner === outer || inner.startsWith(`${outer}.`);
