import { Effect, Schema } from "effect";
import { createHash } from "node:crypto";
import type { Access } from "../core/Access.ts";
import * as Component from "../core/Component.ts";
import type { Inspection, Sink, SinkSettings, Verdict, Written } from "../core/Component.ts";
import { Connections } from "../core/Connections.ts";
import { ConnectionError } from "../core/Errors.ts";
import * as Field from "../core/Field.ts";
import type { Item, Sifted } from "../core/Item.ts";
import type { Problem } from "../core/Problem.ts";
import type { Sql } from "../core/Sql.ts";
import type { Catalog } from "../sql/Catalog.ts";
import { type Compiler, compilers, syntaxes } from "../sql/Dialects.ts";
import * as Duplicates from "../sql/Duplicates.ts";
import type { Layout } from "../sql/Layout.ts";
import * as Mapping from "../sql/Mapping.ts";
import * as MappingCheck from "../sql/MappingCheck.ts";
import * as Resolve from "../sql/Resolve.ts";
import * as Rows from "../sql/Rows.ts";
import * as Sift from "../sql/Sift.ts";
import * as Stubs from "../sql/Stubs.ts";
import * as Unfilled from "../sql/Unfilled.ts";
import type { Fate } from "../sql/Upsert.ts";
import { verdicts } from "../sql/Verdict.ts";

const Options = Schema.Struct({
  connection: Field.described(Field.connection("sql"), "Database that receives the rows."),
  tables: Mapping.Tables.annotations({
    description: "How a document becomes rows, table by table; parents before children.",
  }),
  requires: Field.withDefault(
    Schema.Array(Schema.Struct({
      table: Field.described(Field.text, "Table that must exist before anything else is looked at."),
      remedy: Field.described(Field.text, "What to do where it is missing."),
    })),
    "Tables that show that somebody else has set the database up, looked for in this order; none is ever created here.",
    [],
  ),
  durability: Field.withDefault(
    Field.literal("full", "relaxed"),
    "`full` refuses a database whose commits a power loss can undo; `relaxed` accepts it, and with it deletes that outlive their rows.",
    "full",
  ),
});
type Options = typeof Options.Type;

/** What `inspect` hands to `open`. */
interface Facts {
  readonly layout: Layout | undefined;
}

const connect = ({ connection }: Options, { statementTimeout }: SinkSettings, access: Access) =>
  Effect.gen(function*() {
    const sql = yield* (yield* Connections).sql(connection, { access, statementTimeout });
    const compiler = compilers[sql.facts.dialect];
    if (compiler === undefined) {
      return yield* new ConnectionError({
        connection,
        reason: "Unsupported",
        detail: `sql-upsert cannot write to ${sql.facts.version}`,
      });
    }
    return { sql, compiler };
  });

/** The first one that is missing: what comes after it would only repeat it. */
const required = (options: Options, catalog: Catalog): ReadonlyArray<Problem> =>
  options.requires.flatMap(({ remedy, table }, index) =>
    catalog.tables.some(({ name }) => name === table) ? [] : [{
      code: "sql/missing-table",
      severity: "error" as const,
      path: ["requires", index],
      message: `the database has no table ${table}`,
      suggestion: remedy,
    }]
  ).slice(0, 1);

const durability = (options: Options, sql: Sql): ReadonlyArray<Problem> =>
  sql.facts.durable || options.durability === "relaxed" ? [] : [{
    code: "sql/not-durable",
    severity: "error",
    path: ["durability"],
    message: `a power loss can undo what ${sql.facts.version} has committed (${sql.facts.durability})`,
    suggestion: "change the database's settings, or write durability: relaxed",
  }];

/** Of the tables that are written: their schema is part of what a plan was approved for. */
const fingerprint = (options: Options, catalog: Catalog): string => {
  const mapped = new Set(options.tables.map(({ table }) => table));
  return createHash("sha256").update(JSON.stringify(catalog.tables.filter(({ name }) => mapped.has(name)))).digest(
    "hex",
  );
};

const inspect = (options: Options, settings: SinkSettings) =>
  Effect.gen(function*() {
    const { compiler, sql } = yield* connect(options, settings, "read");
    const catalog = yield* sql.read(compiler.introspect, {}, undefined);
    const lacking = required(options, catalog);
    // Without the tables that show a set-up database, the rest would only repeat it.
    const { layout, problems } = lacking.length > 0
      ? { layout: undefined, problems: [] }
      : Resolve.resolve(options.tables, {
        catalog,
        paths: settings.paths,
        comparators: new Set(settings.comparators.keys()),
        collations: new Set(compiler.collations.keys()),
      });
    return {
      facts: { layout } satisfies Facts,
      identity: { database: sql.identity, engine: sql.facts.version, schema: fingerprint(options, catalog) },
      problems: [...lacking, ...durability(options, sql), ...problems],
      statements: layout === undefined ? [] : compiler.describe(compiler.compile(layout)),
    } satisfies Inspection;
  });

