/** A small ncps cache in a folder of its own: narinfos and a database, with a place for state; removed after the test. */
import Database from "better-sqlite3";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";

const ddl = readFileSync(fileURLToPath(new URL("../../schemas/ncps-sqlite.sql", import.meta.url)), "utf8");
/** Numbers of all narinfos that tests here make lie below. */
const total = 10_000;

export const narinfo = (number: number): ValidNarinfos.ValidNarinfo => ValidNarinfos.at(number, total);

/** As an ncps that was killed while writing leaves them. */
export const truncated = (text: string): string => text.slice(0, 60);
export const withUnknownKey = (text: string): string => text.replace("NarSize:", "NarSizes:");

export interface Cache {
  /** Holds the rest; the working folder of commands. */
  readonly root: string;
  readonly storage: string;
  readonly database: string;
  /** The variables of an ncps that uses it. */
  readonly env: Readonly<Record<string, string>>;
  readonly write: (key: string, text: string) => void;
  readonly rows: (table: string) => number;
  /** Keys in storage, sorted. */
  readonly files: () => ReadonlyArray<string>;
}

const walk = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
    entry.isDirectory() ? walk(join(folder, entry.name)) : [join(folder, entry.name)]
  );

/** Every path below a folder with what would change if anything had been written there. */
export const fingerprint = (folder: string): ReadonlyArray<string> =>
  readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    const { ino, mtimeNs, size } = statSync(path, { bigint: true });
    return [`${path} ${ino} ${size} ${mtimeNs}`, ...(entry.isDirectory() ? fingerprint(path) : [])];
  }).sort();

export const temporaryFolder = (): string => {
  const root = mkdtempSync(join(tmpdir(), "ncps-pipeline-e2e-"));
  // For tests that spawn the tool as another user.
  chmodSync(root, 0o755);
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  return root;
};

/** `narinfos` good ones, then one file per broken text. */
export const make = (
  options: { readonly narinfos: number; readonly broken?: ReadonlyArray<(text: string) => string> },
): Cache => {
  const root = temporaryFolder();
  const storage = join(root, "cache");
  const database = join(root, "db.sqlite");
  mkdirSync(storage);
  const write = (key: string, text: string) => {
    mkdirSync(dirname(join(storage, key)), { recursive: true });
    writeFileSync(join(storage, key), text);
  };
  ValidNarinfos.write(storage, 0, options.narinfos, total);
  options.broken?.forEach((spoil, at) => {
    const { key, text } = narinfo(options.narinfos + at);
    write(key, spoil(text));
  });
  const connection = new Database(database);
  connection.exec(ddl);
  connection.pragma("journal_mode = WAL");
  connection.close();
  return {
    root,
    storage,
    database,
    env: { CACHE_STORAGE_LOCAL: storage, CACHE_DATABASE_URL: `sqlite:${database}` },
    write,
    rows: (table) => {
      const reader = new Database(database, { readonly: true });
      const { count } = reader.prepare<[], { count: number }>(`SELECT count(*) AS count FROM ${table}`).get()!;
      reader.close();
      return count;
    },
    files: () => walk(storage).map((path) => path.slice(storage.length + 1)).sort(),
  };
};
