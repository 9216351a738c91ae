/**
 * ncps' forms of a MySQL URL, as its `parseMySQLConfig` reads them (pkg/database/database.go): `mysql://user:password@host:3306/db`,
 * a socket in `?socket=`, `?unix_socket=` or an absolute `?host=`, `mysql+unix:///path/to/socket/db`; `tls` as go-sql-driver/mysql has it.
 */
import { Effect } from "effect";
import { ConnectionError } from "../../core/Errors.ts";

/** `preferred`: TLS where the server has it, nobody's certificate checked; `unchecked`: TLS always, certificates not; `checked`: both. */
export type Tls = "off" | "preferred" | "unchecked" | "checked";

export interface MysqlUrl {
  readonly address: { readonly host: string; readonly port: number } | { readonly socket: string };
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly tls: Tls;
}

const defaultPort = 3306;

const tlsWords: ReadonlyMap<string, Tls> = new Map<string, Tls>([
  ["", "off"],
  ["false", "off"],
  ["0", "off"],
  ["true", "checked"],
  ["1", "checked"],
  ["skip-verify", "unchecked"],
  ["preferred", "preferred"],
]);

const shape = "Write it as mysql://user:<password>@host:3306/database, special characters in user and password as %XX";

/** Not `URL`, which has no user without a host: `mysql://user:password@/db?socket=…` is what ncps is given. */
const parts = /^mysql(\+unix)?:\/\/([^/?#]*)([^?#]*)(?:\?([^#]*))?(?:#.*)?$/is;

/** Refuses what it cannot read, without repeating any of it: Invariant 9. */
export const parse = (connection: string, text: string): Effect.Effect<MysqlUrl, ConnectionError> => {
  const refuse = (detail: string, remedy = shape) =>
    new ConnectionError({ reason: "Config", connection, detail, remedy });
  const decode = (part: string, what: string) =>
    Effect.try({
      try: () => decodeURIComponent(part),
      catch: () => refuse(`its URL has a stray % in the ${what}`, "Write % as %25"),
    });
  return Effect.gen(function*() {
    const [matched, unix, authority = "", rawPath = "", rawQuery = ""] = parts.exec(text) ?? [];
    if (matched === undefined) return yield* refuse("its URL cannot be read");
    const at = authority.lastIndexOf("@");
    const [rawUser = "", ...rawPassword] = authority.slice(0, Math.max(at, 0)).split(":");
    const [, rawHost = "", rawPort = ""] = /^(.*?)(?::(\d*))?$/.exec(authority.slice(at + 1)) ?? [];

    const path = yield* decode(rawPath, "path");
    const query = new URLSearchParams(rawQuery);
    const cut = path.lastIndexOf("/");
    const isUnix = unix !== undefined;
    const absoluteHost = query.get("host")?.startsWith("/") === true ? query.get("host") : "";
    const socket = isUnix ? path.slice(0, cut) : query.get("socket") || query.get("unix_socket") || absoluteHost || "";
    const database = isUnix ? path.slice(cut + 1) : path.replace(/^\//, "");
    if (database === "") return yield* refuse("its URL names no database");
    if (isUnix && socket === "") {
      return yield* refuse(
        "its URL names no socket",
        "Write it as mysql+unix://user:<password>@/path/to/socket/database",
      );
    }
    // ncps:p without its @, or tcp(host:3306) of go-sql-driver: nothing that is no host's name is looked up and shown.
    if (/[:()]/.test(rawHost.replace(/^\[[^\]]*\]$/, ""))) {
      return yield* refuse("its URL has a host that cannot be read");
    }
    // Brackets belong to the URL, not to an IPv6 address.
    const host = (yield* decode(rawHost, "host")).replace(/^\[(.*)\]$/, "$1");
    if (socket === "" && host === "") return yield* refuse("its URL names neither a host nor a socket");
    const port = rawPort === "" ? defaultPort : Number(rawPort);
    if (port < 1 || port > 65_535) return yield* refuse("its URL has a port that there is not");
    const word = query.get("tls") ?? "";
    const tls = tlsWords.get(word.toLowerCase());
    if (tls === undefined) {
      return yield* refuse(
        `its URL has tls=${JSON.stringify(word)}`,
        "Write tls=true, skip-verify, preferred or false; certificates are named in the connection's tls settings",
      );
    }
    return {
      address: socket === "" ? { host, port } : { socket },
      user: yield* decode(rawUser, "user name"),
      password: yield* decode(rawPassword.join(":"), "password"),
      database,
      tls,
    };
  });
};
