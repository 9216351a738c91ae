import { Effect, Schema, Stream } from "effect";
import * as Component from "../../src/core/Component.ts";
import * as Field from "../../src/core/Field.ts";
import * as Registry from "../../src/core/Registry.ts";

const inspection = Effect.succeed({ facts: undefined, identity: {}, problems: [], statements: [] });

const objects = Component.source({
  type: "storage-objects",
  summary: "Objects of a storage",
  emits: "object",
  options: Schema.Struct({
    connection: Field.described(Field.connection("storage"), "Where the objects are"),
    prefix: Field.withDefault(Field.text, "What keys start with", ""),
    suffix: Field.withDefault(Field.text, "What keys end with", ""),
  }),
  examples: [{ title: "Narinfos", yaml: "type: storage-objects\nconnection: cache-storage\n" }],
  inspect: () => inspection,
  open: () =>
    Effect.succeed({
      caps: { ordered: true, resumable: true, unique: true, countable: true },
      fingerprint: "",
      partitions: Effect.succeed([]),
      read: () => Stream.empty,
      pick: () => Stream.empty,
      keys: () => Stream.empty,
    }),
});

const parse = Component.transform({
  type: "parse-narinfo",
  summary: "Read narinfos",
  accepts: "object",
  emits: "narinfo",
  paths: ["hash", "url"],
  options: Schema.Struct({}),
  examples: [{ title: "Plain", yaml: "type: parse-narinfo" }],
  make: () => ({ apply: (items) => ({ items, dismissed: [] }) }),
});

const Tables = Schema.Array(Schema.Struct({
  table: Field.described(Field.text, "Name of the table"),
  columns: Field.record(
    Schema.Union(Field.valuePath, Schema.Struct({ now: Field.flag }), Schema.Struct({ value: Field.text })),
  ),
}));

const upsert = Component.sink({
  type: "sql-upsert",
  summary: "Rows of a database",
  accepts: "narinfo",
  options: Schema.Struct({
    connection: Field.described(Field.connection("sql"), "Database that is written"),
    tables: Tables.annotations({ description: "What goes into which table" }),
    token: Field.optional(Field.secret, "Access token"),
  }),
  check: ({ tables }) =>
    tables.length > 0
      ? []
      : [{ code: "sql/no-tables", severity: "error", path: ["tables"], message: "no tables", suggestion: "name one" }],
  examples: [{ title: "One table", yaml: "type: sql-upsert\nconnection: db\ntables: []\n" }],
  inspect: () => inspection,
  open: () =>
    Effect.succeed({
      singleWriter: false,
      identify: (item) => item.key,
      sift: (items) => ({ items, dismissed: [] }),
      write: () => Effect.succeed([]),
      verify: () => Effect.succeed([]),
    }),
});

const remove = Component.postStep({
  type: "delete-objects",
  summary: "Delete what was migrated",
  deletes: true,
  options: Schema.Struct({
    withoutConditionalDelete: Field.withDefault(
      Field.literal("refuse", "head-compare"),
      "What to do without",
      "refuse",
    ),
  }),
  examples: [{ title: "Plain", yaml: "type: delete-objects" }],
  inspect: () => inspection,
  open: () => Effect.succeed({ apply: () => Effect.succeed([]), finish: Effect.void }),
});

/** Components with the settings of the real ones, that do nothing. */
export const registry = Registry.make([objects, parse, upsert, remove], {});
