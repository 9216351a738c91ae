import { describe, expect, it } from "@effect/vitest";
import Database from "better-sqlite3";
import { Clock, Duration, Effect, Exit, Fiber, Scope, TestClock } from "effect";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  existsSync,
  fstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { afterEach, beforeEach, vi } from "vitest";
import type { Access } from "../../../src/core/Access.ts";
import * as Sqlite from "../../../src/drivers/sql/Sqlite.ts";
import * as SqliteError from "../../../src/drivers/sql/SqliteError.ts";
import * as SqliteFile from "../../../src/drivers/sql/SqliteFile.ts";
import * as SqliteThread from "../../../src/drivers/sql/SqliteThread.ts";
import * as Introspect from "../../../src/sql/sqlite/Introspect.ts";
import { counts, narinfoItem, ncpsSchema, openSink, rows, tempDatabase, tempFolder } from "../../sinks/ncpsDatabase.ts";

const require = createRequire(import.meta.url);

const open = (path: string, access: Access = "write") =>
  Sqlite.make({ connection: "cache", path, access, statementTimeout: Duration.millis(200) });

const failure = (path: string, access?: Access) => Effect.flip(Effect.scoped(open(path, access)));

const mounts = (() => {
  if (process.getuid?.() !== 0) return false;
  try {
    execFileSync("unshare", ["--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
})();

/** A small file system of its own, unmounted with the scope. */
const tmpfs = (folder: string, size: string) =>
  Effect.acquireRelease(
    Effect.sync(() => void execFileSync("mount", ["-t", "tmpfs", "-o", `size=${size}`, "tmpfs", folder])),
    () => Effect.sync(() => void execFileSync("umount", ["--lazy", folder])),
  );

describe("a SQLite file that cannot be used says why and what to do", () => {
  it.scoped("a missing file is never created, not even a folder above it", () =>
    Effect.gen(function*() {
      const folder = yield* tempFolder;
      for (const access of ["read", "write"] as const) {
        const error = yield* failure(join(folder, "a", "db.sqlite"), access);
        expect(error).toMatchObject({
          reason: "Environment",
          code: "ENOENT",
          remedy: expect.stringContaining("ncps migrate up"),
        });
      }
      symlinkSync(join(folder, "nowhere"), join(folder, "link"));
      expect(yield* failure(join(folder, "link"))).toMatchObject({ code: "ENOENT" });
      expect(readdirSync(folder)).toEqual(["link"]);
    }));

  it.scoped("a folder, and a pipe that nobody writes to: refused, not waited for", () =>
    Effect.gen(function*() {
      const folder = yield* tempFolder;
      execFileSync("mkfifo", [join(folder, "pipe")]);
      expect((yield* failure(folder)).message).toMatch(/is a folder\. Name the database file in it$/);
      expect((yield* failure(join(folder, "pipe"))).message).toMatch(/is a pipe/);
    }));

  it.scoped("a file that is no database, and one that is damaged", () =>
    Effect.gen(function*() {
      const folder = yield* tempFolder;
      const path = join(folder, "notes.txt");
      writeFileSync(path, "not a database, but long enough to be looked at as if it were one ".repeat(20));
      expect(yield* failure(path)).toMatchObject({
        reason: "Environment",
        code: "SQLITE_NOTADB",
        remedy: expect.any(String),
      });
      const { db, path: damaged } = yield* tempDatabase();
      db.pragma("wal_checkpoint(TRUNCATE)");
      const other = join(folder, "damaged.sqlite");
      writeFileSync(other, Buffer.concat([Buffer.from(db.serialize()).subarray(0, 4096), Buffer.alloc(20_000, 7)]));
      const error = yield* Effect.flip(
        Effect.scoped(Effect.flatMap(open(other), (sql) => sql.read(Introspect.program, {}, undefined))),
      );
      expect(error).toMatchObject({ reason: "Environment" });
      expect(error.code).toMatch(/^SQLITE_CORRUPT/);
      expect(existsSync(damaged)).toBe(true);
    }));

  it.scoped("an empty file is an empty database, and stays one", () =>
    Effect.gen(function*() {
      const path = join(yield* tempFolder, "empty.sqlite");
      writeFileSync(path, "");
      const catalog = yield* Effect.scoped(
        Effect.flatMap(open(path, "read"), (sql) => sql.read(Introspect.program, {}, undefined)),
      );
      expect(catalog.tables).toEqual([]);
      expect(readdirSync(join(path, ".."))).toEqual(["empty.sqlite"]);
    }));

  it.scoped("an unreadable place: no write access, and in WAL mode no reading either", () =>
    Effect.gen(function*() {
      const folder = yield* tempFolder;
      const inner = join(folder, "inner");
      mkdirSync(inner);
      if (mounts) yield* tmpfs(inner, "4m");
      const make = (name: string, mode: string) => {
        const db = new Database(join(inner, name));
        db.pragma(`journal_mode = ${mode}`);
        db.exec("CREATE TABLE t (x)");
        db.close();
      };
      make("wal.sqlite", "wal");
      make("delete.sqlite", "delete");
      if (mounts) execFileSync("mount", ["-o", "remount,ro", inner]);
      else {for (
          const [path, mode] of [[inner, 0o555], [join(inner, "wal.sqlite"), 0o444], [
            join(inner, "delete.sqlite"),
            0o444,
          ]] as const
        ) chmodSync(path, mode);}
      expect(yield* failure(join(inner, "delete.sqlite"))).toMatchObject({
        reason: "Environment",
        code: expect.stringMatching(/^SQLITE_READONLY/),
        remedy: expect.stringContaining("write access"),
      });
      expect(yield* failure(join(inner, "wal.sqlite"))).toMatchObject({
        reason: "Environment",
        remedy: expect.stringContaining("-wal and -shm"),
      });
      expect(yield* failure(join(inner, "wal.sqlite"), "read")).toMatchObject({
        reason: "Environment",
        code: "SQLITE_CANTOPEN",
        remedy: expect.stringContaining("-wal and -shm"),
      });
      yield* Effect.scoped(open(join(inner, "delete.sqlite"), "read"));
      if (!mounts) chmodSync(inner, 0o755);
    }));
});

describe("a full disk", () => {
  it.scoped("SQLITE_FULL in the middle of a batch: nothing of it stays, and it is no item's fault", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      // The last id there is: SQLite reports the table as full.
      db.exec("INSERT INTO sqlite_sequence (name, seq) VALUES ('narinfo_signatures', 9223372036854775807)");
      const sink = yield* openSink(path);
      expect(yield* Effect.flip(sink.write([narinfoItem(1), narinfoItem(2)])))
        .toMatchObject({
          reason: "Environment",
          code: "SQLITE_FULL",
          remedy: expect.stringContaining("Free disk space"),
        });
      expect(counts(db)).toMatchObject({ narinfos: 0, narinfo_references: 0, nar_files: 0 });
    }));

  it.scoped.skipIf(!mounts)(
    "a file system without space left: the batch before it stays, whole",
    () =>
      Effect.gen(function*() {
        const folder = yield* tempFolder;
        yield* tmpfs(folder, "1m");
        const path = join(folder, "db.sqlite");
        const db = new Database(path);
        db.exec(ncpsSchema);
        const sink = yield* openSink(path);
        yield* sink.write(Array.from({ length: 50 }, (_, number) => narinfoItem(number)));
        const error = yield* Effect.flip(
          sink.write(Array.from({ length: 2000 }, (_, number) => narinfoItem(100 + number))),
        );
        expect(error).toMatchObject({ reason: "Environment" });
        expect(counts(db)).toMatchObject({ narinfos: 50, narinfo_references: 100, nar_files: 50 });
        db.close();
      }),
  );
});

describe("a SQLite connection", () => {
  it.scoped("Invariant 1: durable settings are in force in WAL mode and without, and the journal mode stays", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      expect((yield* open(path)).facts).toMatchObject({
        dialect: "sqlite",
        durable: true,
        durability: "journal_mode=wal synchronous=FULL",
      });
      const plain = yield* tempDatabase("PRAGMA journal_mode = DELETE; CREATE TABLE t (x);");
      expect((yield* open(plain.path)).facts).toMatchObject({
        durable: true,
        durability: "journal_mode=delete synchronous=EXTRA",
      });
      expect(plain.db.pragma("journal_mode", { simple: true })).toBe("delete");
      expect(db.pragma("journal_mode", { simple: true })).toBe("wal");
    }));

  it.scoped("its identity is the file itself, whatever link leads there", () =>
    Effect.gen(function*() {
      const { folder, path } = yield* tempDatabase();
      symlinkSync(path, join(folder, "link"));
      expect((yield* open(join(folder, "link"), "read")).identity).toBe((yield* open(path, "read")).identity);
    }));

  it.scoped("settling works with a WAL, without one, and for readers", () =>
    Effect.gen(function*() {
      const { path } = yield* tempDatabase();
      const plain = yield* tempDatabase("PRAGMA journal_mode = DELETE; CREATE TABLE t (x);");
      for (const [file, access] of [[path, "write"], [path, "read"], [plain.path, "write"]] as const) {
        yield* Effect.flatMap(open(file, access), ({ settle }) => settle);
      }
    }));

  it.scoped("what was written is in the file itself when its scope has closed, though a reader closes later: copies are complete", () =>
    Effect.gen(function*() {
      const { db, folder, path } = yield* tempDatabase();
      db.pragma("journal_mode = WAL");
      yield* open(path, "read");
      yield* Effect.scoped(Effect.flatMap(openSink(path), (sink) => sink.write([narinfoItem(1), narinfoItem(2)])));
      const copy = join(folder, "copy.sqlite");
      copyFileSync(path, copy);
      const alone = yield* Effect.acquireRelease(
        Effect.sync(() => new Database(copy, { readonly: true })),
        (opened) => Effect.sync(() => opened.close()),
      );
      expect(counts(alone)).toMatchObject({ narinfos: 2 });
    }));

  it.scoped("closing one connection of this process leaves the locks of the others", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase("PRAGMA journal_mode = DELETE; CREATE TABLE t (x);");
      yield* SqliteFile.acquire("cache", path);
      db.exec("BEGIN IMMEDIATE");
      yield* Effect.scoped(SqliteFile.acquire("cache", path));
      const rival =
        "const D = require(process.argv[1]); try { new D(process.argv[2], { timeout: 0 }).exec('BEGIN IMMEDIATE') } "
        + "catch (error) { console.log(error.code) }";
      const args = ["-e", rival, require.resolve("better-sqlite3"), path];
      expect(execFileSync(process.execPath, args, { encoding: "utf8" })).toBe("SQLITE_BUSY\n");
      db.exec("ROLLBACK");
    }));

  it.scoped("a program that the thread does not have is a bug, not an error to retry", () =>
    Effect.gen(function*() {
      const { path } = yield* tempDatabase();
      const sql = yield* open(path);
      const exit = yield* Effect.exit(sql.read({ ...Introspect.program, name: "nowhere" }, {}, undefined));
      expect(Exit.isFailure(exit) && exit.cause._tag).toBe("Die");
      expect((yield* sql.read(Introspect.program, {}, undefined)).tables.length).toBeGreaterThan(5);
    }));

  it.scoped("its threads and descriptor end with its scope", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const scope = yield* Scope.make();
      const sql = yield* Scope.extend(open(path), scope);
      yield* Scope.close(scope, Exit.void);
      expect(yield* Effect.flip(sql.read(Introspect.program, {}, undefined))).toMatchObject({
        reason: "Environment",
        code: "WORKER",
      });
      db.pragma("journal_mode = DELETE");
      expect(db.pragma("journal_mode", { simple: true })).toBe("delete");
    }));
});

