/**
 * A thread with one SQLite connection: runs each program in one transaction of its own, so that the main thread never waits for
 * the disk. One message in per batch, one out.
 */
import type * as Sqlite from "better-sqlite3";
import { closeSync, fsyncSync, openSync } from "node:fs";
import { dirname } from "node:path";
import { parentPort, workerData } from "node:worker_threads";
import type { Call, Row, Script } from "../../core/Sql.ts";
import { programs } from "../../sql/programs.ts";
import Database from "../KeepSqliteObjects.ts";
import { pack, unpack } from "../Packed.ts";
import type { Failure, Reply, Request, WorkerSettings } from "./sqliteProtocol.ts";

const settings: WorkerSettings = workerData;
const port = parentPort!;
const reply = (message: Reply): void => port.postMessage(message);

/** 64 MiB: at 256 MiB 100,000 narinfos loaded no more than 10 % faster. Negative means KiB. */
const writerCacheKiB = -65_536;
/** The reader looks at what was just written: the system's own cache has it. */
const readerCacheKiB = -8192;
/** 16 MiB of pages, four times SQLite's own: what several batches rewrite goes to the file once. More brought nothing more. */
const checkpointPages = 4000;

class Failed extends Error {
  readonly failure: Failure;
  constructor(failure: Failure) {
    super(failure.message);
    this.failure = failure;
  }
}

const failureOf = (error: unknown, phase: Failure["phase"]): Failure => {
  if (error instanceof Failed) return error.failure;
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  return { code: typeof code === "string" ? code : "DEFECT", message: String(message ?? error), phase };
};

const isBusy = (error: unknown): boolean => /^SQLITE_(BUSY|LOCKED)/.test(failureOf(error, "open").code);

const pragma = (db: Sqlite.Database, text: string): string => String(db.pragma(text, { simple: true }));

/** Sets a pragma and reads it back: SQLite ignores what it cannot do without a word. */
const insist = (db: Sqlite.Database, name: string, value: number): void => {
  db.pragma(`${name} = ${value}`);
  const actual = pragma(db, name);
  if (actual !== String(value)) {
    throw new Failed({
      code: "SQLITE_MISUSE",
      message: `${name} stays ${actual} where ${value} was asked for`,
      phase: "open",
    });
  }
};

/**
 * An unwritable file is opened all the same, and even BEGIN IMMEDIATE then only reads: a write that is rolled back tells.
 * Who holds the lock meanwhile does not matter.
 */
const assertWritable = (db: Sqlite.Database): void => {
  db.pragma("busy_timeout = 0");
  try {
    db.exec("BEGIN IMMEDIATE; PRAGMA user_version = 0");
  } catch (error) {
    if (!isBusy(error)) throw error;
  } finally {
    if (db.inTransaction) db.exec("ROLLBACK");
  }
  db.pragma(`busy_timeout = ${settings.busyTimeoutMs}`);
};

const open = (): Sqlite.Database => {
  const readonly = settings.access === "read";
  const db = new Database(settings.path, { readonly, fileMustExist: true, timeout: settings.busyTimeoutMs });
  db.defaultSafeIntegers(true);
  db.prepare("SELECT count(*) FROM sqlite_schema").get();
  const journalMode = pragma(db, "journal_mode");
  insist(db, "temp_store", 2);
  if (readonly) {
    // Invariant 10: nor can a program that should only read.
    insist(db, "query_only", 1);
    db.pragma(`cache_size = ${readerCacheKiB}`);
  } else {
    insist(db, "foreign_keys", 1);
    // Invariant 1: FULL syncs the WAL at every commit; a rollback journal's folder is synced by EXTRA only.
    insist(db, "synchronous", journalMode === "wal" ? 2 : 3);
    // Where fsync alone does not reach the disk (macOS); elsewhere without effect.
    db.pragma("fullfsync = 1");
    db.pragma("checkpoint_fullfsync = 1");
    db.pragma(`cache_size = ${writerCacheKiB}`);
    db.pragma(`wal_autocheckpoint = ${checkpointPages}`);
    assertWritable(db);
  }
  const version = String(db.prepare("SELECT sqlite_version()").pluck().get());
  reply({ _tag: "Opened", version, journalMode, synchronous: journalMode === "wal" ? "FULL" : "EXTRA" });
  return db;
};

