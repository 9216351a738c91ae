/** What every driver of the Sql port owes: whole transactions, typed failures, int64 unrounded, nothing written by readers, no secrets. */
import { describe, expect, it } from "@effect/vitest";
import { Clock, Duration, Effect, Exit, Schedule, Schema, Scope } from "effect";
import type { Access } from "../../src/core/Access.ts";
import type { SqlError } from "../../src/core/Errors.ts";
import type { Item } from "../../src/core/Item.ts";
import type { Dialect, Sql } from "../../src/core/Sql.ts";
import { compilers } from "../../src/sql/Dialects.ts";
import * as Mapping from "../../src/sql/Mapping.ts";
import * as Resolve from "../../src/sql/Resolve.ts";
import * as Rows from "../../src/sql/Rows.ts";

export interface Database {
  readonly open: (
    options: { readonly access: Access; readonly statementTimeout: Duration.Duration },
  ) => Effect.Effect<Sql, unknown, Scope.Scope>;
  /** Another client; one connection. */
  readonly run: (sql: string) => Effect.Effect<void>;
  readonly rows: (sql: string) => Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>>;
  /** Sessions of others than `run` and `rows`, where the engine has sessions. */
  readonly sessions: Effect.Effect<number> | undefined;
}

export interface Engine {
  readonly title: string;
  readonly dialect: Dialect;
  readonly singleWriter: boolean;
  /** An id column, text for keys, int64, text of at most four characters. */
  readonly types: { readonly id: string; readonly text: string; readonly integer: string; readonly short: string };
  readonly begin: string;
  /** What no message may hold. */
  readonly secrets: ReadonlyArray<string>;
  readonly database: (ddl: string) => Effect.Effect<Database, unknown, Scope.Scope>;
}

const ddl = ({ id, integer, short, text }: Engine["types"]): string =>
  [
    `CREATE TABLE things (${id}, name ${text} NOT NULL, size ${integer}, code ${short}, UNIQUE (name), CHECK (size <> 13))`,
    `CREATE UNIQUE INDEX unforeseen ON things (size)`,
  ].join(";\n");

const decodeTables = Schema.decodeUnknownSync(Mapping.Tables);
const tables = decodeTables([{
  table: "things",
  key: ["name"],
  columns: { name: "name", size: "size", code: "code" },
  whenExists: { fill: "size IS NULL" },
}]);

interface Thing {
  readonly name: string;
  readonly size: bigint | null;
  readonly code?: string;
}

const itemOf = (value: Thing): Item => ({
  key: value.name,
  position: value.name,
  origin: { version: "", sha256: "" },
  value,
  weight: 1,
  bytes: 1,
});

/** Writes and reads back through the engine's own programs. */
const work = (dialect: Dialect, sql: Sql) =>
  Effect.gen(function*() {
    const compiler = compilers[dialect]!;
    const catalog = yield* sql.read(compiler.introspect, {}, undefined);
    const { layout, problems } = Resolve.resolve(tables, {
      catalog,
      paths: undefined,
      comparators: new Set(),
      collations: new Set(compiler.collations.keys()),
    });
    expect(problems).toEqual([]);
    const definition: object = compiler.compile(layout!);
    const builder = Rows.builder(layout!, compiler.collations);
    const batch = (things: ReadonlyArray<Thing>) => builder.sorted(things.map(itemOf)).batch;
    return {
      catalog,
      write: (things: ReadonlyArray<Thing>) => sql.write(compiler.upsert, definition, batch(things)),
      read: (things: ReadonlyArray<Thing>) => sql.read(compiler.readBack, definition, batch(things)),
    };
  });

