/** What the project file says of connections, locks and state: the settings as they stand in YAML, and what drivers are given. */
import { Duration, type Redacted, Schema } from "effect";
import * as Field from "./Field.ts";
import type { Dialect } from "./Sql.ts";

// ------------------------------------------------------------------------------------------------------- as written

/** Settings that stand empty (`path: ${CACHE_STORAGE_LOCAL:-}`) count as absent throughout. */
export const TlsSettings = Schema.Struct({
  ca: Field.withDefault(Field.text, "PEM file of the authorities to trust; else those that Node trusts", ""),
  cert: Field.withDefault(Field.text, "PEM file of our own certificate, where the server asks for one", ""),
  key: Field.withDefault(Field.text, "PEM file of our certificate's key", ""),
});

export const S3Settings = Schema.Struct({
  bucket: Field.withDefault(Field.text, "Bucket; where one is set, the storage is S3", ""),
  prefix: Field.withDefault(Field.text, "What every key starts with, with its last slash; keys are what follows", ""),
  endpoint: Field.withDefault(
    Field.address("write accessKeyId and secretAccessKey"),
    "URL of the S3 service, with its scheme; empty for AWS",
    "",
  ),
  region: Field.withDefault(Field.text, "Region that requests are signed for", ""),
  accessKeyId: Field.withDefault(
    Field.text,
    "Access key; empty for the default credentials of the AWS SDK (variables, profile, web identity, container, instance)",
    "",
  ),
  secretAccessKey: Field.optional(Field.secret, "Secret of the access key"),
  sessionToken: Field.optional(Field.secret, "Session token of a temporary access key"),
  forcePathStyle: Field.withDefault(Field.flag, "Bucket in the path instead of the host name", false),
  tls: Field.optional(TlsSettings, "Certificates, for an https endpoint"),
  // Measured on loopback: beyond 32 nothing gets faster; a distant store needs as many as rate times latency.
  requests: Field.withDefault(Field.count({ min: 1, max: 128 }), "Requests at once", 32),
});

export const StorageSettings = Schema.Struct({
  path: Field.withDefault(
    Field.described(Field.text, "Folder", { examples: ["/var/lib/ncps"] }),
    "Folder that holds the objects; keys are paths below it",
    "",
  ),
  s3: Field.optional(S3Settings, "Bucket that holds the objects"),
});

export const SqlSettings = Schema.Struct({
  url: Field.described(
    Field.secret,
    "URL of the database in ncps' forms (`sqlite:/path`, `postgresql://…`, `mysql://…`); its scheme chooses the driver",
  ),
  poolSize: Field.withDefault(
    Field.count({ min: 2, max: 200 }),
    "Connections at once, where the database is a server; batches wait for one",
    8,
  ),
  lockTimeout: Field.withDefault(
    Field.duration,
    "Longest wait for a row lock, where the database is a server",
    Duration.seconds(2),
  ),
  preparedStatements: Field.withDefault(
    Field.flag,
    "Named statements on PostgreSQL; `false` behind a pooler that gives each transaction another session",
    true,
  ),
  tls: Field.optional(TlsSettings, "Certificates, where the database is a server; its URL says whether TLS is used"),
});

export const RedisSettings = Schema.Struct({
  addrs: Field.withDefault(
    Field.list(Field.address("write username and password")),
    "Addresses of independent Redis nodes, `host:port`; of several, a majority must grant a lock",
    [],
  ),
  username: Field.withDefault(Field.text, "User name", ""),
  password: Field.optional(Field.secret, "Password"),
  db: Field.withDefault(Field.count(), "Number of the database", 0),
  useTls: Field.withDefault(Field.flag, "TLS on every connection", false),
  tls: Field.optional(TlsSettings, "Certificates, with `useTls`"),
  keyPrefix: Field.withDefault(Field.text, "What lock keys start with, as in ncps", "ncps:lock:"),
  poolSize: Field.withDefault(Field.count({ min: 1, max: 100 }), "Connections per node at most", 10),
});

export const EtcdSettings = Schema.Struct({
  endpoints: Field.withDefault(
    Field.list(Field.address("write username and password")),
    "URLs of the etcd cluster's members",
    [],
  ),
  username: Field.withDefault(Field.text, "User name", ""),
  password: Field.optional(Field.secret, "Password"),
  tls: Field.optional(TlsSettings, "Certificates, for https endpoints"),
  keyPrefix: Field.withDefault(Field.text, "What lock keys start with", "/ncps-pipeline/lock/"),
});

/** How often, and how patiently, a lock server that cannot be reached is asked again; keys that are held are the sink's `retry`. */
export const LockRetrySettings = Schema.Struct({
  maxAttempts: Field.withDefault(Field.count({ min: 1, max: 100 }), "Attempts to reach the lock server", 3),
  initialDelay: Field.withDefault(
    Field.duration,
    "Pause after the first attempt; doubles each time",
    Duration.millis(100),
  ),
  maxDelay: Field.withDefault(Field.duration, "Longest pause", Duration.seconds(2)),
  jitter: Field.withDefault(Field.flag, "Random pauses up to these, so that runners do not ask in step", true),
});