const definitions = new Map<number, object>();

/** Texts are prepared once: see `KeepSqliteObjects`. */
const prepare = (db: Sqlite.Database, text: string): Sqlite.Statement => {
  const statement = db.prepare(text);
  return statement.reader ? statement.raw(true) : statement;
};

const call = (db: Sqlite.Database, { binds, rows, text }: Call): ReadonlyArray<Row> => {
  const statement = prepare(db, text);
  try {
    if (!rows) {
      for (const values of binds) statement.run(values);
      return [];
    }
    const [first, ...rest] = binds;
    if (first === undefined) return [];
    const found = statement.all(first) as Array<Row>;
    for (const values of rest) for (const row of statement.all(values) as Array<Row>) found.push(row);
    return found;
  } catch (error) {
    const failure = failureOf(error, "run");
    throw new Failed(failure.code === "DEFECT" ? { ...failure, code: "BIND" } : failure);
  }
};

const drive = <Out>(db: Sqlite.Database, script: Script<Out>): Out => {
  let step = script.next();
  while (step.done !== true) step = script.next(call(db, step.value));
  return step.value;
};

let passings = 0;

const passFault = (point: "before-commit" | "after-commit"): void => {
  if (settings.fault?.point !== point) return;
  passings++;
  if (passings === settings.fault.passing) process.kill(process.pid, "SIGKILL");
};

const commit = (db: Sqlite.Database): void => {
  if (settings.access === "read") {
    db.exec("COMMIT");
    return;
  }
  passFault("before-commit");
  try {
    db.exec("COMMIT");
  } catch (error) {
    throw new Failed(failureOf(error, "commit"));
  }
  passFault("after-commit");
};

/** A deferred transaction that reads is one snapshot; one that writes must have the lock before it looks. */
const transact = <Out>(db: Sqlite.Database, script: Script<Out>): Out => {
  try {
    db.exec(settings.access === "read" ? "BEGIN" : "BEGIN IMMEDIATE");
    const out = drive(db, script);
    commit(db);
    return out;
  } finally {
    if (db.inTransaction) db.exec("ROLLBACK");
  }
};

/**
 * Invariant 1: what another process committed without syncing. Its frames are in the WAL, or already in the file; with a rollback
 * journal the commit is the journal's removal from the folder.
 */
const settle = (): void => {
  syncPath(`${settings.path}-wal`);
  fsyncSync(settings.descriptor);
  syncPath(dirname(settings.path));
};

const syncPath = (path: string): void => {
  let descriptor: number;
  try {
    descriptor = openSync(path, "r");
  } catch (error) {
    if (failureOf(error, "settle").code === "ENOENT") return;
    throw error;
  }
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
};

/**
 * SQLite does this when the last connection closes, unless that one only reads, as ours may: then whoever copies the file alone would
 * miss what lies in the WAL. Waits for nobody; what a reader still needs stays there.
 */
const backfill = (db: Sqlite.Database): void => {
  if (settings.access === "read") return;
  try {
    db.pragma("wal_checkpoint(PASSIVE)");
  } catch {
    // It is committed and synced in the WAL, and the next writer does it.
  }
};

const answer = (db: Sqlite.Database, request: Request): void => {
  switch (request._tag) {
    case "Define":
      definitions.set(request.definition, request.value);
      return;
    case "Close":
      backfill(db);
      db.close();
      port.close();
      return;
    case "Settle":
    case "Run":
      try {
        const value = request._tag === "Settle"
          ? settle()
          : transact(
            db,
            programs.get(request.program)!.script(definitions.get(request.definition), unpack(request.input)),
          );
        reply({ _tag: "Done", id: request.id, value: pack(value) });
      } catch (error) {
        reply({ _tag: "Failed", id: request.id, ...failureOf(error, request._tag === "Settle" ? "settle" : "run") });
      }
  }
};

try {
  const db = open();
  port.on("message", (request: Request) => answer(db, request));
} catch (error) {
  reply({ _tag: "Failed", id: 0, ...failureOf(error, "open") });
  port.close();
}
