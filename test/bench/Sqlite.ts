/** The database end of the benchmark: a file with ncps' schema, its raw limit, and what is in it afterwards. */
import { readFileSync } from "node:fs";
import Database from "../../src/drivers/KeepSqliteObjects.ts";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";

/** The benchmark is started at the root of the repository. */
const schema = () => readFileSync("schemas/ncps-sqlite.sql", "utf8");

/** Numbers of all narinfos in key order: that in which a folder is listed, and the cheapest one for a database. */
export const inKeyOrder = (items: number): ReadonlyArray<number> => {
  const hashes = Array.from({ length: items }, (_, number) => ValidNarinfos.at(number, items).hash);
  return Array.from(hashes.keys()).sort((a, b) => hashes[a]! < hashes[b]! ? -1 : 1);
};

/** A database as `ncps migrate up` leaves it; with stubs, one for each narinfo, as ncps leaves them for what it has not migrated. */
export const create = (path: string, stubs = 0): void => {
  const db = new Database(path);
  db.exec(schema());
  db.exec("BEGIN");
  const insert = db.prepare("INSERT INTO narinfos (hash) VALUES (?)");
  for (let number = 0; number < stubs; number++) insert.run(ValidNarinfos.at(number, stubs).hash);
  db.exec("COMMIT");
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
};

export type Counts = Readonly<Record<string, number>>;

const counted = {
  narinfos: "narinfos WHERE url <> ''",
  narinfo_references: "narinfo_references",
  narinfo_signatures: "narinfo_signatures",
  nar_files: "nar_files",
  narinfo_nar_files: "narinfo_nar_files",
  // Each narinfo by way of its link to the NAR that its URL names.
  linked: `narinfo_nar_files l JOIN narinfos n ON n.id = l.narinfo_id JOIN nar_files f ON f.id = l.nar_file_id
    WHERE n.url = 'nar/' || f.hash || '.nar.xz'`,
};

export const counts = (path: string): Counts => {
  const db = new Database(path, { readonly: true });
  const found = Object.entries(counted)
    .map(([name, rows]) => [name, db.prepare<[], number>(`SELECT count(*) FROM ${rows}`).pluck().get()!] as const);
  db.close();
  return Object.fromEntries(found);
};

/** Rows so far, without looking at them. */
export const narinfosSoFar = (path: string): number => {
  const db = new Database(path, { readonly: true });
  const last = db.prepare<[], number | null>("SELECT max(id) FROM narinfos").pluck().get() ?? 0;
  db.close();
  return last;
};

/** Rows made ahead while the clock stands still, so that memory is not full of them. */
const rowsAhead = 20_000;

export interface Loaded {
  /** From BEGIN to the end of COMMIT, making the values left out. */
  readonly millis: number;
  readonly cpuMillis: number;
  /** When how many narinfos had been inserted, not yet committed. */
  readonly marks: ReadonlyArray<{ readonly narinfos: number; readonly millis: number }>;
}

/**
 * The raw limit: prepared single-row inserts into all five tables, ids known, indexes and foreign keys on, one transaction, a cache
 * of 1 GiB.
 */
export const loadRaw = ({ items, path }: { readonly items: number; readonly path: string }): Loaded => {
  const db = new Database(path);
  db.pragma("foreign_keys = ON");
  db.pragma("synchronous = FULL");
  db.pragma("temp_store = MEMORY");
  db.pragma("cache_size = -1048576");
  const narinfo = db.prepare(
    "INSERT INTO narinfos (id, hash, store_path, url, compression, file_hash, file_size, nar_hash, nar_size, deriver, created_at, last_accessed_at) "
      + "VALUES (?, ?, ?, ?, 'xz', ?, ?, ?, ?, ?, ?, ?)",
  );
  const reference = db.prepare("INSERT INTO narinfo_references (narinfo_id, reference) VALUES (?, ?)");
  const signature = db.prepare("INSERT INTO narinfo_signatures (narinfo_id, signature) VALUES (?, ?)");
  const narFile = db.prepare(
    "INSERT INTO nar_files (id, hash, compression, query, file_size, created_at, last_accessed_at) VALUES (?, ?, 'xz', '', ?, ?, ?)",
  );
  const link = db.prepare("INSERT INTO narinfo_nar_files (narinfo_id, nar_file_id) VALUES (?, ?)");
  const now = `${new Date().toISOString().slice(0, -1).replace("T", " ")}000+00:00`;
  const order = inKeyOrder(items);
  let millis = 0;
  let cpuMicros = 0;
  const marks: Array<Loaded["marks"][number]> = [];
  const timed = (work: () => void) => {
    const begun = performance.now();
    const cpuBefore = process.cpuUsage();
    work();
    millis += performance.now() - begun;
    const { system, user } = process.cpuUsage(cpuBefore);
    cpuMicros += system + user;
  };
  timed(() => db.exec("BEGIN IMMEDIATE"));
  for (let from = 0; from < items; from += rowsAhead) {
    const rows = order.slice(from, from + rowsAhead).map((number) => ValidNarinfos.at(number, items));
    timed(() =>
      rows.forEach((row, index) => {
        const id = from + index + 1;
        narinfo.run(
          id,
          row.hash,
          row.storePath,
          row.url,
          row.fileHash,
          row.fileSize,
          row.narHash,
          row.narSize,
          row.deriver,
          now,
          now,
        );
        for (const other of row.references) reference.run(id, other);
        signature.run(id, row.signature);
        narFile.run(id, row.nar, row.fileSize, now, now);
        link.run(id, id);
      })
    );
    marks.push({ narinfos: from + rows.length, millis });
  }
  timed(() => db.exec("COMMIT"));
  db.close();
  return { millis, cpuMillis: cpuMicros / 1000, marks };
};
