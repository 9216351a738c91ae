/** PostgreSQL URLs in ncps' forms, which are pgx' (https://pkg.go.dev/github.com/jackc/pgx/v5/pgconn#ParseConfig) and those with `+unix`. */
import { Either } from "effect";
import { posix } from "node:path";

export type SslMode = "disable" | "allow" | "prefer" | "require" | "verify-ca" | "verify-full";

export interface Host {
  /** A name, an address, or the folder of a socket. */
  readonly host: string;
  readonly port: number;
}

export interface Address {
  /** Tried in this order. */
  readonly hosts: ReadonlyArray<Host>;
  readonly database: string | undefined;
  readonly user: string | undefined;
  readonly password: string | undefined;
  /** Absent: the URL does not say. */
  readonly sslMode: SslMode | undefined;
  /** PEM files; empty where not given. */
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly applicationName: string | undefined;
  readonly connectTimeoutSeconds: number | undefined;
  /** The server's command line for the session, `-c name=value` say; some hosting services are told there which database is meant. */
  readonly options: string | undefined;
  /** Settings of the session by name, `search_path` say. */
  readonly settings: ReadonlyMap<string, string>;
}

const sslModes: ReadonlyArray<string> = ["disable", "allow", "prefer", "require", "verify-ca", "verify-full"];

/** What drivers of Go read for themselves, and what says where to connect. */
const notSettings =
  /^(?:host|port|dbname|user|password|options|ssl.*|application_name|connect_timeout|target_session_attrs|service.*|passfile|krb.*|gss.*|channel_binding|default_query_exec_mode|(?:statement|description)_cache_.*|pool_.*|min_read_buffer_size|(?:min|max)_protocol_version|fallback_application_name)$/;

const form = /^postgres(?:ql)?(\+unix)?(?:\+[a-z]+)?:\/\/(?:([^/?#]*)@)?([^/?#@]*)(\/[^?#]*)?(?:\?([^#]*))?(?:#.*)?$/i;

/** The default port of PostgreSQL. */
const defaultPort = 5432;

const decoded = (text: string): string | undefined => {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
};

/** Left: what is wrong, without a part of the URL that could be secret. */
export const read = (url: string): Either.Either<Address, string> =>
  Either.gen(function*() {
    const match = form.exec(url);
    if (match === null) {
      return yield* Either.left("it is not of the form postgresql://user:<password>@host:port/database");
    }
    const [, unix, credentials = "", authority = "", rawPath = "", rawQuery = ""] = match;
    const decode = (what: string, text: string) =>
      Either.fromNullable(decoded(text), () => `its ${what} has a % that is no escape (write %25)`);
    const query = new URLSearchParams(rawQuery);
    const asked = (name: string): string | undefined => query.get(name) || undefined;
    const colon = credentials.indexOf(":");
    const user = yield* decode("user", colon < 0 ? credentials : credentials.slice(0, colon));
    const password = yield* decode("password", colon < 0 ? "" : credentials.slice(colon + 1));
    const path = yield* decode("path", rawPath);

    let database = path.slice(1);
    let names = authority;
    if (unix !== undefined) {
      const folder = posix.dirname(path);
      database = posix.basename(path);
      if (database === "") return yield* Either.left("its path must be the socket's folder and then the database");
      names = folder;
    } else if (asked("host") !== undefined) names = asked("host")!;
    const hosts = yield* hostsOf(names, asked("port"));

    const sslMode = asked("sslmode");
    if (sslMode !== undefined && !sslModes.includes(sslMode)) {
      return yield* Either.left(`its sslmode is none of ${sslModes.join(", ")}`);
    }
    const timeout = asked("connect_timeout");
    return {
      hosts,
      database: asked("dbname") ?? (database || undefined),
      user: asked("user") ?? (user || undefined),
      password: asked("password") ?? (password || undefined),
      sslMode: sslMode as SslMode | undefined,
      tls: { ca: asked("sslrootcert") ?? "", cert: asked("sslcert") ?? "", key: asked("sslkey") ?? "" },
      applicationName: asked("application_name"),
      connectTimeoutSeconds: timeout !== undefined && /^\d+$/.test(timeout) ? Number(timeout) : undefined,
      options: asked("options"),
      settings: new Map([...query].filter(([name]) => /^[a-z_][a-z0-9_.]*$/i.test(name) && !notSettings.test(name))),
    };
  });

/** `one:1,two,[::1]:3`; ports may also come as a list of their own. */
const hostsOf = (names: string, ports: string | undefined): Either.Either<ReadonlyArray<Host>, string> => {
  const separate = ports?.split(",") ?? [];
  const hosts: Array<Host> = [];
  for (const [at, name] of names.split(",").entries()) {
    const [, bracketed, plain, written] = /^(?:\[([^\]]*)\]|([^:]*|\/.*))(?::(\d+))?$/.exec(name) ?? [];
    if (bracketed === undefined && plain === undefined) return Either.left("its host cannot be read");
    const port = Number(written ?? separate[at] ?? separate[0] ?? defaultPort);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) return Either.left("its port is no port");
    hosts.push({ host: decoded(bracketed ?? plain ?? "") || "localhost", port });
  }
  return Either.right(hosts);
};

/** Without user and password. */
export const identity = ({ database, hosts }: Address, actualDatabase: string): string =>
  `postgresql://${hosts.map(({ host, port }) => `${host}:${port}`).join(",")}/${actualDatabase || database || ""}`;
