/** A cache on disk and its database, and what must be true of both whatever was killed when. */
import Database from "better-sqlite3";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";

export interface Cache {
  readonly folder: string;
  readonly root: string;
  readonly database: string;
  readonly variables: Readonly<Record<string, string>>;
  /** What is neither on disk nor whole in the database, as sentences; empty when nothing is lost or doubled. */
  readonly damage: () => ReadonlyArray<string>;
  /** Files that are still there. */
  readonly remaining: () => number;
  /** Rows in each table of ncps. */
  readonly rows: () => Readonly<Record<string, number>>;
  readonly remove: () => void;
}

const tables = ["narinfos", "narinfo_references", "narinfo_signatures", "nar_files", "narinfo_nar_files"] as const;

const schema = new URL("../../schemas/ncps-sqlite.sql", import.meta.url);

/** A cache of `total` narinfos; every fourth has a stub row. */
export const make = (total: number): Cache => {
  const folder = mkdtempSync(join(tmpdir(), "ncps-pipeline-crash-"));
  const root = join(folder, "cache");
  const database = join(folder, "db.sqlite");
  ValidNarinfos.write(root, 0, total, total);
  const all = Array.from({ length: total }, (_, number) => ValidNarinfos.at(number, total));
  const db = new Database(database);
  db.exec(readFileSync(schema, "utf8"));
  const stub = db.prepare("INSERT INTO narinfos (hash, url) VALUES (?, ?)");
  db.transaction(() =>
    all.forEach(({ hash }, number) => number % 4 === 0 && stub.run(hash, number % 8 === 0 ? null : ""))
  )();
  db.close();

  const open = () => new Database(database, { readonly: true });
  return {
    folder,
    root,
    database,
    variables: { CACHE_STORAGE_LOCAL: root, CACHE_DATABASE_URL: `sqlite:${database}` },
    damage: () => {
      const db = open();
      const row = db.prepare("SELECT * FROM narinfos WHERE hash = ?");
      const references = db.prepare("SELECT reference FROM narinfo_references WHERE narinfo_id = ? ORDER BY reference")
        .pluck();
      const signatures = db.prepare("SELECT signature FROM narinfo_signatures WHERE narinfo_id = ?").pluck();
      const nars = db.prepare(
        "SELECT f.hash || ' ' || f.compression || ' ' || f.file_size FROM narinfo_nar_files l JOIN nar_files f ON f.id = l.nar_file_id"
          + " WHERE l.narinfo_id = ?",
      ).pluck();
      const damage = all.flatMap((wanted) => {
        const found = row.get(wanted.hash) as Record<string, unknown> | undefined;
        const isOnDisk = existsSync(join(root, wanted.key));
        const isStub = found === undefined || found["url"] === null || found["url"] === "";
        if (isStub) return isOnDisk ? [] : [`${wanted.hash} is lost: no file and no row`];
        const expected = {
          store_path: wanted.storePath,
          url: wanted.url,
          compression: "xz",
          file_hash: wanted.fileHash,
          file_size: wanted.fileSize,
          nar_hash: wanted.narHash,
          nar_size: wanted.narSize,
          deriver: wanted.deriver,
        };
        const differing = Object.entries(expected).filter(([column, value]) => found[column] !== value).map((
          [column],
        ) => column);
        const children = [
          [references.all(found["id"]), wanted.references],
          [signatures.all(found["id"]), [wanted.signature]],
          [nars.all(found["id"]), [`${wanted.nar} xz ${wanted.fileSize}`]],
        ] as const;
        const torn = children.some(([there, needed]) => JSON.stringify(there) !== JSON.stringify(needed));
        return differing.length > 0 || torn
          ? [`${wanted.hash} is torn: ${differing.join(", ")} ${torn ? "children" : ""}`]
          : [];
      });
      const intact = db.pragma("integrity_check", { simple: true });
      db.close();
      return intact === "ok" ? damage : [...damage, `integrity: ${String(intact)}`];
    },
    remaining: () => all.filter(({ key }) => existsSync(join(root, key))).length,
    rows: () => {
      const db = open();
      const counts = tables.map((table) =>
        [table, db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number] as const
      );
      db.close();
      return Object.fromEntries(counts);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};
