/** A cache on disk and its database, and what must be true of both whatever was killed when. */
import Database from "better-sqlite3";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";
import * as Damage from "./Damage.ts";

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

const schema = new URL("../../schemas/ncps-sqlite.sql", import.meta.url);

/** A cache of `total` narinfos; every fourth has a stub row. */
export const make = (total: number): Cache => {
  const folder = mkdtempSync(join(tmpdir(), "ncps-pipeline-crash-"));
  const root = join(folder, "cache");
  const database = join(folder, "db.sqlite");
  ValidNarinfos.write(root, 0, total, total);
  const all = Damage.allOf(total);
  const db = new Database(database);
  db.exec(readFileSync(schema, "utf8"));
  const stub = db.prepare("INSERT INTO narinfos (hash, url) VALUES (?, ?)");
  db.transaction(() => Damage.stubs(total).forEach((row) => stub.run(...row)))();
  db.close();

  const open = () => new Database(database, { readonly: true });
  return {
    folder,
    root,
    database,
    variables: { CACHE_STORAGE_LOCAL: root, CACHE_DATABASE_URL: `sqlite:${database}` },
    damage: () => {
      const db = open();
      const contents = Object.fromEntries(
        Damage.tables.map((table) => [table, db.prepare(`SELECT * FROM ${table}`).all()]),
      ) as unknown as Damage.Contents;
      const intact = db.pragma("integrity_check", { simple: true });
      db.close();
      const damage = Damage.of(all, contents, (key) => existsSync(join(root, key)));
      return intact === "ok" ? damage : [...damage, `integrity: ${String(intact)}`];
    },
    remaining: () => all.filter(({ key }) => existsSync(join(root, key))).length,
    rows: () => {
      const db = open();
      const counts = Damage.tables.map((table) =>
        [table, db.prepare(`SELECT count(*) FROM ${table}`).pluck().get() as number] as const
      );
      db.close();
      return Object.fromEntries(counts);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
};
