/** PostgreSQL's failures in the engine's words: https://www.postgresql.org/docs/current/errcodes-appendix.html */
import { SqlError } from "../../core/Errors.ts";

export type Phase = "connect" | "begin" | "run" | "commit" | "settle";

/** By code, or by its class; the longest that fits counts. */
const reasons: Readonly<Record<string, SqlError["reason"]>> = {
  "08": "ConnectionLost",
  "21": "Data",
  "22": "Data",
  "23": "Constraint",
  "23502": "Data",
  "23514": "Data",
  "25006": "Busy",
  "25P03": "ConnectionLost",
  "25P04": "Busy",
  "40": "Busy",
  "40002": "Constraint",
  "40003": "CommitUnknown",
  "44": "Data",
  "53300": "Busy",
  "54": "Data",
  "55006": "Busy",
  "55P03": "Busy",
  // The statement timeout: a smaller batch, or a quieter moment, may do.
  "57014": "Busy",
  "57P": "ConnectionLost",
  "P0": "Data",
  "72": "Busy",
};

const remedies: Readonly<Record<string, string>> = {
  "0A000": "The schema changed meanwhile: run again",
  "22023": "Correct the setting that the message names, in the URL",
  "25006": "The server only reads (a standby, or a failover is under way): name the primary, or all hosts, in the URL",
  "26000": "Behind a pooler that gives each transaction another session, set preparedStatements to false",
  "28": "Check user, password and the server's pg_hba.conf",
  "3D000": "Check the database's name in the URL; ncps makes its tables in it (`ncps migrate up`)",
  "3F000": "Check search_path in the URL",
  "42": "The schema may have changed meanwhile: look at `pipeline plan`, then run again",
  "42501":
    "Grant this user SELECT, INSERT and UPDATE on the tables of the pipeline and USAGE on their sequences (`pipeline doctor` names what lacks)",
  "42704": "Remove the setting that the message names from the URL, or correct it: the server does not know it",
  "42P05": "Behind a pooler that gives each transaction another session, set preparedStatements to false",
  "53100": "Free disk space on the database's host, then run again: nothing of this batch was written",
  "53200": "Give the database's host more memory, or make batches smaller",
  "53300": "Raise max_connections, or lower poolSize: other clients have taken all connections",
  "53400": "Raise the limit that the message names",
  "57014": "Raise statementTimeout, or make batches smaller",
  "58": "Look at the log of the database's host: its disk or system reports an error",
  "XX": "Look at the server's log: it reports a fault of its own",
  CERTIFICATE: "Name the authority that signed the server's certificate in tls.ca, or check the host's name in the URL",
  NO_TLS: "The server has no TLS: turn it on there, or write sslmode=disable",
  UNREACHABLE: "Check host and port in the URL, and that the server runs and lets this host in",
};

const longest = <A>(table: Readonly<Record<string, A>>, code: string): A | undefined => {
  for (let length = code.length; length > 0; length--) {
    const found = table[code.slice(0, length)];
    if (found !== undefined) return found;
  }
  return undefined;
};

/** No class begins with E, but the system's codes do: `EPIPE`. */
const isServerCode = (code: unknown): code is string =>
  typeof code === "string" && /^[0-9A-DF-Z][0-9A-Z]{4}$/.test(code);

/** Without a code of the server: the system's own, or what the client says. */
const clientCode = ({ code, message }: { readonly code?: unknown; readonly message: string }): string => {
  if (/does not support SSL/.test(message)) return "NO_TLS";
  if (
    typeof code === "string"
    && /CERT|SELF_SIGNED|UNABLE_TO_|ERR_TLS|ERR_SSL|ERR_OSSL/.test(code)
  ) return "CERTIFICATE";
  if (typeof code === "string" && code !== "") return code;
  if (/^timeout expired|timeout exceeded when trying to connect/.test(message)) return "ETIMEDOUT";
  if (/password/.test(message)) return "28P01";
  return "CONNECTION";
};

export const translate = (connection: string, phase: Phase, cause: unknown): SqlError => {
  const { code: given, message = String(cause) } = cause as { readonly code?: unknown; readonly message?: string };
  const code = isServerCode(given) ? given : clientCode({ code: given, message });
  const isStanding = code === "NO_TLS" || code === "CERTIFICATE" || code === "28P01";
  const told = isServerCode(code) ? longest(reasons, code) ?? "Environment" : "ConnectionLost";
  // Before a batch's first statement no value of an item has been sent: what is wrong then is a setting in the URL.
  const known = told === "Data" && (phase === "begin" || phase === "connect") ? "Environment" : told;
  const reason = isStanding
    ? "Environment"
    : known === "ConnectionLost" && phase === "commit"
    ? "CommitUnknown"
    : known;
  const remedy = longest(remedies, code) ?? (phase === "connect" ? remedies["UNREACHABLE"] : undefined);
  const detail = message.trim() || `the server at the address cannot be reached (${code})`;
  return new SqlError({
    connection,
    reason,
    code,
    detail: phase === "run" ? detail : `${phase}: ${detail}`,
    cause,
    ...(remedy === undefined ? {} : { remedy }),
  });
};

/** Whether the session can serve another transaction: the server answered, and did not end it. */
export const keepsSession = (error: SqlError): boolean =>
  error.reason !== "ConnectionLost" && error.reason !== "CommitUnknown" && error.code !== "25006"
  && isServerCode(error.code);
