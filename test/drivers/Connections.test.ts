import { describe, expect, it } from "@effect/vitest";
import Database from "better-sqlite3";
import { Duration, Effect, Exit, Layer, Redacted, Scope } from "effect";
import * as fs from "node:fs";
import * as path from "node:path";
import type { ConnectionsConfig, LockConfig } from "../../src/core/Config.ts";
import { Connections } from "../../src/core/Connections.ts";
import * as ConnectionsLayer from "../../src/drivers/Connections.ts";
import { folder } from "./storage/folder.ts";

const timeout = { statementTimeout: Duration.seconds(4) };

const config = (root: string, lock: LockConfig = { type: "local" }): ConnectionsConfig => ({
  connections: new Map<string, ConnectionsConfig["connections"] extends ReadonlyMap<string, infer C> ? C : never>([
    ["cache-storage", { type: "storage", kind: "local", path: root }],
    ["cache-database", { type: "sql", dialect: "sqlite", file: path.join(root, "db.sqlite") }],
    ["bucket", {
      type: "storage",
      kind: "s3",
      bucket: "b",
      endpoint: "http://127.0.0.1:1",
      region: "",
      accessKeyId: "",
      secretAccessKey: Redacted.make("hunter2"),
      sessionToken: undefined,
      forcePathStyle: true,
      prefix: "",
      requests: 4,
      tls: undefined,
    }],
    ["server", {
      type: "sql",
      dialect: "postgres",
      url: Redacted.make("postgresql://u:hunter2@h/d"),
      poolSize: 4,
      lockTimeout: Duration.seconds(1),
      preparedStatements: true,
      tls: undefined,
    }],
  ]),
  lock,
});

const world = (lock?: LockConfig) =>
  Effect.gen(function*() {
    const root = yield* folder;
    new Database(path.join(root, "db.sqlite")).exec("CREATE TABLE t (x)").close();
    const context = yield* Layer.build(ConnectionsLayer.layer(config(root, lock)));
    return { root, connections: yield* Effect.provide(Connections, context) };
  });

describe("Connections", () => {
  it.scoped("what is open already is shared by name, and per access", () =>
    Effect.gen(function*() {
      const { connections, root } = yield* world();
      const storage = yield* connections.storage("cache-storage");
      expect(storage.identity).toBe(`file:${root}`);
      expect(yield* connections.storage("cache-storage")).toBe(storage);
      const reading = yield* connections.sql("cache-database", { access: "read", ...timeout });
      expect(yield* connections.sql("cache-database", { access: "read", ...timeout })).toBe(reading);
      const writing = yield* connections.sql("cache-database", { access: "write", ...timeout });
      expect(writing).not.toBe(reading);
      expect(writing.facts.dialect).toBe("sqlite");
      expect(yield* connections.lock).toBe(yield* connections.lock);
    }));

  it.scoped("a driver is open as long as one of its users is", () =>
    Effect.gen(function*() {
      const { connections } = yield* world();
      const [first, second] = [yield* Scope.make(), yield* Scope.make()];
      const storage = yield* Scope.extend(connections.storage("cache-storage"), first);
      yield* Scope.extend(connections.storage("cache-storage"), second);
      yield* Scope.close(first, Exit.void);
      expect(yield* storage.partitions("")).toEqual([""]);
      yield* Scope.close(second, Exit.void);
      expect(yield* Effect.flip(storage.partitions(""))).toMatchObject({ _tag: "StorageError" });
      expect(yield* (yield* connections.storage("cache-storage")).partitions("")).toEqual([""]);
    }));

  it.scoped("a failed opening is tried anew, not remembered", () =>
    Effect.gen(function*() {
      const root = yield* folder;
      const missing = path.join(root, "later");
      const context = yield* Layer.build(ConnectionsLayer.layer(config(missing)));
      const open = Effect.scoped(
        Effect.flatMap(Connections, (connections) => connections.storage("cache-storage")),
      ).pipe(Effect.provide(context));
      expect(yield* Effect.flip(open)).toMatchObject({ _tag: "StorageError", reason: "Missing" });
      fs.mkdirSync(missing);
      expect((yield* open).identity).toBe(`file:${missing}`);
    }));

  it.scoped("a name that is not defined or of the wrong kind says what there is", () =>
    Effect.gen(function*() {
      const { connections } = yield* world();
      expect(yield* Effect.flip(connections.storage("cache-storag")))
        .toMatchObject({ _tag: "ConnectionError", reason: "Unknown", remedy: "Did you mean cache-storage?" });
      expect(yield* Effect.flip(connections.storage("zzz")))
        .toMatchObject({ reason: "Unknown", remedy: expect.stringContaining("cache-database") });
      expect(yield* Effect.flip(connections.storage("cache-database"))).toMatchObject({ reason: "Kind" });
      expect(yield* Effect.flip(connections.sql("cache-storage", { access: "read", ...timeout }))).toMatchObject({
        reason: "Kind",
      });
    }));

  it.scoped("locks are those of the settings", () =>
    Effect.gen(function*() {
      expect((yield* (yield* world({ type: "local" })).connections.lock).kind).toBe("local");
      expect((yield* (yield* world({ type: "none" })).connections.lock).kind).toBe("none");
      const locks = path.join(yield* folder, "locks");
      const { connections } = yield* world({ type: "file", path: locks });
      const lease = yield* (yield* connections.lock).acquire(["a"], Duration.seconds(10));
      expect(fs.readdirSync(locks)).toContain("a.lock");
      yield* lease.release;
    }));

  it.scoped("a lock kept by a database names a connection, and one of its own dialect", () =>
    Effect.gen(function*() {
      const retry = { maxAttempts: 1, initialDelay: Duration.millis(1), maxDelay: Duration.millis(1), jitter: false };
      const failure = (type: "postgres" | "mysql", connection: string) =>
        Effect.flatMap(world({ type, connection, retry }), ({ connections }) => Effect.flip(connections.lock));
      expect(yield* failure("mysql", "nowhere")).toMatchObject({ reason: "Unknown" });
      expect(yield* failure("mysql", "bucket")).toMatchObject({ reason: "Kind" });
      expect(yield* failure("mysql", "server")).toMatchObject({ reason: "Kind" });
      expect(yield* failure("postgres", "cache-database")).toMatchObject({ reason: "Kind" });
    }));
});
