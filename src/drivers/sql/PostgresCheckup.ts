/** What `doctor` asks of a PostgreSQL server: Invariant 10, questions only, in transactions that cannot write. */
import { Effect } from "effect";
import type { Check } from "../../core/Check.ts";
import type { Row, Sql, SqlNeeds, Value } from "../../core/Sql.ts";
import type { PostgresPool, Session } from "./PostgresPool.ts";
import * as PostgresValues from "./PostgresValues.ts";

export interface Options {
  readonly pool: PostgresPool;
  readonly facts: Sql["facts"];
  readonly identity: string;
  readonly poolSize: number;
  readonly needs: SqlNeeds;
}

/** What the shapes of the catalog were looked at in. */
const testedVersions = { oldest: 13, newest: 17 };
/** Beyond this, times that runners and server write do not sort as they happened. */
const maxSkewMillis = 2000;

const stateText = "SELECT pg_is_in_recovery(), extract(epoch FROM clock_timestamp())::double precision * 1000,"
  + " current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint"
  + " - (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
  + " (SELECT rolconnlimit FROM pg_roles WHERE rolname = current_user), current_user,"
  + " has_function_privilege('pg_logical_emit_message(boolean, text, text)', 'EXECUTE'),"
  + " pg_size_pretty(pg_database_size(current_database()))";

/** Per table: whether it is there, and which of the rights that writing takes are lacking. */
const rightsText = "SELECT n.name, c.oid IS NOT NULL,"
  + " c.oid IS NULL OR has_table_privilege(c.oid, 'SELECT'),"
  + " c.oid IS NULL OR (has_table_privilege(c.oid, 'INSERT') AND has_table_privilege(c.oid, 'UPDATE')),"
  // Sequences of serial columns; those of identity columns ask for no right. CASE, because only a sequence may be asked.
  + " NOT EXISTS (SELECT FROM pg_depend AS d JOIN pg_class AS s ON s.oid = d.objid WHERE d.classid = 'pg_class'::regclass"
  + " AND d.refobjid = c.oid AND d.deptype = 'a' AND CASE s.relkind WHEN 'S' THEN NOT has_sequence_privilege(s.oid, 'USAGE') END),"
  + " coalesce(row_security_active(c.oid), false)"
  + " FROM unnest($1::text[]) AS n(name) LEFT JOIN pg_class AS c ON c.oid = to_regclass(quote_ident(n.name)) ORDER BY 1";

/** Never fails: what cannot be asked is what was found. */
export const run = (options: Options): Effect.Effect<ReadonlyArray<Check>> =>
  options.pool.withSession((session) =>
    Effect.gen(function*() {
      const before = Date.now();
      const state = (yield* session.send("run", { text: stateText })).rows[0] as Row;
      const now = (before + Date.now()) / 2;
      const values = [PostgresValues.encode(options.needs.tables)];
      const rights = (yield* session.send("run", { text: rightsText, values })).rows as ReadonlyArray<Row>;
      return [
        { name: "sql/reachable", status: "pass", detail: `${options.facts.version}, ${options.identity}` } as const,
        version(options),
        tls(options, session),
        durability(options),
        ...serving(options, state),
        clock(Number(state[1]) - now),
        connections(options, state),
        tables(rights),
        permissions(options, String(state[4]), rights),
        { name: "sql/size", status: "pass", detail: `the database has ${state[6]}` } as const,
      ];
    })
  ).pipe(
    Effect.catchAll((error) =>
      Effect.succeed<ReadonlyArray<Check>>([{
        name: "sql/reachable",
        status: "fail",
        detail: error.message,
        remedy: error.remedy ?? "Look at the server's log",
      }])
    ),
  );

const version = ({ facts }: Options): Check => {
  const major = Number(/\d+/.exec(facts.version)?.[0]);
  const detail = facts.version;
  return major >= testedVersions.oldest && major <= testedVersions.newest
    ? { name: "sql/version", status: "pass", detail }
    : {
      name: "sql/version",
      status: "warn",
      detail,
      remedy: `Versions ${testedVersions.oldest} to ${testedVersions.newest} are known to work: try it on a copy first`,
    };
};

