/** Random mappings and documents, written in batches, against a model that goes row by row. */
import { describe, expect, it } from "@effect/vitest";
import { Clock, Effect, FastCheck, Fiber, type Scope } from "effect";
import type { Sink } from "../../src/core/Component.ts";
import type { Item } from "../../src/core/Item.ts";

/** How an engine spells the tables of this suite. */
export interface Types {
  /** The whole column `id`, which the engine fills in. `remembered`: ids of deleted rows are never given again, where that is a choice. */
  readonly id: (remembered: boolean) => string;
  /** Text that tells letter case apart and may be part of a key. */
  readonly text: string;
  readonly integer: string;
  readonly time: string;
  /** Begins a transaction that writes. */
  readonly begin: string;
}

export interface Opened {
  /** Another sink on the same database, with connections of its own. */
  readonly open: Effect.Effect<Sink, unknown, Scope.Scope>;
  /** One statement on a connection of its own, always the same one; dies of an error. */
  readonly run: (sql: string) => Effect.Effect<void>;
  readonly rows: (sql: string) => Effect.Effect<ReadonlyArray<ReadonlyArray<unknown>>>;
}

export interface Engine {
  readonly title: string;
  /** Whether our own writers never deadlock, whatever they share. */
  readonly deadlockFree: boolean;
  readonly types: Types;
  /** A database of this DDL and sinks with this mapping on it. */
  readonly open: (ddl: string, tables: ReadonlyArray<object>) => Effect.Effect<Opened, unknown, Scope.Scope>;
}

/** Which parts the mapping has. */
interface Shape {
  /** A second key column on the root. */
  readonly twoKeys: boolean;
  /** Children of the children. */
  readonly nested: boolean;
  readonly shared: boolean;
  /** Whether a stub's children must be the document's. */
  readonly equal: boolean;
  readonly remembered: boolean;
}

interface Document {
  readonly name: string;
  readonly site: number;
  readonly title: string;
  readonly size: bigint | null;
  readonly parts: ReadonlyArray<{ readonly label: string; readonly notes: ReadonlyArray<string> }>;
  readonly tags: ReadonlyArray<string>;
}

interface Before {
  readonly stubs: ReadonlyArray<
    { readonly name: string; readonly site: number; readonly label: string | null; readonly weight: number }
  >;
  readonly tags: ReadonlyArray<string>;
}

const word = FastCheck.constantFrom("a", "b", "c", "d", "é", "a b", "A", "", "\u{1F600}");
const key = FastCheck.constantFrom("k1", "k2", "k3", "k4", "k5", "K1");
const site = FastCheck.constantFrom(1, 2);
const shape: FastCheck.Arbitrary<Shape> = FastCheck.record({
  twoKeys: FastCheck.boolean(),
  nested: FastCheck.boolean(),
  shared: FastCheck.boolean(),
  equal: FastCheck.boolean(),
  remembered: FastCheck.boolean(),
});
const document: FastCheck.Arbitrary<Document> = FastCheck.record({
  name: key,
  site,
  title: word,
  size: FastCheck.oneof(FastCheck.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), FastCheck.constant(null)),
  parts: FastCheck.array(FastCheck.record({ label: word, notes: FastCheck.array(word, { maxLength: 3 }) }), {
    maxLength: 3,
  }),
  tags: FastCheck.array(word, { maxLength: 4 }),
});
const before: FastCheck.Arbitrary<Before> = FastCheck.record({
  stubs: FastCheck.array(
    FastCheck.record({ name: key, site, label: FastCheck.option(word), weight: FastCheck.constantFrom(0, 1, 2) }),
    { maxLength: 4 },
  ),
  tags: FastCheck.uniqueArray(word, { maxLength: 3 }),
});

