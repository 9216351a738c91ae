import { Effect, Option, Schema, Stream } from "effect";
import * as Component from "../core/Component.ts";
import { Connections } from "../core/Connections.ts";
import type { StorageError } from "../core/Errors.ts";
import * as Field from "../core/Field.ts";
import type { Dismissal, Item, Sifted } from "../core/Item.ts";
import type { Problem } from "../core/Problem.ts";
import type { Entry, ReadOutcome, Storage, Target } from "../core/Storage.ts";

const Options = Schema.Struct({
  connection: Field.described(Field.connection("storage"), "Storage that holds the objects: a folder or a bucket"),
  prefix: Field.withDefault(
    Field.described(Field.text, "Key prefix", { examples: ["archive/2026/"] }),
    "What keys must begin with; for a whole folder, with its last slash",
    "",
  ),
  suffix: Field.withDefault(
    Field.described(Field.text, "Key suffix", { examples: [".ndjson"] }),
    "What keys must end with; objects without it are not looked at",
    "",
  ),
  maxObjectSize: Field.withDefault(
    Field.size,
    "Size over which an object is rejected unread",
    // One object must fit in memory a few times over.
    16 * 1024 * 1024,
  ),
});

type Options = typeof Options.Type;

/** Keys asked for at once: 512 objects of 700 bytes are 350 KiB and 10 ms of a local disk, so that a batch is never long in coming. */
const chunkKeys = 512;

/** Chunks read while the consumer is busy with one. */
const chunksAhead = 1;

const isPath = (text: string): boolean =>
  !text.startsWith("/")
  && text.split("/").every((name, i, names) =>
    name !== "." && name !== ".." && (name !== "" || i === names.length - 1)
  );

const checkOptions = ({ prefix, suffix, maxObjectSize }: Options): ReadonlyArray<Problem> => [
  ...(isPath(prefix) ? [] : [
    {
      code: "storage-objects/bad-prefix",
      severity: "error",
      path: ["prefix"],
      message: `no key can begin with ${JSON.stringify(prefix)}: keys have no leading, double or dotted parts`,
      suggestion: "write it like archive/2026/",
    } satisfies Problem,
  ]),
  ...(suffix.includes("/")
    ? [
      {
        code: "storage-objects/bad-suffix",
        severity: "error",
        path: ["suffix"],
        message: "a suffix is compared with the last part of a key, which holds no slash",
        suggestion: "write it like .ndjson",
      } satisfies Problem,
    ]
    : []),
  ...[{ name: "prefix", text: prefix }, { name: "suffix", text: suffix }].filter(({ text }) => /[*?]/.test(text)).map(
    ({ name, text }): Problem => ({
      code: "storage-objects/wildcard",
      severity: "warning",
      path: [name],
      message: `a ${name} has no wildcards: only keys with ${JSON.stringify(text)} as it stands are taken`,
      suggestion: `write it like ${name === "prefix" ? "archive/" : ".ndjson"}`,
    }),
  ),
  ...(maxObjectSize > 0 ? [] : [
    {
      code: "storage-objects/no-size",
      severity: "error",
      path: ["maxObjectSize"],
      message: "objects of no size at all cannot be anything",
      suggestion: "write 16MiB",
    } satisfies Problem,
  ]),
];

const dismissed = (
  key: string,
  outcome: Dismissal["outcome"],
  code: string,
  reason: string,
): Dismissal => ({
  item: { key, position: key, origin: { version: "", sha256: "" }, weight: 1, bytes: 0 },
  outcome,
  code,
  reason,
});

const isPlain = ({ odd }: Entry): boolean => odd === undefined;
const keyOf = ({ key }: Entry): string => key;

/** What became of the entries; `outcomes` are those of the entries that are not odd, in order. */
const sift = (
  entries: ReadonlyArray<Entry>,
  outcomes: ReadonlyArray<ReadOutcome>,
): Sifted<Component.ObjectValue> => {
  const items: Array<Item<Component.ObjectValue>> = [];
  const gone: Array<Dismissal> = [];
  let next = 0;
  for (const { key, odd } of entries) {
    const outcome = odd === undefined ? outcomes[next++]! : { _tag: "Refused" as const, ...odd };
    switch (outcome._tag) {
      case "Read":
        items.push({
          key,
          position: key,
          origin: outcome.origin,
          value: { bytes: outcome.bytes },
          weight: 1,
          bytes: outcome.bytes.length,
        });
        break;
      case "Gone":
        gone.push(dismissed(key, "skipped", "storage/gone", "it was gone before it was read"));
        break;
      case "Refused":
        gone.push(dismissed(key, outcome.outcome, outcome.code, outcome.reason));
    }
  }
  return { items, dismissed: gone };
};