describe("a thread that does not answer", () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.scoped("a write past its deadline is a commit unknown, and no further one is begun", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const file = yield* SqliteFile.acquire("cache", path);
      const thread = yield* SqliteThread.make("cache", {
        ...file,
        access: "write",
        busyTimeoutMs: 2000,
        fault: undefined,
      });
      db.exec("BEGIN IMMEDIATE");
      const waiting = yield* Effect.fork(Effect.flip(thread.run(Introspect.program, {}, undefined)));
      yield* Effect.yieldNow();
      vi.advanceTimersByTime(60_000);
      expect(yield* waiting).toMatchObject({ reason: "CommitUnknown", code: "WORKER", detail: "no answer within 34s" });
      expect(yield* Effect.flip(thread.settle)).toMatchObject({ reason: "Environment", code: "WORKER" });
      db.exec("ROLLBACK");
      expect(rows(db, "SELECT count(*) FROM narinfos")).toEqual([[0]]);
    }).pipe(Effect.withClock(Clock.make())));
});

describe("a thread that hangs", () => {
  it.scoped("its scope closes all the same, and what it has locked stays locked", () =>
    Effect.gen(function*() {
      const { db, path } = yield* tempDatabase();
      const scope = yield* Scope.make();
      const file = yield* Scope.extend(SqliteFile.acquire("cache", path), scope);
      const settings = { ...file, access: "write", busyTimeoutMs: 20_000, fault: undefined } as const;
      const thread = yield* Scope.extend(SqliteThread.make("cache", settings), scope);
      db.exec("BEGIN IMMEDIATE");
      yield* Effect.fork(Effect.exit(thread.run(Introspect.program, {}, undefined)));
      yield* Effect.yieldNow();
      const closing = yield* Effect.fork(Scope.close(scope, Exit.void));
      yield* TestClock.adjust("31 seconds");
      yield* Fiber.join(closing);
      expect(fstatSync(file.descriptor).isFile()).toBe(true);
      db.exec("ROLLBACK");
    }));
});