/** Statements one by one. */
export const ddl = ({ id, integer, text, time }: Types, { remembered, twoKeys }: Shape): string =>
  [
    `CREATE TABLE roots (${
      id(remembered)
    }, name ${text} NOT NULL, site ${integer} NOT NULL, title ${text}, size ${integer}, UNIQUE (name${
      twoKeys ? ", site" : ""
    }))`,
    `CREATE TABLE parts (${
      id(remembered)
    }, root_id ${integer} NOT NULL, label ${text} NOT NULL, weight ${integer}, UNIQUE (root_id, label), FOREIGN KEY (root_id) REFERENCES roots (id) ON DELETE CASCADE)`,
    `CREATE TABLE notes (part_id ${integer} NOT NULL, note ${text} NOT NULL, PRIMARY KEY (part_id, note), FOREIGN KEY (part_id) REFERENCES parts (id) ON DELETE CASCADE)`,
    `CREATE TABLE tags (${id(remembered)}, tag ${text} NOT NULL, kind ${text} NOT NULL, seen ${time}, UNIQUE (tag))`,
    `CREATE TABLE tagged (root_id ${integer} NOT NULL, tag_id ${integer} NOT NULL, UNIQUE (root_id, tag_id), FOREIGN KEY (root_id) REFERENCES roots (id) ON DELETE CASCADE, FOREIGN KEY (tag_id) REFERENCES tags (id) ON DELETE CASCADE)`,
  ].join(";\n");

export const mapping = ({ equal, nested, shared, twoKeys }: Shape): ReadonlyArray<object> => [
  {
    table: "roots",
    key: twoKeys ? ["name", "site"] : ["name"],
    columns: { name: "name", site: "site", title: "title", size: "size" },
    whenExists: {
      fill: "title IS NULL",
      else: { covers: { columns: ["title"], [equal ? "equal" : "subset"]: ["parts"] } },
    },
  },
  {
    table: "parts",
    each: "parts",
    key: ["root_id", "label"],
    columns: { root_id: { parent: "roots" }, label: "$value.label", weight: { value: 1 } },
  },
  ...(nested
    ? [{ table: "notes", each: "parts.notes", columns: { part_id: { parent: "parts" }, note: "$value" } }]
    : []),
  ...(shared
    ? [
      {
        table: "tags",
        each: "tags",
        key: ["tag"],
        columns: { tag: "$value", kind: { value: "new" }, seen: { now: true } },
        whenExists: { touch: { seen: { now: true } } },
      },
      { table: "tagged", each: "tags", columns: { root_id: { parent: "roots" }, tag_id: { parent: "tags" } } },
    ]
    : []),
];

interface Row {
  title: string | null;
  size: bigint | null;
  site: number;
  /** Label → weight and notes. */
  readonly parts: Map<string, { readonly weight: number; readonly notes: Set<string> }>;
  readonly tags: Set<string>;
}

/** One item at a time, as the design says it. */
class Model {
  readonly roots = new Map<string, Row>();
  readonly tags = new Map<string, string>();
  readonly #shape: Shape;
  constructor(shape: Shape) {
    this.#shape = shape;
  }

  key({ name, site }: { readonly name: string; readonly site: number }): string {
    return this.#shape.twoKeys ? `${name}/${site}` : name;
  }

