/**
 * A process that migrates narinfos one by one as ncps does on access: `SET NX PX` with a token of 16 bytes, look at the row, one transaction,
 * delete the object, give the lock back by comparing the token. On PostgreSQL, S3 and Redis.
 */
import { Effect } from "effect";
import type { Scope } from "effect";
import { Redis } from "ioredis";
import { randomBytes } from "node:crypto";
import { rmSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { Client } from "pg";
import type { ValidNarinfo } from "../support/ValidNarinfos.ts";

export interface Deeds {
  /** Rows that it made full. */
  readonly migrated: number;
  /** Keys that someone else held. */
  readonly contended: number;
  /** Keys that it held while someone else took them all the same: must be none. */
  readonly stolen: number;
}

export interface Peer {
  /** Ends it and says what it did. */
  readonly end: Effect.Effect<Deeds>;
}

const release = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) else return 0 end";
const ttlMillis = 10_000;
/** Between two narinfos. */
const restMillis = 3;

/** The retries of ncps: a unique violation is a lost race. */
const pausesMillis = [50, 100, 200, 400];

const migrate = async (db: Client, one: ValidNarinfo): Promise<boolean> => {
  const { rows: [row] } = await db.query("SELECT url FROM narinfos WHERE hash = $1", [one.hash]);
  if (row !== undefined && (row.url ?? "") !== "") return false;
  await db.query("BEGIN");
  const { rows: [written] } = await db.query<{ id: string }>(
    "INSERT INTO narinfos AS n (hash, store_path, url, compression, file_hash, file_size, nar_hash, nar_size, deriver)"
      + " VALUES ($1, $2, $3, 'xz', $4, $5, $6, $7, $8) ON CONFLICT (hash) DO UPDATE SET store_path = EXCLUDED.store_path, url = EXCLUDED.url,"
      + " compression = 'xz', file_hash = EXCLUDED.file_hash, file_size = EXCLUDED.file_size, nar_hash = EXCLUDED.nar_hash, nar_size = EXCLUDED.nar_size,"
      + " deriver = EXCLUDED.deriver WHERE coalesce(n.url, '') = '' RETURNING id",
    [one.hash, one.storePath, one.url, one.fileHash, one.fileSize, one.narHash, one.narSize, one.deriver],
  );
  // Somebody has filled it meanwhile.
  if (written === undefined) {
    await db.query("ROLLBACK");
    return false;
  }
  const { id } = written;
  for (const reference of one.references) {
    await db.query("INSERT INTO narinfo_references (narinfo_id, reference) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
      id,
      reference,
    ]);
  }
  await db.query("INSERT INTO narinfo_signatures (narinfo_id, signature) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
    id,
    one.signature,
  ]);
  const { rows: [file] } = await db.query(
    "INSERT INTO nar_files (hash, compression, query, file_size) VALUES ($1, 'xz', '', $2)"
      + " ON CONFLICT (hash, compression, query) DO UPDATE SET last_accessed_at = now() RETURNING id",
    [one.nar, one.fileSize],
  );
  await db.query("INSERT INTO narinfo_nar_files (narinfo_id, nar_file_id) VALUES ($1, $2) ON CONFLICT DO NOTHING", [
    id,
    file.id,
  ]);
  await db.query("COMMIT");
  return true;
};

/** Works through `all` in an order of its own until it is ended. */
export const start = (options: {
  readonly databaseUrl: string;
  readonly redisPort: number;
  readonly all: ReadonlyArray<ValidNarinfo>;
  /** Where the object of a key lies. */
  readonly path: (key: string) => string;
  readonly seed: number;
}): Effect.Effect<Peer, never, Scope.Scope> =>
  Effect.gen(function*() {
    const db = yield* Effect.acquireRelease(
      Effect.promise(async () => {
        const client = new Client(options.databaseUrl);
        await client.connect();
        return client;
      }),
      (client) => Effect.promise(() => client.end()),
    );
    const redis = yield* Effect.acquireRelease(
      Effect.sync(() => new Redis(options.redisPort, "127.0.0.1")),
      (client) => Effect.sync(() => client.disconnect()),
    );
    const deeds = { migrated: 0, contended: 0, stolen: 0 };
    let isOver = false;

    const visit = async (one: ValidNarinfo): Promise<void> => {
      const key = `ncps:lock:migration:${one.hash}`;
      const token = randomBytes(16).toString("base64");
      if (await redis.set(key, token, "PX", ttlMillis, "NX") === null) {
        deeds.contended++;
        return;
      }
      for (let attempt = 0;; attempt++) {
        try {
          if (await migrate(db, one)) {
            deeds.migrated++;
            rmSync(options.path(one.key), { force: true });
          }
          break;
        } catch (error) {
          await db.query("ROLLBACK");
          const pause = pausesMillis[attempt];
          if (pause === undefined || !/^(40001|40P01|23505)$/.test((error as { code?: string }).code ?? "")) {
            throw error;
          }
          await sleep(pause);
        }
      }
      if (await redis.eval(release, 1, key, token) !== 1) deeds.stolen++;
    };

    const work = (async () => {
      const { all, seed } = options;
      for (let at = seed % all.length; !isOver; at = (at + 389) % all.length) {
        await visit(all[at]!);
        await sleep(restMillis);
      }
    })();
    yield* Effect.addFinalizer(() => Effect.sync(() => isOver = true));
    return {
      end: Effect.promise(async () => {
        isOver = true;
        await work;
        return deeds;
      }),
    };
  });