export const sqlContract = (engine: Engine): void => {
  const { begin, database, dialect, secrets, singleWriter, title, types } = engine;
  const patient = { access: "write", statementTimeout: Duration.seconds(5) } as const;
  const fresh = database(ddl(types));

  describe(`Sql contract: ${title}`, () => {
    it.scoped("facts and identity say what is there, without secrets", () =>
      Effect.gen(function*() {
        const { open } = yield* fresh;
        const { facts, identity } = yield* open(patient);
        expect(facts).toMatchObject({ dialect, singleWriter, durable: true });
        expect(facts.version).toMatch(/\d/);
        expect(identity).toMatch(/./);
        for (const secret of secrets) expect(JSON.stringify([facts, identity])).not.toContain(secret);
        expect((yield* open({ ...patient, access: "read" })).identity).toBe(identity);
      }));

    it.scoped("int64 extremes, quotes, backslashes and what lies beyond the BMP arrive as they were sent", () =>
      Effect.gen(function*() {
        const { open, rows } = yield* fresh;
        const { read, write } = yield* work(dialect, yield* open(patient));
        const things = [
          { name: "largest", size: 2n ** 63n - 1n },
          { name: "smallest", size: -(2n ** 63n) },
          { name: "odd", size: 2n ** 53n + 1n },
          { name: `a'b"c\\d{e,f}`, size: 1n },
          { name: "NULL", size: 2n },
          { name: "\u{1F600}\uFFFD é\n\t", size: 3n },
          { name: "", size: 4n, code: "" },
        ];
        expect(yield* write(things)).toEqual(things.map(() => "wrote"));
        expect(yield* read(things)).toEqual(things.map(() => "exact"));
        const there = (yield* rows("SELECT name, size FROM things")).map(([name, size]) => `${name}=${size}`);
        expect([...there].sort()).toEqual(things.map(({ name, size }) => `${name}=${size}`).sort());
        const [other] = yield* read([{ name: "odd", size: 2n ** 53n }]);
        expect(other).toMatchObject({ columns: ["odd", 2n ** 53n + 1n, null] });
      }));

    it.scoped("a batch is one transaction: what a constraint refuses leaves nothing, and the session serves on", () =>
      Effect.gen(function*() {
        const { open, rows } = yield* fresh;
        const { write } = yield* work(dialect, yield* open(patient));
        yield* write([{ name: "first", size: 1n }]);
        const unique = yield* Effect.flip(write([{ name: "a", size: 2n }, { name: "b", size: 1n }]));
        expect(unique).toMatchObject({ _tag: "SqlError", reason: "Constraint" });
        const check = yield* Effect.flip(write([{ name: "a", size: 2n }, { name: "b", size: 13n }]));
        expect(check).toMatchObject({ _tag: "SqlError", reason: "Data" });
        expect(yield* rows("SELECT name FROM things")).toEqual([["first"]]);
        expect(yield* write([{ name: "a", size: 2n }])).toEqual(["wrote"]);
      }));

    it.scoped("Invariant 10: opened for reading, nothing can be written", () =>
      Effect.gen(function*() {
        const { open, rows } = yield* fresh;
        const sql = yield* open({ ...patient, access: "read" });
        const { read, write } = yield* work(dialect, sql);
        expect(yield* read([{ name: "a", size: 1n }])).toEqual(["absent"]);
        expect(yield* Effect.flip(write([{ name: "a", size: 1n }]))).toMatchObject({ reason: "Environment" });
        yield* sql.settle;
        yield* sql.checkup({ tables: ["things"], access: "read" });
        expect(yield* rows("SELECT count(*) FROM things")).toHaveLength(1);
        expect(String((yield* rows("SELECT count(*) FROM things"))[0]![0])).toBe("0");
      }));

    it.scoped("a row that another client locks is waited for as long as told, then Busy; then it is written", () =>
      Effect.gen(function*() {
        const { open, run } = yield* fresh;
        const { read, write } = yield* work(
          dialect,
          yield* open({ ...patient, statementTimeout: Duration.millis(400) }),
        );
        yield* run("INSERT INTO things (name) VALUES ('stub')");
        yield* run(begin);
        yield* run("UPDATE things SET code = 'mine' WHERE name = 'stub'");
        const [elapsed, error] = yield* Effect.timed(Effect.flip(write([{ name: "stub", size: 1n }])));
        expect(error).toMatchObject({ _tag: "SqlError", reason: "Busy" });
        expect(Duration.toMillis(elapsed)).toBeGreaterThan(300);
        expect(Duration.toMillis(elapsed)).toBeLessThan(5000);
        yield* run("ROLLBACK");
        expect(yield* write([{ name: "stub", size: 1n }])).toEqual(["wrote"]);
        expect(yield* read([{ name: "stub", size: 1n }])).toEqual(["exact"]);
      }).pipe(Effect.withClock(Clock.make())));

    it.scoped("many batches at once take their turns", () =>
      Effect.gen(function*() {
        const { open, rows } = yield* fresh;
        const { write } = yield* work(dialect, yield* open(patient));
        const numbers = Array.from({ length: 40 }, (_, number) => number);
        const answers = yield* Effect.forEach(
          numbers,
          (number) => write([{ name: `thing ${number}`, size: BigInt(100 + number) }]),
          { concurrency: "unbounded" },
        );
        expect(answers.flat()).toEqual(numbers.map(() => "wrote"));
        expect(String((yield* rows("SELECT count(*) FROM things"))[0]![0])).toBe("40");
      }).pipe(Effect.withClock(Clock.make())));

    it.scoped("a checkup tells a table that is there from one that is not, and names no secret", () =>
      Effect.gen(function*() {
        const { open } = yield* fresh;
        const sql = yield* open(patient);
        const good = yield* sql.checkup({ tables: ["things"], access: "write" });
        expect(good.filter(({ status }) => status === "fail")).toEqual([]);
        expect(good.map(({ name }) => name)).toEqual(expect.arrayContaining(["sql/reachable", "sql/tables"]));
        const bad = yield* sql.checkup({ tables: ["things", "nothings"], access: "write" });
        expect(bad.find(({ name }) => name === "sql/tables")).toMatchObject({
          status: "fail",
          detail: expect.stringContaining("nothings"),
          remedy: expect.any(String),
        });
        for (const secret of secrets) expect(JSON.stringify([good, bad])).not.toContain(secret);
      }));

    it.scoped("its connections end with its scope, and what comes later fails instead of waiting", () =>
      Effect.gen(function*() {
        const { open, sessions } = yield* fresh;
        const scope = yield* Scope.make();
        const sql = yield* Scope.extend(open(patient), scope);
        const { read } = yield* work(dialect, sql);
        if (sessions !== undefined) expect(yield* sessions).toBeGreaterThan(0);
        yield* Scope.close(scope, Exit.void);
        const error: SqlError = yield* Effect.flip(read([{ name: "a", size: 1n }]));
        expect(error._tag).toBe("SqlError");
        if (sessions !== undefined) {
          // The server takes a moment to see a client go.
          const ended = Effect.filterOrFail(sessions, (count) => count === 0);
          yield* Effect.ignore(
            Effect.retry(ended, Schedule.intersect(Schedule.recurs(50), Schedule.spaced("20 millis"))),
          );
          expect(yield* sessions).toBe(0);
        }
      }).pipe(Effect.withClock(Clock.make())));
  });
};
