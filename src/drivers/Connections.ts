import { Data, Duration, Effect, Layer, RcMap, Scope } from "effect";
import type { Access } from "../core/Access.ts";
import type { ConnectionConfig, ConnectionsConfig, LockConfig, SqlConfig, StorageConfig } from "../core/Config.ts";
import { type ConnectionKind, Connections } from "../core/Connections.ts";
import { ConnectionError, type LockError, type SqlError, type StorageError } from "../core/Errors.ts";
import type { Lock } from "../core/Lock.ts";
import * as Nearest from "../core/Nearest.ts";
import type { Sql } from "../core/Sql.ts";
import type { Storage } from "../core/Storage.ts";

/** The settings of a connection of this kind; says what else there is, or what it is instead. */
const find = <Kind extends ConnectionKind>(
  connections: ConnectionsConfig["connections"],
  name: string,
  kind: Kind,
): Effect.Effect<Extract<ConnectionConfig, { type: Kind }>, ConnectionError> => {
  const config = connections.get(name);
  if (config?.type === kind) return Effect.succeed(config as Extract<ConnectionConfig, { type: Kind }>);
  if (config !== undefined) {
    return new ConnectionError({
      reason: "Kind",
      connection: name,
      detail: `it is a ${config.type} connection where a ${kind} connection is needed`,
      remedy: `Name another one, or change it under connections in the project file`,
    });
  }
  const names = [...connections.keys()];
  const near = Nearest.nearest(name, names);
  return new ConnectionError({
    reason: "Unknown",
    connection: name,
    detail: "the project file does not define it",
    remedy: near !== undefined
      ? `Did you mean ${near}?`
      : names.length === 0
      ? "Define it under connections in the project file"
      : `Defined are ${names.join(", ")}`,
  });
};

// Drivers are loaded when a connection needs them: a verb that opens nothing starts without any.

const openStorage = (
  name: string,
  config: StorageConfig,
): Effect.Effect<Storage, ConnectionError | StorageError, Scope.Scope> => {
  switch (config.kind) {
    case "local":
      return Effect.flatMap(
        Effect.promise(() => import("./storage/Local.ts")),
        (Local) => Local.make({ name, root: config.path }),
      );
    case "s3":
      return Effect.flatMap(Effect.promise(() => import("./storage/S3.ts")), (S3) => S3.make({ name, config }));
  }
};

interface SqlOptions {
  readonly access: Access;
  readonly statementTimeout: Duration.Duration;
}

const openSql = (
  name: string,
  config: SqlConfig,
  options: SqlOptions,
): Effect.Effect<Sql, ConnectionError | SqlError, Scope.Scope> => {
  switch (config.dialect) {
    case "sqlite":
      return Effect.flatMap(
        Effect.promise(() => import("./sql/Sqlite.ts")),
        (Sqlite) => Sqlite.make({ connection: name, path: config.file, ...options }),
      );
    case "postgres":
      return Effect.flatMap(
        Effect.promise(() => import("./sql/Postgres.ts")),
        (Postgres) => Postgres.make({ connection: name, config, ...options }),
      );
    case "mysql":
      return Effect.flatMap(
        Effect.promise(() => import("./sql/Mysql.ts")),
        (Mysql) => Mysql.make({ connection: name, config, ...options }),
      );
  }
};

const openLock = (
  config: LockConfig,
  connections: ConnectionsConfig["connections"],
): Effect.Effect<Lock, ConnectionError | LockError, Scope.Scope> => {
  switch (config.type) {
    case "none":
      return Effect.map(Effect.promise(() => import("./lock/None.ts")), ({ lock }) => lock);
    case "local":
      return Effect.flatMap(Effect.promise(() => import("./lock/Local.ts")), ({ make }) => make);
    case "redis":
      return Effect.flatMap(Effect.promise(() => import("./lock/Redis.ts")), (Redis) => Redis.make(config));
    case "file":
      return Effect.flatMap(Effect.promise(() => import("./lock/File.ts")), (File) => File.make(config.path));
    case "etcd":
      return Effect.flatMap(Effect.promise(() => import("./lock/Etcd.ts")), (Etcd) => Etcd.make(config));
    case "postgres":
    case "mysql":
      return Effect.gen(function*() {
        const { connection, retry, type } = config;
        const found = yield* find(connections, connection, "sql");
        if (found.dialect === "postgres" && type === "postgres") {
          const PgAdvisory = yield* Effect.promise(() => import("./lock/PgAdvisory.ts"));
          return yield* PgAdvisory.make({ connection, config: found, retry });
        }
        if (found.dialect === "mysql" && type === "mysql") {
          const MysqlNamed = yield* Effect.promise(() => import("./lock/MysqlNamed.ts"));
          return yield* MysqlNamed.make({ connection, config: found, retry });
        }
        return yield* new ConnectionError({
          reason: "Kind",
          connection,
          detail: `it is a ${found.dialect} database, and the lock's type is ${type}`,
          remedy: "Name a connection of the lock's type, or another type",
        });
      });
  }
};

/** Drivers by connection name: who opens one that is open shares it, and the last to close its scope closes it. */
export const layer = (config: ConnectionsConfig): Layer.Layer<Connections> =>
  Layer.scoped(
    Connections,
    Effect.gen(function*() {
      const storages = yield* RcMap.make({
        lookup: (name: string) =>
          Effect.flatMap(find(config.connections, name, "storage"), (found) => openStorage(name, found)),
      });
      const databases = yield* RcMap.make({
        lookup: ({ name, access, timeoutMillis }: { name: string; access: Access; timeoutMillis: number }) =>
          Effect.flatMap(
            find(config.connections, name, "sql"),
            (found) => openSql(name, found, { access, statementTimeout: Duration.millis(timeoutMillis) }),
          ),
      });
      const scope = yield* Effect.scope;
      // Whoever asks shares it; it ends with the connections.
      const lock = yield* Effect.cached(
        Effect.provideService(openLock(config.lock, config.connections), Scope.Scope, scope),
      );
      return {
        storage: (name) => RcMap.get(storages, name),
        sql: (name, { access, statementTimeout }) =>
          RcMap.get(databases, Data.struct({ name, access, timeoutMillis: Duration.toMillis(statementTimeout) })),
        lock,
      };
    }),
  );
