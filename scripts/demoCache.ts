/** The cache that the demo migrates. */
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import Database from "../src/drivers/KeepSqliteObjects.ts";
import { generate, writeTo } from "../test/support/SampleCache.ts";

/** Makes `folder` anew, with a storage folder and an ncps database; `ddl` is the file of its schema. */
export const make = (options: { readonly folder: string; readonly ddl: string; readonly narinfos: number }) => {
  const storage = join(options.folder, "cache");
  const database = join(options.folder, "db.sqlite");
  rmSync(options.folder, { recursive: true, force: true });
  mkdirSync(storage, { recursive: true });
  const connection = new Database(database);
  connection.exec(readFileSync(options.ddl, "utf8"));
  connection.pragma("journal_mode = WAL");
  writeTo(generate({ seed: "demo", count: options.narinfos }), storage, connection);
  connection.close();
  return { storage, database };
};