describe("SQLite's codes in the engine's words", () => {
  const reason = (code: string, phase: "run" | "commit" = "run") =>
    SqliteError.translate("cache", "/db", { code, message: "m", phase }).reason;

  it("each code is retried, bisected or stops the run as the design says", () => {
    const table = {
      Busy: [
        "SQLITE_BUSY",
        "SQLITE_BUSY_SNAPSHOT",
        "SQLITE_BUSY_TIMEOUT",
        "SQLITE_LOCKED",
        "SQLITE_LOCKED_SHAREDCACHE",
        "SQLITE_PROTOCOL",
      ],
      Constraint: [
        "SQLITE_CONSTRAINT_UNIQUE",
        "SQLITE_CONSTRAINT_PRIMARYKEY",
        "SQLITE_CONSTRAINT_ROWID",
        "SQLITE_CONSTRAINT_FOREIGNKEY",
      ],
      Data: [
        "SQLITE_CONSTRAINT_CHECK",
        "SQLITE_CONSTRAINT_NOTNULL",
        "SQLITE_CONSTRAINT_DATATYPE",
        "SQLITE_CONSTRAINT_TRIGGER",
        "SQLITE_TOOBIG",
        "SQLITE_MISMATCH",
        "BIND",
      ],
      Environment: [
        "SQLITE_FULL",
        "SQLITE_READONLY_DBMOVED",
        "SQLITE_CORRUPT_INDEX",
        "SQLITE_NOTADB",
        "SQLITE_CANTOPEN",
        "SQLITE_IOERR_WRITE",
        "SQLITE_AUTH",
        "SQLITE_PERM",
        "SQLITE_SCHEMA",
        "SQLITE_ERROR",
        "SQLITE_NOMEM",
        "EIO",
      ],
    } as const;
    for (const [expected, codes] of Object.entries(table)) {
      for (const code of codes) expect([code, reason(code)]).toEqual([code, expected]);
    }
  });

  it("what stops the run says what to do", () => {
    for (
      const code of [
        "SQLITE_FULL",
        "SQLITE_READONLY",
        "SQLITE_CANTOPEN",
        "SQLITE_NOTADB",
        "SQLITE_CORRUPT",
        "SQLITE_IOERR_FSYNC",
        "SQLITE_ERROR",
        "EIO",
      ]
    ) {
      expect(SqliteError.translate("cache", "/db", { code, message: "m", phase: "run" }).remedy).toMatch(/^[A-Z]/);
    }
  });

  it("an I/O error at COMMIT leaves the commit unknown, a lock then does not", () => {
    expect(reason("SQLITE_IOERR_FSYNC", "commit")).toBe("CommitUnknown");
    expect(reason("SQLITE_BUSY", "commit")).toBe("Busy");
    expect(reason("SQLITE_FULL", "commit")).toBe("Environment");
  });
});