/** How many of the entries are settled once this many of them have been read: odd ones ask for no reading. */
const settled = (entries: ReadonlyArray<Entry>, read: number): number => {
  let i = 0;
  for (let left = read; i < entries.length && (left > 0 || entries[i]!.odd !== undefined); i++) {
    if (entries[i]!.odd === undefined) left--;
  }
  return i;
};

/** What one object was cut into is one question, by the origin of its first item: the objects to ask for, and for each item the place of its own. */
const objectsOf = (items: ReadonlyArray<Item<unknown>>) => {
  const places = new Map<string, number>();
  const objects: Array<Target> = [];
  const asked = new Array<number>(items.length);
  for (let at = 0; at < items.length; at++) {
    const { key, origin, part } = items[at]!;
    const object = part?.object ?? key;
    const place = places.get(object) ?? objects.length;
    if (place === objects.length) {
      places.set(object, place);
      objects.push({ key: object, origin });
    }
    asked[at] = place;
  }
  return { asked, objects };
};

const picked = <A>(answers: ReadonlyArray<A>, places: ReadonlyArray<number>): ReadonlyArray<A> => {
  const found = new Array<A>(places.length);
  for (let at = 0; at < places.length; at++) found[at] = answers[places[at]!]!;
  return found;
};

const open = (
  storage: Storage,
  { prefix, suffix, maxObjectSize }: Options,
): Component.Source<Component.ObjectValue> => {
  /** In as many elements as the storage takes to read them: it answers in parts where objects are large. */
  const readAll = (entries: ReadonlyArray<Entry>): Stream.Stream<Sifted<Component.ObjectValue>, StorageError> =>
    Stream.unfoldEffect(entries, (rest) =>
      Effect.gen(function*() {
        if (rest.length === 0) return Option.none();
        const chunk = rest.slice(0, chunkKeys);
        const keys = chunk.filter(isPlain).map(keyOf);
        const outcomes = keys.length === 0 ? [] : yield* storage.read(keys, maxObjectSize);
        const done = settled(chunk, outcomes.length);
        return Option.some([sift(chunk.slice(0, done), outcomes), rest.slice(done)] as const);
      }));

  const pickable = (key: string): boolean =>
    key.startsWith(prefix) && key.endsWith(suffix) && !key.endsWith("/") && isPath(key);

  const { check } = storage;
  return {
    caps: { ordered: true, resumable: true, unique: true, countable: true },
    fingerprint: `${storage.identity} ${prefix}*${suffix}`,
    partitions: storage.partitions(prefix),
    read: (partition, after) =>
      storage.list({ prefix: partition, suffix, ...(after === undefined ? {} : { after }) }).pipe(
        Stream.flatMap(readAll),
        // Elements are whole chunks, so this does not take them apart.
        Stream.buffer({ capacity: chunksAhead }),
      ),
    pick: (keys) =>
      readAll(
        [...new Set(keys)].map((key) =>
          pickable(key) ? { key } : {
            key,
            odd: {
              outcome: "rejected",
              code: "storage/outside",
              reason: `it is no key that begins with ${JSON.stringify(prefix)} and ends with ${JSON.stringify(suffix)}`,
            },
          }
        ),
      ),
    ...(check === undefined ? {} : {
      check: (items) => {
        const { asked, objects } = objectsOf(items);
        return Effect.map(check(objects), (answers) => picked(answers, asked));
      },
    }),
    keys: (partition) => Stream.map(storage.list({ prefix: partition, suffix }), (entries) => entries.map(keyOf)),
    objects: { storage, prefix, suffix },
  };
};

const connect = ({ connection }: Options) =>
  Effect.flatMap(Connections, (connections) => connections.storage(connection));

/** Whole objects of a folder or a bucket, one item each; its key is the object's. */
export const storageObjects = Component.source({
  type: "storage-objects",
  summary: "Objects of a folder or a bucket",
  description:
    "Lists keys in byte order and reads whole objects. What is no plain file (symbolic links, FIFOs, folders named like an "
    + "object) is rejected and never followed or opened; a folder that cannot be listed counts as failed.",
  emits: "object",
  options: Options,
  needs: ({ connection, prefix }) => [{ kind: "storage", connection, needs: { prefix, deletes: false } }],
  examples: [
    {
      title: "The NDJSON files of one year",
      yaml: "type: storage-objects\nconnection: cache-storage\nprefix: archive/2026/\nsuffix: .ndjson\n",
    },
  ],
  check: checkOptions,
  inspect: (options) =>
    Effect.map(connect(options), (storage) => ({
      facts: undefined,
      identity: { storage: storage.identity, prefix: options.prefix, suffix: options.suffix },
      problems: [],
      statements: [],
    })),
  open: (options) => Effect.map(connect(options), (storage) => open(storage, options)),
});
