import { Context } from "effect";
import type { Duration, Effect, Scope } from "effect";
import type { Access } from "./Access.ts";
import type { ConnectionError, LockError, SqlError, StorageError } from "./Errors.ts";
import type { Lock } from "./Lock.ts";
import type { Sql } from "./Sql.ts";
import type { Storage } from "./Storage.ts";

export type ConnectionKind = "storage" | "sql";

/** The connections of the project file, by name, opened when a component asks and closed with its scope. */
export class Connections extends Context.Tag("ncps-pipeline/core/Connections")<Connections, {
  readonly storage: (name: string) => Effect.Effect<Storage, ConnectionError | StorageError, Scope.Scope>;
  /** `statementTimeout` bounds every statement and busy wait. */
  readonly sql: (
    name: string,
    options: { readonly access: Access; readonly statementTimeout: Duration.Duration },
  ) => Effect.Effect<Sql, ConnectionError | SqlError, Scope.Scope>;
  readonly lock: Effect.Effect<Lock, ConnectionError | LockError, Scope.Scope>;
}>() {}
