/** What `--engine`, `--storage` and `--locks` choose from. */
import type { Engine } from "./Engine.ts";
import * as MariaDb from "./engines/MariaDb.ts";
import * as Postgres from "./engines/Postgres.ts";
import * as Sqlite from "./engines/Sqlite.ts";
import type { Storage } from "./Storage.ts";
import * as Local from "./storages/Local.ts";
import * as S3 from "./storages/S3.ts";

export const engines = {
  sqlite: Sqlite.engine,
  postgres: Postgres.engine,
  mariadb: MariaDb.engine,
} as const satisfies Readonly<
  Record<string, Engine>
>;

export const storages = { local: Local.storage, s3: S3.storage } as const satisfies Readonly<Record<string, Storage>>;

export type EngineName = keyof typeof engines;
export type StorageName = keyof typeof storages;