  write(document: Document): "Wrote" | "Found" | "Refused" {
    const there = this.roots.get(this.key(document));
    if (there !== undefined && there.title !== null) return "Found";
    const labels = new Set(document.parts.map(({ label }) => label));
    if (
      there !== undefined && this.#shape.equal
      && [...there.parts].some(([label, { weight }]) => !labels.has(label) || weight !== 1)
    ) return "Refused";
    const row = there ?? { title: null, size: null, site: document.site, parts: new Map(), tags: new Set() };
    this.roots.set(this.key(document), row);
    row.title = document.title;
    row.size = document.size;
    row.site = document.site;
    for (const { label, notes } of document.parts) {
      const part = row.parts.get(label) ?? { weight: 1, notes: new Set() };
      row.parts.set(label, part);
      if (this.#shape.nested) { for (const note of notes) part.notes.add(note); }
    }
    if (this.#shape.shared) {
      for (const tag of document.tags) {
        row.tags.add(tag);
        this.tags.set(tag, this.tags.get(tag)?.replace("unseen", "seen") ?? "new seen");
      }
    }
    return "Wrote";
  }

  isExact(document: Document): boolean {
    const row = this.roots.get(this.key(document));
    const labels = new Set(document.parts.map(({ label }) => label));
    const pairs = new Set(document.parts.flatMap(({ label, notes }) => notes.map((note) => `${label}\0${note}`)));
    const kept = row === undefined
      ? new Set()
      : new Set([...row.parts].flatMap(([label, { notes }]) => [...notes].map((note) => `${label}\0${note}`)));
    return row !== undefined && row.title === document.title && row.size === document.size && row.site === document.site
      && sameSet(labels, new Set(row.parts.keys())) && [...row.parts.values()].every(({ weight }) => weight === 1)
      && (!this.#shape.nested || sameSet(pairs, kept))
      && (!this.#shape.shared || sameSet(new Set(document.tags), row.tags));
  }

  dump() {
    const sorted = (rows: ReadonlyArray<ReadonlyArray<unknown>>) => rows.map((row) => row.map(textOf)).sort(byText);
    return {
      roots: sorted([...this.roots].map(([at, { size, title }]) => [at, title, size])),
      parts: sorted(
        [...this.roots].flatMap(([at, { parts }]) => [...parts].map(([label, { weight }]) => [at, label, weight])),
      ),
      notes: sorted(
        [...this.roots].flatMap(([at, { parts }]) =>
          [...parts].flatMap(([label, { notes }]) => [...notes].map((note) => [at, label, note]))
        ),
      ),
      tags: sorted([...this.tags]),
      tagged: sorted([...this.roots].flatMap(([at, { tags }]) => [...tags].map((tag) => [at, tag]))),
    };
  }
}

const sameSet = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));
const byText = (a: ReadonlyArray<unknown>, b: ReadonlyArray<unknown>): number => {
  const [left, right] = [a.map(String).join("\0"), b.map(String).join("\0")];
  return left < right ? -1 : left > right ? 1 : 0;
};

/** As text, so that engines' own numbers do not matter. */
const textOf = (value: unknown): string | null => value === null ? null : String(value);

const dump = ({ rows }: Opened, twoKeys: boolean) =>
  Effect.gen(function*() {
    const at = (name: unknown, site: unknown): string => twoKeys ? `${name}/${site}` : String(name);
    const sorted = function*(sql: string, row: (values: ReadonlyArray<unknown>) => ReadonlyArray<unknown>) {
      return (yield* rows(sql)).map((values) => row(values).map(textOf)).sort(byText);
    };
    return {
      roots: yield* sorted(
        "SELECT name, site, title, size FROM roots",
        ([name, site, ...rest]) => [at(name, site), ...rest],
      ),
      parts: yield* sorted(
        "SELECT r.name, r.site, p.label, p.weight FROM parts p JOIN roots r ON r.id = p.root_id",
        ([name, site, ...rest]) => [at(name, site), ...rest],
      ),
      notes: yield* sorted(
        "SELECT r.name, r.site, p.label, n.note FROM notes n JOIN parts p ON p.id = n.part_id JOIN roots r ON r.id = p.root_id",
        ([name, site, ...rest]) => [at(name, site), ...rest],
      ),
      tags: yield* sorted(
        "SELECT tag, kind, CASE WHEN seen IS NULL THEN 'unseen' ELSE 'seen' END FROM tags",
        ([tag, kind, seen]) => [tag, `${kind} ${seen}`],
      ),
      tagged: yield* sorted(
        "SELECT r.name, r.site, t.tag FROM tagged l JOIN roots r ON r.id = l.root_id JOIN tags t ON t.id = l.tag_id",
        ([name, site, tag]) => [at(name, site), tag],
      ),
    };
  });

const itemOf = (value: Document): Item => ({
  key: value.name,
  position: value.name,
  origin: { version: "", sha256: "" },
  value,
  weight: 1,
  bytes: 1,
});

/** As the engine does: no identity twice in a batch. */
const batchesOf = (sink: Sink, items: ReadonlyArray<Item>): ReadonlyArray<ReadonlyArray<Item>> => {
  const batches: Array<ReadonlyArray<Item>> = [];
  for (let rest = items; rest.length > 0;) {
    const batch = new Map<string, Item>();
    rest = rest.filter((item) => {
      const identity = sink.identify(item);
      if (batch.has(identity)) return true;
      batch.set(identity, item);
      return false;
    });
    batches.push([...batch.values()]);
  }
  return batches;
};

const literal = (value: string | number | null): string =>
  value === null ? "NULL" : typeof value === "number" ? String(value) : `'${value.replaceAll("'", "''")}'`;

/** As the engine does, though without pauses: what may succeed later is tried again. */
const persistently = <A>(write: Effect.Effect<A, { readonly _tag: string }>): Effect.Effect<A, unknown> =>
  Effect.retry(write, {
    times: 50,
    while: (error) =>
      error._tag === "SqlError" && ["Busy", "Constraint"].includes((error as unknown as { reason: string }).reason),
  });

const shuffled = <A>(list: ReadonlyArray<A>, random: () => number): ReadonlyArray<A> =>
  list.map((one) => [random(), one] as const).sort(([a], [b]) => a - b).map(([, one]) => one);

/** https://en.wikipedia.org/wiki/Linear_congruential_generator, of Numerical Recipes. */
const randomOf = (seed: number): () => number => {
  let state = seed >>> 0;
  return () => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) / 2 ** 32;
};