export const LockSettings = Schema.Struct({
  type: Field.withDefault(
    Field.literal("auto", "local", "none", "file", "redis", "postgres", "mysql", "etcd"),
    "Where keys are locked: `auto` is Redis where addresses are set, else `local` (this process only); `none` locks nothing",
    "auto",
  ),
  redis: Field.optional(RedisSettings, "The Redis that ncps locks in"),
  etcd: Field.optional(EtcdSettings, "The etcd cluster of type `etcd`"),
  path: Field.withDefault(
    Field.text,
    "Folder of lock files, of type `file`: on a local disk, the same for all runners",
    "",
  ),
  connection: Field.withDefault(
    Field.text,
    "SQL connection whose server keeps the locks, of types `postgres` and `mysql`",
    "",
  ),
  retry: Field.withDefault(LockRetrySettings, "When the lock server cannot be reached", {
    maxAttempts: 3,
    initialDelay: Duration.millis(100),
    maxDelay: Duration.seconds(2),
    jitter: true,
  }),
  allowDegradedMode: Field.withDefault(
    Field.flag,
    "Without a reachable Redis lock within this process only, and say so, instead of ending the run",
    false,
  ),
});

export const StateSettings = Schema.Struct({
  path: Field.withDefault(
    Field.text,
    "SQLite file of runs, quarantine and checkpoints; relative to the working folder",
    ".ncps-pipeline/state.db",
  ),
});

// -------------------------------------------------------------------------------------------------- as drivers get it

/** A folder; `path` is absolute, or relative to the working folder where a variable or flag gave it. */
export interface LocalStorageConfig {
  readonly type: "storage";
  readonly kind: "local";
  readonly path: string;
}

/** PEM files, absolute or relative to the working folder; empty where not given. */
export type TlsConfig = typeof TlsSettings.Type;

export interface S3StorageConfig extends Omit<typeof S3Settings.Type, "tls" | "secretAccessKey" | "sessionToken"> {
  readonly type: "storage";
  readonly kind: "s3";
  readonly secretAccessKey: Redacted.Redacted<string> | undefined;
  readonly sessionToken: Redacted.Redacted<string> | undefined;
  readonly tls: TlsConfig | undefined;
}

/** `file` as ncps reads it from the URL: query ignored, `#` kept; relative as for folders. */
export interface SqliteConfig {
  readonly type: "sql";
  readonly dialect: "sqlite";
  readonly file: string;
}

export interface SqlServerConfig extends Omit<typeof SqlSettings.Type, "url" | "tls"> {
  readonly type: "sql";
  readonly dialect: Exclude<Dialect, "sqlite">;
  /** As written, in ncps' forms. */
  readonly url: Redacted.Redacted<string>;
  readonly tls: TlsConfig | undefined;
}

export type StorageConfig = LocalStorageConfig | S3StorageConfig;
export type SqlConfig = SqliteConfig | SqlServerConfig;
export type ConnectionConfig = StorageConfig | SqlConfig;

export type LockRetryConfig = typeof LockRetrySettings.Type;

/** `auto` is decided by now. */
export type LockConfig =
  | { readonly type: "local" | "none" }
  | { readonly type: "file"; readonly path: string }
  | {
    readonly type: "redis";
    readonly redis: typeof RedisSettings.Type;
    readonly retry: LockRetryConfig;
    readonly allowDegradedMode: boolean;
  }
  | {
    readonly type: "postgres" | "mysql";
    /** Name of a SQL connection of this dialect. */
    readonly connection: string;
    readonly retry: LockRetryConfig;
  }
  | { readonly type: "etcd"; readonly etcd: typeof EtcdSettings.Type; readonly retry: LockRetryConfig };

/** `path` as written: the CLI resolves it against the working folder. */
export interface StateConfig {
  readonly path: string;
}

/** What the layer behind `core/Connections` is built from. */
export interface ConnectionsConfig {
  readonly connections: ReadonlyMap<string, ConnectionConfig>;
  readonly lock: LockConfig;
}

/**
 * What a database URL names, as ncps reads it (`pkg/database/type.go`, `reconstructSQLitePath`): the scheme's part before `+`
 * decides, a SQLite path is the decoded URL path or the undecoded opaque part. `undefined` for any other scheme.
 */
export const readDatabaseUrl = (
  url: string,
):
  | { readonly dialect: "sqlite"; readonly file: string }
  | { readonly dialect: SqlServerConfig["dialect"] }
  | undefined =>
{
  const [, scheme = "", rest = ""] = /^([a-z][a-z0-9+.-]*):(.*)$/is.exec(url) ?? [];
  switch (scheme.toLowerCase().split("+")[0]) {
    case "postgres":
    case "postgresql":
      return { dialect: "postgres" };
    case "mysql":
      return { dialect: "mysql" };
    case "sqlite":
    case "sqlite3": {
      const hash = rest.indexOf("#");
      const [beforeHash, fragment] = hash === -1 ? [rest, ""] : [rest.slice(0, hash), rest.slice(hash)];
      const [beforeQuery = ""] = beforeHash.split("?");
      const isOpaque = !beforeQuery.startsWith("/");
      const path = beforeQuery.replace(/^\/\/[^/]*/, "");
      return {
        dialect: "sqlite",
        file: (isOpaque ? path : decoded(path)) + (fragment === "#" ? "" : decoded(fragment)),
      };
    }
    default:
      return undefined;
  }
};

/** Percent-decoding that leaves what is no valid escape as it stands. */
const decoded = (text: string): string =>
  text.replace(
    /(?:%[0-9a-f]{2})+/gi,
    (escapes) =>
      Schema.decodeUnknownOption(Schema.StringFromUriComponent)(escapes).pipe(
        (result) => (result._tag === "Some" ? result.value : escapes),
      ),
  );
