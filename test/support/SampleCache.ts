/**
 * A sample of what lies in the storage and the database of a real ncps. What must become of each narinfo is known
 * beforehand, so that a ledger can be checked against it.
 */
import type { Database } from "better-sqlite3";
import { execFileSync } from "node:child_process";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { broken, diceOf, draft, pathOf, print, stored, valid } from "./SampleKinds.ts";
import type { Dice, Expected, Kind, Marker, SampleRow } from "./SampleKinds.ts";

export interface Sample {
  /** Below the root of the cache. */
  readonly key: string;
  readonly kind: string;
  /** What a whole run over a database of the newest schema says of it. */
  readonly expected: Expected;
  /** Of a reject or conflict. */
  readonly code: string | undefined;
  readonly content: Uint8Array | Marker;
  /** What the database holds under its hash before the run. */
  readonly row: SampleRow | undefined;
  /** What it must hold afterwards, where the sample is committed. */
  readonly wanted: SampleRow | undefined;
}

const kinds: ReadonlyMap<string, Kind> = new Map(Object.entries({ ...valid, ...stored, ...broken }));

/** Of a hundred narinfos beyond the first of each kind: most are plain, many are stubs or migrated, few are broken. */
const shares: ReadonlyArray<readonly [number, ReadonlyArray<string>]> = [
  [45, ["xz", "zstd"]],
  [25, Object.keys(valid)],
  [15, ["stub, NULL", "stub, empty"]],
  [12, ["migrated before", "migrated and signed again", "migrated and stored uncompressed"]],
  [2, Object.keys(broken)],
  [1, Object.keys(stored)],
];

const kindOf = (dice: Dice, index: number): string => {
  const names = [...kinds.keys()];
  if (index < names.length) return names[index]!;
  let at = dice.number("share", 100);
  const [, group] = shares.find(([share]) => (at -= share) < 0)!;
  return dice.pick("kind", group);
};

const markers = ["symlink", "folder", "fifo"] as const;

const toContent = (content: string | Uint8Array): Sample["content"] =>
  typeof content !== "string" ? content : markers.find((marker) => marker === content) ?? Buffer.from(content);

/** Number of kinds: a sample of as many holds one of each. */
export const KINDS = kinds.size;

/** The first samples are one of each kind; the rest are mixed as in a real cache. The same seed gives the same samples. */
export function* generate(options: { readonly seed: number | string; readonly count: number }): Iterable<Sample> {
  for (let index = 0; index < options.count; index++) {
    const dice = diceOf(`${options.seed}/${index}`);
    const name = kindOf(dice, index);
    const kind = kinds.get(name)!;
    const made = draft(dice, kind.choices);
    yield {
      key: kind.key?.(made, dice) ?? pathOf(made.hash),
      kind: name,
      expected: kind.expected,
      code: kind.code,
      content: toContent(kind.content?.(made, dice) ?? print(made.lines)),
      row: kind.row?.(made, dice),
      wanted: kind.expected === "committed" ? kind.wanted?.(made) ?? made.wanted : undefined,
    };
  }
}

/** How many samples must end how: the ledger that a run over them closes with. */
export const tally = (samples: Iterable<Sample>): Readonly<Record<Expected, number>> => {
  const counts = { committed: 0, already: 0, conflict: 0, rejected: 0 };
  for (const { expected } of samples) counts[expected]++;
  return counts;
};

/** With the modes that ncps gives: files 0400, folders 0700. */
const writeFile = (root: string, { content, key }: Sample): void => {
  const path = join(root, key);
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  if (content === "symlink") symlinkSync("elsewhere.narinfo", path);
  // Not empty: empty folders are tidied away.
  else if (content === "folder") {
    mkdirSync(path, { mode: 0o700 });
    writeFileSync(join(path, "inside"), "");
  } else if (content === "fifo") execFileSync("mkfifo", [path]);
  else writeFileSync(path, content, { mode: 0o400 });
};

const writeRow = (database: Database, { columns, nar, references, signatures }: SampleRow): void => {
  const insert = (table: string, row: SampleRow["columns"]) => {
    const names = Object.keys(row);
    const text = `INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`;
    return Number(database.prepare(text).run(...Object.values(row)).lastInsertRowid);
  };
  const narinfo_id = insert("narinfos", columns);
  for (const reference of references) insert("narinfo_references", { narinfo_id, reference });
  for (const signature of signatures) insert("narinfo_signatures", { narinfo_id, signature });
  if (nar === undefined) return;
  const nar_file_id = insert("nar_files", {
    hash: nar.hash,
    compression: nar.compression,
    query: nar.query,
    file_size: nar.fileSize,
  });
  insert("narinfo_nar_files", { narinfo_id, nar_file_id });
};

/** Lays samples out below a cache's root and fills a database that has the schema of ncps. */
export const writeTo = (samples: Iterable<Sample>, root: string, database: Database): void => {
  database.transaction(() => {
    for (const sample of samples) {
      writeFile(root, sample);
      if (sample.row !== undefined) writeRow(database, sample.row);
    }
  })();
};
