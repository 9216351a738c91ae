/** What MySQL, MariaDB and the way to them report, in the engine's words: https://dev.mysql.com/doc/mysql-errors/8.0/en/server-error-reference.html */
import { SqlError } from "../../core/Errors.ts";

/** What the client library throws: a server's error has a number, a lost connection only a code. */
export interface Failure {
  readonly code: string;
  readonly errno: number | undefined;
  readonly message: string;
  /** Nothing can be sent on that connection any more. */
  readonly fatal: boolean;
}

/** `connect`: nothing was sent; `run`: the transaction is open; `commit`: the answer to COMMIT is what failed. */
export type Phase = "connect" | "run" | "commit";

export const failureOf = (error: unknown): Failure => {
  const { code, errno, fatal, message } = error as Readonly<Record<string, unknown>>;
  return {
    // The library says "closed state" without a code.
    code: typeof code === "string" ? code : fatal === true ? "PROTOCOL_CONNECTION_LOST" : "UNKNOWN",
    // Node's own errors have negative numbers.
    errno: typeof errno === "number" && errno > 0 ? errno : undefined,
    message: String(message ?? error),
    fatal: fatal === true,
  };
};

/** Lock wait, deadlock, a row changed since it was read, a statement's time is over; no connection is free. */
const busy = new Set([1020, 1205, 1213, 1317, 1969, 3024, 3572, 1040, 1203, 1226]);
const constraint = new Set([1062, 1169, 1216, 1217, 1451, 1452, 1557, 1586, 1761, 1762]);
const data = new Set([
  1048,
  1118,
  1153,
  1264,
  1265,
  1292,
  1301,
  1364,
  1366,
  1367,
  1406,
  1416,
  1690,
  3140,
  3141,
  3819,
  3988,
  4025,
  4078,
]);
/** The server ends the connection: shutdown, kill, time-out, a broken packet. */
const lost = new Set([1053, 1077, 1079, 1152, 1158, 1159, 1160, 1161, 1184, 1927, 2006, 2013, 2055, 4031]);
const lostCodes =
  /^(?:PROTOCOL_|ECONN|EPIPE|ETIMEDOUT|EHOST|ENET|EAI_AGAIN|ENOTFOUND|DEADLINE|EADDRNOTAVAIL|ERR_STREAM|ERR_SOCKET|ERR_SSL)/;

const connections =
  "Raise the server's max_connections, or lower the connection's poolSize and the pipeline's concurrency";
const grants = "Grant the user SELECT, INSERT and UPDATE on the tables of this database";
const disk = "Free disk space on the database server, then run again: nothing of this batch was written";
const readOnly = "The server accepts no writes: point the URL at the primary, or end its read_only";
const schema = "The schema may have changed meanwhile: look at `pipeline plan`, then run again";

const remedies: Readonly<Record<string, string>> = {
  1021: disk,
  1030: "Look at the database server's log: its storage reports an error",
  1040: connections,
  1044: "Grant the user access to this database",
  1045: "Check user and password in the URL",
  1049:
    "Check the database's name in the URL; ncps creates its tables there (`ncps migrate up`), nothing is created here",
  1054: schema,
  1114: disk,
  1129: "Unblock this host on the server (FLUSH HOSTS), then see what broke its connections",
  1130: "Let the user log in from this host (CREATE USER … @'host')",
  1142: grants,
  1143: grants,
  1146: schema,
  1203: connections,
  1226: "Raise the user's limit (ALTER USER … WITH MAX_USER_CONNECTIONS), or lower the connection's poolSize",
  1227: grants,
  1290: readOnly,
  1665: "Set the server's binlog_format to ROW or MIXED: READ COMMITTED cannot be logged as statements",
  1698: "This user logs in through the server's socket only: use mysql+unix://, or give it a password",
  1792: readOnly,
  1820: "Set the user's password first (ALTER USER)",
  1836: readOnly,
  3159: "Add tls=true to the URL: the server takes encrypted connections only",
  ECONNREFUSED: "Check host and port, and that the server is running and listens there",
  ENOTFOUND: "Check the host name in the URL",
  ENOENT: "Check the path of the socket, and that the server is running",
  EACCES: "Give the user of this process access to the socket",
  ETIMEDOUT: "Check host, port and firewalls",
  DEADLINE: "Look at the load of the server, and at the network between",
  HANDSHAKE_NO_SSL_SUPPORT: "The server has no TLS: set it up there, or write tls=false in the URL",
  // The library gives every fault of a certificate this code, and its own words.
  HANDSHAKE_SSL_ERROR:
    "Name the authority that signed the server's certificate in the connection's tls.ca, and the server as its certificate does",
};

const reasonOf = ({ code, errno }: Failure, phase: Phase): SqlError["reason"] => {
  // Refused for good, and rolled back; of anything else only reading back can tell whether it was committed.
  if (phase === "commit") return errno === 1213 ? "Busy" : "CommitUnknown";
  if (errno === undefined) return lostCodes.test(code) ? "ConnectionLost" : "Environment";
  return busy.has(errno)
    ? "Busy"
    : constraint.has(errno)
    ? "Constraint"
    : data.has(errno)
    ? "Data"
    : lost.has(errno)
    ? "ConnectionLost"
    : "Environment";
};

/** From here on MySQL and MariaDB give the same numbers to different errors; the library knows MySQL's names only. */
const firstOwnNumber = 1900;

/** The cause carries no statement: its binds may be megabytes. */
export const translate = (connection: string, error: unknown, phase: Phase): SqlError => {
  const failure = failureOf(error);
  const isUnreachable = phase === "connect" && failure.errno === undefined;
  const remedy = remedies[failure.errno ?? failure.code] ?? (isUnreachable ? remedies["ECONNREFUSED"] : undefined);
  return new SqlError({
    connection,
    reason: reasonOf(failure, phase),
    code: failure.errno !== undefined && failure.errno >= firstOwnNumber ? String(failure.errno) : failure.code,
    detail: `${phase === "commit" ? "commit: " : ""}${failure.message}`,
    cause: failure,
    ...(remedy === undefined ? {} : { remedy }),
  });
};
