/** What the project file says of connections, locks and state: the settings as they stand in YAML, and what drivers are given. */
import { type Redacted, Schema } from "effect";
import * as Field from "./Field.ts";
import type { Dialect } from "./Sql.ts";

// ------------------------------------------------------------------------------------------------------- as written

/** Settings that stand empty (`path: ${CACHE_STORAGE_LOCAL:-}`) count as absent throughout. */
export const S3Settings = Schema.Struct({
  bucket: Field.withDefault(Field.text, "Bucket; where one is set, the storage is S3", ""),
  endpoint: Field.withDefault(Field.text, "URL of the S3 service, with its scheme", ""),
  region: Field.withDefault(Field.text, "Region that requests are signed for", ""),
  accessKeyId: Field.withDefault(Field.text, "Access key", ""),
  secretAccessKey: Field.optional(Field.secret, "Secret of the access key"),
  forcePathStyle: Field.withDefault(Field.flag, "Bucket in the path instead of the host name", false),
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
});

export const RedisSettings = Schema.Struct({
  addrs: Field.withDefault(Field.list(Field.text), "Addresses of Redis nodes, `host:port`", []),
  username: Field.withDefault(Field.text, "User name", ""),
  password: Field.optional(Field.secret, "Password"),
  db: Field.withDefault(Field.count(), "Number of the database", 0),
  useTls: Field.withDefault(Field.flag, "TLS on every connection", false),
  keyPrefix: Field.withDefault(Field.text, "What lock keys start with, as in ncps", "ncps:lock:"),
});

export const LockSettings = Schema.Struct({
  type: Field.withDefault(
    Field.literal("auto", "local", "none", "redis"),
    "Where keys are locked: `auto` is Redis where addresses are set, else `local` (this process only); `none` locks nothing",
    "auto",
  ),
  redis: Field.optional(RedisSettings, "The Redis that ncps locks in"),
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

export interface S3StorageConfig {
  readonly type: "storage";
  readonly kind: "s3";
  readonly bucket: string;
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: Redacted.Redacted<string> | undefined;
  readonly forcePathStyle: boolean;
}

/** `file` as ncps reads it from the URL: query ignored, `#` kept; relative as for folders. */
export interface SqliteConfig {
  readonly type: "sql";
  readonly dialect: "sqlite";
  readonly file: string;
}

export interface SqlServerConfig {
  readonly type: "sql";
  readonly dialect: Exclude<Dialect, "sqlite">;
  readonly url: Redacted.Redacted<string>;
}

export type StorageConfig = LocalStorageConfig | S3StorageConfig;
export type SqlConfig = SqliteConfig | SqlServerConfig;
export type ConnectionConfig = StorageConfig | SqlConfig;

/** `auto` is decided by now. */
export interface LockConfig {
  readonly type: "local" | "none" | "redis";
  readonly redis: typeof RedisSettings.Type | undefined;
}

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
