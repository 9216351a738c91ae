/** Random mappings and documents, written in batches, against a model that goes row by row. */
import { describe, expect, it } from "@effect/vitest";
import { Effect, FastCheck, type Scope } from "effect";
import type { Sink } from "../../src/core/Component.ts";
import type { Item } from "../../src/core/Item.ts";

export interface Opened {
  readonly sink: Sink;
  readonly run: (sql: string, ...binds: ReadonlyArray<string | number | null>) => void;
  readonly rows: (sql: string) => ReadonlyArray<ReadonlyArray<unknown>>;
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
  readonly autoincrement: boolean;
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
  autoincrement: FastCheck.boolean(),
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

export const ddl = ({ autoincrement, twoKeys }: Shape): string => {
  const id = `id INTEGER PRIMARY KEY${autoincrement ? " AUTOINCREMENT" : ""}`;
  return `CREATE TABLE roots (${id}, name TEXT NOT NULL, site INTEGER NOT NULL, title TEXT, size BIGINT, UNIQUE (name${
    twoKeys ? ", site" : ""
  }));
    CREATE TABLE parts (${id}, root_id INTEGER NOT NULL REFERENCES roots (id), label TEXT NOT NULL, weight INTEGER, UNIQUE (root_id, label));
    CREATE TABLE notes (part_id INTEGER NOT NULL REFERENCES parts (id), note TEXT NOT NULL, PRIMARY KEY (part_id, note)) WITHOUT ROWID;
    CREATE TABLE tags (${id}, tag TEXT NOT NULL UNIQUE, kind TEXT NOT NULL, seen TEXT);
    CREATE TABLE tagged (root_id INTEGER NOT NULL REFERENCES roots (id), tag_id INTEGER NOT NULL REFERENCES tags (id), UNIQUE (root_id, tag_id));`;
};

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
    return {
      roots: [...this.roots].map(([at, { size, title }]) => [at, title, size]).sort(byText),
      parts: [...this.roots].flatMap(([at, { parts }]) =>
        [...parts].map(([label, { weight }]) => [at, label, BigInt(weight)])
      ).sort(byText),
      notes: [...this.roots].flatMap(([at, { parts }]) =>
        [...parts].flatMap(([label, { notes }]) => [...notes].map((note) => [at, label, note]))
      ).sort(byText),
      tags: [...this.tags].map(([tag, state]) => [tag, state]).sort(byText),
      tagged: [...this.roots].flatMap(([at, { tags }]) => [...tags].map((tag) => [at, tag])).sort(byText),
    };
  }
}

const sameSet = (a: ReadonlySet<unknown>, b: ReadonlySet<unknown>): boolean =>
  a.size === b.size && [...a].every((one) => b.has(one));
const byText = (a: ReadonlyArray<unknown>, b: ReadonlyArray<unknown>): number => {
  const [left, right] = [a.map(String).join("\0"), b.map(String).join("\0")];
  return left < right ? -1 : left > right ? 1 : 0;
};

const dump = ({ rows }: Opened, twoKeys: boolean) => {
  const at = twoKeys ? "r.name || '/' || r.site" : "r.name";
  const sorted = (sql: string) => [...rows(sql)].sort(byText);
  return {
    roots: sorted(`SELECT ${at}, title, size FROM roots r`),
    parts: sorted(`SELECT ${at}, label, weight FROM parts p JOIN roots r ON r.id = p.root_id`),
    notes: sorted(
      `SELECT ${at}, label, note FROM notes n JOIN parts p ON p.id = n.part_id JOIN roots r ON r.id = p.root_id`,
    ),
    tags: sorted("SELECT tag, kind || CASE WHEN seen IS NULL THEN ' unseen' ELSE ' seen' END FROM tags"),
    tagged: sorted(`SELECT ${at}, tag FROM tagged l JOIN roots r ON r.id = l.root_id JOIN tags t ON t.id = l.tag_id`),
  };
};

const itemOf = (value: Document): Item => ({
  key: value.name,
  position: value.name,
  origin: { version: "", sha256: "" },
  value,
  weight: 1,
  bytes: 1,
});

/** `open` makes a database of this DDL and a sink with this mapping on it. */
export const sqlUpsertContract = (
  title: string,
  open: (ddl: string, tables: ReadonlyArray<object>) => Effect.Effect<Opened, unknown, Scope.Scope>,
): void => {
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
                  const opened = yield* open(ddl(shape), mapping(shape));
                  const model = new Model(shape);
                  for (const { label, name, site, weight } of before.stubs) {
                    if (model.roots.has(model.key({ name, site }))) continue;
                    opened.run("INSERT INTO roots (name, site) VALUES (?, ?)", name, site);
                    const row: Row = { title: null, size: null, site, parts: new Map(), tags: new Set() };
                    model.roots.set(model.key({ name, site }), row);
                    if (label === null) continue;
                    opened.run(
                      "INSERT INTO parts (root_id, label, weight) SELECT max(id), ?, ? FROM roots",
                      label,
                      weight,
                    );
                    row.parts.set(label, { weight, notes: new Set() });
                  }
                  for (const tag of before.tags) {
                    opened.run("INSERT INTO tags (tag, kind) VALUES (?, 'old')", tag);
                    model.tags.set(tag, "old unseen");
                  }
                  // As the engine does: no identity twice in a batch.
                  let rest = documents.map(itemOf);
                  while (rest.length > 0) {
                    const batch = new Map<string, Item>();
                    const later = rest.filter((item) => {
                      const identity = opened.sink.identify(item);
                      if (batch.has(identity)) return true;
                      batch.set(identity, item);
                      return false;
                    });
                    const items = [...batch.values()];
                    const written = yield* opened.sink.write(items);
                    expect(written.map(({ _tag }) => _tag)).toEqual(
                      items.map(({ value }) => model.write(value as Document)),
                    );
                    const verdicts = yield* opened.sink.verify(items);
                    expect(verdicts.map(({ _tag }) => _tag === "Exact")).toEqual(
                      items.map(({ value }) => model.isExact(value as Document)),
                    );
                    rest = later;
                  }
                  expect(dump(opened, shape.twoKeys)).toEqual(model.dump());
                }))),
            ),
            { numRuns: 40, endOnFailure: true },
          )
        ),
      120_000,
    );
  });
};