const written = (fate: Fate): Written =>
  fate === "wrote"
    ? { _tag: "Wrote" }
    : fate === "found"
    ? { _tag: "Found" }
    : { _tag: "Refused", outcome: "conflict", code: "conflict/different", reason: fate.conflict };

const sift = (compiler: Compiler<object>, layout: Layout, builder: Rows.Builder) => {
  const faults = Sift.finder(layout, builder);
  const duplicates = Duplicates.finder(layout, builder, compiler.collations);
  return (items: ReadonlyArray<Item>): Sifted => {
    const broken = faults(items);
    const whole = broken.size === 0 ? items : items.filter((_, place) => !broken.has(place));
    const twice = duplicates(whole);
    if (broken.size + twice.size === 0) return { items, dismissed: [] };
    const rejected = (item: Item, { code, reason }: Sift.Fault) => Component.dismiss(item, "rejected", code, reason);
    return {
      items: whole.filter((_, place) => !twice.has(place)),
      dismissed: [
        ...[...broken].map(([place, fault]) => rejected(items[place]!, fault)),
        ...[...twice].map(([place, fault]) => rejected(whole[place]!, fault)),
      ],
    };
  };
};

/** A batch is sorted by key for the database; answers go back to the order the items came in. */
const unsorted = <A>(order: ReadonlyArray<number>, answers: ReadonlyArray<A>): ReadonlyArray<A> => {
  const placed = new Array<A>(answers.length);
  for (let at = 0; at < order.length; at++) placed[order[at]!] = answers[at]!;
  return placed;
};

const toSink = (sql: Sql, compiler: Compiler<object>, layout: Layout, { comparators, paths }: SinkSettings): Sink => {
  const builder = Rows.builder(layout, compiler.collations);
  const definition = compiler.compile(layout);
  const stubs = Stubs.compile(layout, syntaxes[sql.facts.dialect]);
  /** The same items are written and then read back: their rows are made once. */
  const batches = new WeakMap<ReadonlyArray<Item>, Rows.Sorted>();
  const sorted = (items: ReadonlyArray<Item>): Rows.Sorted => {
    const known = batches.get(items);
    if (known !== undefined) return known;
    const made = builder.sorted(items);
    batches.set(items, made);
    return made;
  };
  return {
    singleWriter: sql.facts.singleWriter,
    identify: ({ value }) => builder.identify(value),
    sift: sift(compiler, layout, builder),
    ...(paths === undefined ? { watch: Unfilled.watch(layout, builder) } : {}),
    ...(stubs === undefined ? {} : {
      stubs: {
        columns: Stubs.columnsOf(layout),
        page: (after) => sql.read(Stubs.program, stubs, after),
      },
    }),
    write: Effect.fn("SqlUpsert.write")(function*(items: ReadonlyArray<Item>) {
      const { batch, order } = sorted(items);
      const fates = yield* sql.write(compiler.upsert, definition, batch);
      return unsorted(order, fates.map(written));
    }),
    verify: Effect.fn("SqlUpsert.verify")(function*(items: ReadonlyArray<Item>) {
      const { batch, order } = sorted(items);
      const sightings = yield* sql.read(compiler.readBack, definition, batch);
      const found = verdicts(layout, comparators, batch, sightings);
      // Invariant 1: a row that was there, or that someone wrote since, may be committed but not synced; and a commit of ours that changed
      // nothing, as where a stub is filled with what it has, syncs nothing.
      if (found.some(({ _tag }) => _tag === "Exact" || _tag === "Covered")) yield* sql.settle;
      return unsorted<Verdict>(order, found);
    }),
  };
};

/** Rows of one or more tables per document, written by unique key: stubs are filled, full rows never overwritten. */
export const sqlUpsert = Component.sink<Options>({
  type: "sql-upsert",
  summary: "Rows in a SQL database, by unique key",
  description:
    "Writes each document as a row of the first table, with its children and shared rows. A row that is there already is left alone, "
    + "unless it is a stub (`fill`). Statements run per batch, never per item; the mapping of paths to columns is all it knows of the documents.",
  options: Options,
  examples: [{
    title: "Users with their mail addresses",
    yaml: `connection: target
tables:
  - table: users
    key: [name]
    columns: { name: name, full_name: fullName, created_at: { now: true } }
    whenExists:
      fill: "full_name IS NULL"
      else: { covers: { columns: [full_name], subset: [addresses] } }
  - table: addresses
    each: addresses
    key: [user_id, address]
    columns: { user_id: { parent: users }, address: $value }
`,
  }],
  accepts: "document",
  // Tables that are only required are looked for when the target is inspected: nobody needs rights on them.
  needs: ({ connection, tables }) => [{
    kind: "sql",
    connection,
    needs: { tables: [...new Set(tables.map(({ table }) => table))], access: "write" },
  }],
  check: ({ tables }) => MappingCheck.check(tables),
  inspect,
  open: (options, settings, facts, access) =>
    Effect.gen(function*() {
      const { compiler, sql } = yield* connect(options, settings, access);
      // Only the facts of an inspection without errors come here.
      return toSink(sql, compiler, (facts as Facts).layout!, settings);
    }),
});