const tls = ({ pool }: Options, { isEncrypted }: Session): Check => {
  const isHere = pool.address.hosts.every(({ host }) => /^(?:\/|localhost$|127\.|::1$)/.test(host));
  return isEncrypted
    ? { name: "sql/tls", status: "pass", detail: `TLS, sslmode=${pool.address.sslMode ?? "prefer"}` }
    : {
      name: "sql/tls",
      status: isHere ? "pass" : "warn",
      detail: isHere ? "no TLS, on this host" : "no TLS: whoever is on the way can read and change what is written",
      ...(isHere ? {} : { remedy: "Turn TLS on in the server, and write sslmode=verify-full in the URL" }),
    };
};

const durability = ({ facts }: Options): Check =>
  facts.durable
    ? { name: "sql/durability", status: "pass", detail: facts.durability }
    : {
      name: "sql/durability",
      status: "fail",
      detail: `a power loss can undo what was committed: ${facts.durability}`,
      remedy: "Set fsync and full_page_writes on in postgresql.conf, or write durability: relaxed in the sink",
    };

const serving = ({ needs: { access } }: Options, [isStandby, , , , , mayFlush]: Row): ReadonlyArray<Check> => [
  isStandby === 0n || access === "read"
    ? { name: "sql/writable", status: "pass", detail: isStandby === 0n ? "it takes writes" : "a standby, to read from" }
    : {
      name: "sql/writable",
      status: "fail",
      detail: "a standby: it takes no writes",
      remedy: "Name the primary, or all hosts, in the URL",
    },
  ...(mayFlush === 1n || access === "read" ? [] : [{
    name: "sql/flush",
    status: "fail" as const,
    detail: "this user may not call pg_logical_emit_message, which makes other clients' commits durable",
    remedy: "GRANT EXECUTE ON FUNCTION pg_logical_emit_message(boolean, text, text) TO this user",
  }]),
];

const clock = (skewMillis: number): Check => {
  const seconds = (Math.abs(skewMillis) / 1000).toFixed(1);
  return Math.abs(skewMillis) <= maxSkewMillis
    ? { name: "sql/clock", status: "pass", detail: `within ${seconds} s of this host's` }
    : {
      name: "sql/clock",
      status: "warn",
      detail: `the server's clock is ${seconds} s ${skewMillis > 0 ? "ahead of" : "behind"} this host's`,
      remedy: "Synchronise both clocks (NTP)",
    };
};

const connections = ({ poolSize }: Options, [, , free, limit]: Row): Check => {
  const available = typeof limit === "bigint" && limit >= 0n && limit < BigInt(free as bigint) ? limit : free;
  return Number(available) >= poolSize
    ? { name: "sql/connections", status: "pass", detail: `${available} connections free, ${poolSize} wanted at most` }
    : {
      name: "sql/connections",
      status: "warn",
      detail: `${available} connections free, up to ${poolSize} wanted`,
      remedy: "Lower poolSize, or raise max_connections",
    };
};

const named = (rows: ReadonlyArray<Row>, lacks: (row: Row) => boolean): ReadonlyArray<Value> =>
  rows.filter(lacks).map(([name]) => name!);

const tables = (rights: ReadonlyArray<Row>): Check => {
  const missing = named(rights, ([, isThere]) => isThere === 0n);
  return missing.length === 0
    ? { name: "sql/tables", status: "pass", detail: `all ${rights.length} tables are there` }
    : {
      name: "sql/tables",
      status: "fail",
      detail: `there is no table ${missing.join(", ")}`,
      remedy: "Create them with the program that owns the database (`ncps migrate up`); none is ever created here",
    };
};

const permissions = ({ needs: { access } }: Options, user: string, rights: ReadonlyArray<Row>): Check => {
  const lacking = [
    ["SELECT", named(rights, ([, , mayRead]) => mayRead === 0n)] as const,
    ...(access === "read" ? [] : [
      ["INSERT and UPDATE", named(rights, ([, , , mayWrite]) => mayWrite === 0n)] as const,
      ["USAGE of the sequences", named(rights, ([, , , , mayNumber]) => mayNumber === 0n)] as const,
      ["rows that policies hide", named(rights, ([, , , , , isHidden]) => isHidden === 1n)] as const,
    ]),
  ].filter(([, names]) => names.length > 0);
  return lacking.length === 0
    ? { name: "sql/permissions", status: "pass", detail: `${user} may do what the pipeline does` }
    : {
      name: "sql/permissions",
      status: "fail",
      detail: `${user} lacks ${lacking.map(([right, names]) => `${right} on ${names.join(", ")}`).join("; ")}`,
      remedy: "Use the user that ncps uses, or grant these",
    };
};
