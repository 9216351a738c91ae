/**
 * What a serving ncps does to the database and the files that a migration works on, over and over until SIGTERM, each in a deferred
 * transaction with ncps' own settings and retries: touches rows, pulls narinfos that the cache lacks, migrates files itself, purges, and
 * rewrites the URLs of full rows. Says at the end what it did.
 */
import { existsSync, readFileSync, unlinkSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import Database from "../../src/drivers/KeepSqliteObjects.ts";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";
import * as History from "./History.ts";
import * as Random from "./Random.ts";
import type { Act, Deeds } from "./Rival.ts";

const [database = "", root = "", cacheSize = "", seed = ""] = process.argv.slice(2);
const total = Number(cacheSize);
const random = Random.from(Number(seed));

/** Between the attempts at one transaction, as ncps has it. */
const pausesMillis = [50, 100, 200, 400];
/** Between two requests. */
const restMillis = 2;

const db = new Database(database, { timeout: 10_000 });
db.pragma("foreign_keys = ON");
db.pragma("synchronous = FULL");

const done: Record<Act, number> = { touch: 0, pull: 0, migrate: 0, purge: 0, rewrite: 0 };
let retries = 0;
let deleted = 0;
const gaveUp: Record<Act, number> = { ...done };

/** As `withEntTransactionRetry`: a constraint may have been a lost race, too. */
const transact = async <A>(act: Act, body: () => A): Promise<A | undefined> => {
  for (let attempt = 0;; attempt++) {
    try {
      return db.transaction(body).deferred();
    } catch (error) {
      if (!/^SQLITE_(BUSY|LOCKED|PROTOCOL|CONSTRAINT)/.test((error as { readonly code?: string }).code ?? "")) {
        throw error;
      }
      const pause = pausesMillis[attempt];
      if (pause === undefined) {
        gaveUp[act]++;
        return undefined;
      }
      retries++;
      await sleep(pause);
    }
  }
};

interface Row {
  readonly id: number;
  readonly hash: string;
  readonly url: string | null;
}

const lastId = db.prepare("SELECT coalesce(max(id), 0) FROM narinfos").pluck();
const nearest = db.prepare("SELECT id, hash, url FROM narinfos WHERE id <= ? ORDER BY id DESC LIMIT 1");
const byHash = db.prepare("SELECT id, hash, url FROM narinfos WHERE hash = ?");
const touch = db.prepare("UPDATE narinfos SET last_accessed_at = ? WHERE id = ?");
const claim = db.prepare(History.claimLast);

/** ncps writes times in its own zone, trailing zeros trimmed. */
const now = (): string => new Date().toISOString().replace("T", " ").replace("Z", "+00:00");

/** Half of the time one of the latest rows: those that runners have written and not yet read back. */
const anyRow = (): Row | undefined => {
  const last = lastId.get() as number;
  return nearest.get(random(2) === 0 ? last - random(40) : 1 + random(last + 1)) as Row | undefined;
};

const insert = db.prepare(
  "INSERT INTO narinfos (hash, store_path, url, compression, file_hash, file_size, nar_hash, nar_size, deriver, created_at, last_accessed_at)"
    + " VALUES (@hash, @storePath, @url, 'xz', @fileHash, @fileSize, @narHash, @narSize, @deriver, @now, @now) ON CONFLICT (hash) DO NOTHING",
);
const fill = db.prepare(
  "UPDATE narinfos SET store_path = @storePath, url = @url, compression = 'xz', file_hash = @fileHash, file_size = @fileSize,"
    + " nar_hash = @narHash, nar_size = @narSize, deriver = @deriver WHERE hash = @hash AND (url IS NULL OR url = '')",
);
const reference = db.prepare(
  "INSERT INTO narinfo_references (narinfo_id, reference) VALUES (?, ?) ON CONFLICT DO NOTHING",
);
const signature = db.prepare(
  "INSERT INTO narinfo_signatures (narinfo_id, signature) VALUES (?, ?) ON CONFLICT DO NOTHING",
);
const narFile = db.prepare(
  "INSERT INTO nar_files (hash, compression, file_size, query, total_chunks, created_at, last_accessed_at) VALUES (@nar, 'xz', @fileSize, '', 0, @now, @now)"
    + " ON CONFLICT (hash, compression, query) DO UPDATE SET last_accessed_at = @now RETURNING id",
).pluck();
const link = db.prepare(
  "INSERT INTO narinfo_nar_files (narinfo_id, nar_file_id) VALUES (?, ?) ON CONFLICT DO NOTHING",
);

/** Row, children, NAR and link; where the row is full already, only what it lacks of the rest. */
const store = ({ references, ...narinfo }: ValidNarinfos.ValidNarinfo): void => {
  const values = { ...narinfo, now: now() };
  if (insert.run(values).changes + fill.run(values).changes > 0) claim.run();
  const { id } = byHash.get(narinfo.hash) as Row;
  for (const one of references) reference.run(id, one);
  signature.run(id, narinfo.signature);
  link.run(id, narFile.get(values));
};

const narFilesOf = db.prepare("SELECT nar_file_id FROM narinfo_nar_files WHERE narinfo_id = ?").pluck();
const remove = db.prepare("DELETE FROM narinfos WHERE id = ?");
const removeUnused = db.prepare(
  "DELETE FROM nar_files WHERE id = ? AND NOT EXISTS (SELECT 1 FROM narinfo_nar_files WHERE nar_file_id = nar_files.id)",
);
const rewrite = db.prepare(
  "UPDATE narinfos SET url = @url, compression = 'zstd', updated_at = @now WHERE hash = @hash AND url NOT IN ('', @url)",
);

/** As when a NAR is stored otherwise than it came. Whether there was such a full row. */
const rewriteUrl = ({ hash, nar }: ValidNarinfos.ValidNarinfo): boolean => {
  if (rewrite.run({ hash, url: `nar/${nar}.nar.zst`, now: now() }).changes === 0) return false;
  claim.run();
  return true;
};

const cached = new Map(Array.from({ length: total }, (_, number) => {
  const narinfo = ValidNarinfos.at(number, total);
  return [narinfo.hash, narinfo] as const;
}));
const hashes = [...cached.keys()];
const pathOf = ({ key }: ValidNarinfos.ValidNarinfo): string => join(root, key);

/** Numbers from here on are in no cache. */
let nextPulled = 10 * total;

const isMissing = (error: unknown): boolean => (error as { readonly code?: string }).code === "ENOENT";

/** One request each; whether anything was to be done. */
const acts: Readonly<Record<Act, () => Promise<boolean | undefined>>> = {
  touch: () =>
    transact("touch", () => {
      const row = anyRow();
      if (row !== undefined) touch.run(now(), row.id);
      return row !== undefined;
    }),

  pull: () => {
    const narinfo = ValidNarinfos.at(nextPulled++, total);
    return transact("pull", () => {
      store(narinfo);
      return true;
    });
  },

  migrate: async () => {
    const narinfo = cached.get(hashes[random(total)]!)!;
    try {
      readFileSync(pathOf(narinfo));
    } catch (error) {
      if (isMissing(error)) return false;
      throw error;
    }
    // Somebody else has migrated it: the file is theirs to delete.
    const row = byHash.get(narinfo.hash) as Row | undefined;
    if (row !== undefined && row.url !== null && row.url !== "") return false;
    const stored = await transact("migrate", () => {
      store(narinfo);
      return true;
    });
    if (stored !== true) return undefined;
    // A delete that fails is only logged: a file stays beside a full row that may say something else by now.
    if (random(3) === 0) {
      await transact("rewrite", () => rewriteUrl(narinfo));
      return true;
    }
    try {
      unlinkSync(pathOf(narinfo));
      deleted++;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    return true;
  },

  purge: () =>
    transact("purge", () => {
      const row = anyRow();
      if (row === undefined || row.url === null || row.url === "") return false;
      const narinfo = cached.get(row.hash);
      if (narinfo !== undefined && existsSync(pathOf(narinfo))) return false;
      const nars = narFilesOf.all(row.id);
      remove.run(row.id);
      claim.run();
      for (const nar of nars) removeUnused.run(nar);
      return true;
    }),

  rewrite: () =>
    transact("rewrite", () => {
      const narinfo = cached.get(anyRow()?.hash ?? "");
      return narinfo !== undefined && rewriteUrl(narinfo);
    }),
};

/** Mostly reads that touch, as with a cache that serves. */
const mix: ReadonlyArray<Act> = [
  "touch",
  "touch",
  "touch",
  "pull",
  "migrate",
  "migrate",
  "migrate",
  "purge",
  "rewrite",
];

let isStopping = false;
process.on("SIGTERM", () => isStopping = true);

const serve = async (): Promise<void> => {
  while (!isStopping) {
    const act = mix[random(mix.length)]!;
    if ((await acts[act]()) === true) done[act]++;
    await sleep(restMillis);
  }
  db.close();
  process.stdout.write(JSON.stringify({ done, gaveUp, retries, deleted } satisfies Deeds));
};

void serve();
