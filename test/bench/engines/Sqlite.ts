/** SQLite; its raw limit is one transaction of prepared single-row inserts. */
import { Effect } from "effect";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Database from "../../../src/drivers/KeepSqliteObjects.ts";
import * as ValidNarinfos from "../../support/ValidNarinfos.ts";
import { counted, type Engine, type Load, type Loaded } from "../Engine.ts";
import * as Folders from "../Folders.ts";
import * as RawRows from "../RawRows.ts";

/** The benchmark is started at the root of the repository. */
const schema = () => readFileSync("schemas/ncps-sqlite.sql", "utf8");

const create = (path: string, stubs: ReadonlyArray<string>): void => {
  const db = new Database(path);
  db.exec(schema());
  db.exec("BEGIN");
  const insert = db.prepare("INSERT INTO narinfos (hash) VALUES (?)");
  for (const hash of stubs) insert.run(hash);
  db.exec("COMMIT");
  db.pragma("wal_checkpoint(TRUNCATE)");
  db.close();
};

const open = (folder: string, stubs: ReadonlyArray<string>) =>
  Effect.map(Folders.make(folder), (root) => {
    const path = join(root, "db.sqlite");
    create(path, stubs);
    const reading = <A>(read: (db: InstanceType<typeof Database>) => A): A => {
      const db = new Database(path, { readonly: true });
      try {
        return read(db);
      } finally {
        db.close();
      }
    };
    return {
      url: `sqlite:${path}`,
      counts: async () =>
        reading((db) => {
          const number = (rows: string) => db.prepare<[], number>(`SELECT count(*) FROM ${rows}`).pluck().get()!;
          return Object.fromEntries(Object.entries(counted).map(([name, rows]) => [name, number(rows)]));
        }),
      narinfosSoFar: async () =>
        reading((db) => db.prepare<[], number | null>("SELECT max(id) FROM narinfos").pluck().get() ?? 0),
      cpuMillis: () => 0,
    };
  });

/** Rows made ahead while the clock stands still, so that memory is not full of them. */
const rowsAhead = 20_000;

/** A cache of 1 GiB, `synchronous = FULL`. */
const loadRaw = async ({ items, url }: Load): Promise<Loaded> => {
  const db = new Database(url.slice("sqlite:".length));
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
  const order = RawRows.inKeyOrder(items);
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

export const engine: Engine = {
  limit: "one thread, one transaction, one COMMIT",
  goals: { sink: 0.75, stubs: 0.65, whole: 0.6, locked: 0.3, memoryMiB: 450 },
  // The middle of 701 and 733 measured.
  ncpsRate: 717,
  open,
  loadRaw,
};