const racing: Shape = { twoKeys: false, nested: true, shared: true, equal: true, remembered: true };

const racer = (number: number): Document => ({
  name: `key ${number}`,
  site: 1,
  title: "document",
  size: BigInt(number),
  parts: [{ label: "a", notes: ["x", "y"] }, { label: `b${number % 3}`, notes: [] }],
  tags: ["all", `some ${number % 5}`],
});

/** What a process that follows the rules does with one row: leaves a stub, inserts or fills it with children of its own, or purges it. */
const rivalMoves = (name: string): ReadonlyArray<ReadonlyArray<string>> => {
  const part =
    `INSERT INTO parts (root_id, label, weight) SELECT id, 'rival', 1 FROM roots WHERE name = '${name}' AND title = 'rival'`
    + ` AND NOT EXISTS (SELECT 1 FROM parts p WHERE p.root_id = roots.id)`;
  return [
    [`INSERT INTO roots (name, site) VALUES ('${name}', 1)`],
    [`INSERT INTO roots (name, site, title) VALUES ('${name}', 1, 'rival')`, part],
    [`UPDATE roots SET title = 'rival' WHERE name = '${name}' AND title IS NULL`, part],
    [`DELETE FROM roots WHERE name = '${name}'`],
  ];
};

export const sqlUpsertContract = ({ deadlockFree, open, title, types }: Engine): void => {
  describe(`sql-upsert contract: ${title}`, () => {
    it.effect(
      "any mapping, any documents, any state before: the same rows and answers as row by row",
      () =>
        Effect.promise(() =>
          FastCheck.assert(
            FastCheck.asyncProperty(
              shape,
              before,
              FastCheck.array(document, { minLength: 1, maxLength: 12 }),
              (shape, before, documents) =>
                Effect.runPromise(Effect.scoped(Effect.gen(function*() {
                  const opened = yield* open(ddl(types, shape), mapping(shape));
                  const sink = yield* opened.open;
                  const model = new Model(shape);
                  for (const { label, name, site, weight } of before.stubs) {
                    if (model.roots.has(model.key({ name, site }))) continue;
                    yield* opened.run(`INSERT INTO roots (name, site) VALUES (${literal(name)}, ${site})`);
                    const row: Row = { title: null, size: null, site, parts: new Map(), tags: new Set() };
                    model.roots.set(model.key({ name, site }), row);
                    if (label === null) continue;
                    yield* opened.run(
                      `INSERT INTO parts (root_id, label, weight) SELECT max(id), ${
                        literal(label)
                      }, ${weight} FROM roots`,
                    );
                    row.parts.set(label, { weight, notes: new Set() });
                  }
                  for (const tag of before.tags) {
                    yield* opened.run(`INSERT INTO tags (tag, kind) VALUES (${literal(tag)}, 'old')`);
                    model.tags.set(tag, "old unseen");
                  }
                  for (const items of batchesOf(sink, documents.map(itemOf))) {
                    const written = yield* sink.write(items);
                    expect(written.map(({ _tag }) => _tag)).toEqual(
                      items.map(({ value }) => model.write(value as Document)),
                    );
                    const verdicts = yield* sink.verify(items);
                    expect(verdicts.map(({ _tag }) => _tag === "Exact")).toEqual(
                      items.map(({ value }) => model.isExact(value as Document)),
                    );
                  }
                  expect(yield* dump(opened, shape.twoKeys)).toEqual(model.dump());
                }))),
            ),
            { numRuns: 40, endOnFailure: true },
          )
        ),
      120_000,
    );

    it.effect(
      "Invariant 5: two runners beside a process that leaves stubs, fills and purges: no row is a mix of two writers",
      () =>
        Effect.promise(() =>
          FastCheck.assert(
            FastCheck.asyncProperty(FastCheck.integer(), (seed) =>
              Effect.runPromise(Effect.scoped(Effect.gen(function*() {
                const random = randomOf(seed);
                const opened = yield* open(ddl(types, racing), mapping(racing));
                const sinks = [yield* opened.open, yield* opened.open];
                const items = Array.from({ length: 60 }, (_, number) => itemOf(racer(number)));
                const batches = (list: ReadonlyArray<Item>) =>
                  Array.from({ length: 6 }, (_, at) => list.slice(at * 10, at * 10 + 10));
                const runners = yield* Effect.forEach(sinks, (sink) =>
                  Effect.fork(
                    Effect.forEach(batches(shuffled(items, random)), (batch) => persistently(sink.write(batch))),
                  ));
                const moves = shuffled(items, random).flatMap((item) =>
                  shuffled(rivalMoves(item.key), random).slice(0, 2)
                );
                for (const move of moves) {
                  yield* opened.run(types.begin);
                  const done = yield* Effect.exit(Effect.forEach(move, opened.run));
                  yield* opened.run(done._tag === "Success" ? "COMMIT" : "ROLLBACK");
                }
                yield* Effect.forEach(runners, Fiber.join);

                const { notes, parts, roots, tagged } = yield* dump(opened, false);
                const of = (rows: ReadonlyArray<ReadonlyArray<unknown>>, key: unknown) =>
                  rows.filter(([name]) => name === key).map(([, ...rest]) => rest);
                for (const [key, kind, size] of roots) {
                  const number = Number(String(key).slice(4));
                  const expected = racer(number);
                  const isOurs = kind === "document";
                  expect([key, kind, size]).toEqual([key, kind, isOurs ? String(number) : null]);
                  expect(of(parts, key)).toEqual(
                    isOurs ? [["a", "1"], [`b${number % 3}`, "1"]] : kind === "rival" ? [["rival", "1"]] : [],
                  );
                  expect(of(notes, key)).toEqual(isOurs ? [["a", "x"], ["a", "y"]] : []);
                  expect(of(tagged, key)).toEqual(isOurs ? expected.tags.map((tag) => [tag]) : []);
                }
                const kinds = new Map(roots.map(([key, kind]) => [key, kind]));
                const verdicts = yield* sinks[0]!.verify(items);
                expect(verdicts.map(({ _tag }) => _tag)).toEqual(items.map(({ key }) =>
                  kinds.get(key) === "document" ? "Exact" : kinds.get(key) === "rival" ? "Differs" : "Absent"
                ));
              })))),
            { numRuns: 6, endOnFailure: true },
          )
        ),
      120_000,
    );

    it.effect(
      "four writers of the same documents in any order: each is written once, by one of them",
      () =>
        Effect.scoped(Effect.gen(function*() {
          const opened = yield* open(ddl(types, racing), mapping(racing));
          const random = randomOf(7);
          const items = Array.from({ length: 400 }, (_, number) => itemOf(racer(number)));
          const answers = yield* Effect.forEach([1, 2, 3, 4], () =>
            Effect.gen(function*() {
              const sink = yield* opened.open;
              const mine = shuffled(items, random);
              const written: Array<string> = [];
              for (let at = 0; at < mine.length; at += 80) {
                const batch = mine.slice(at, at + 80);
                const once = sink.write(batch);
                const answer = yield* deadlockFree ? once : persistently(once);
                answer.forEach(({ _tag }, place) => {
                  if (_tag === "Wrote") written.push(batch[place]!.key);
                });
              }
              return written;
            }), { concurrency: "unbounded" });
          expect(answers.flat().sort()).toEqual(items.map(({ key }) => key).sort());
          expect((yield* (yield* opened.open).verify(items)).every(({ _tag }) => _tag === "Exact")).toBe(true);
        })).pipe(Effect.withClock(Clock.make())),
      60_000,
    );
  });
};
