/** What `doctor` asks of a MySQL or MariaDB server: Invariant 10, nothing is written and no lock is taken. */
import { Effect, Either } from "effect";
import type { Check } from "../../core/Check.ts";
import type { SqlError } from "../../core/Errors.ts";
import type { Row, SqlNeeds } from "../../core/Sql.ts";
import type { Durability } from "./MysqlDurability.ts";
import type { MysqlPool } from "./MysqlPool.ts";
import type { Session } from "./MysqlSession.ts";
import type { MysqlUrl } from "./MysqlUrl.ts";

export interface Subject {
  readonly pool: MysqlPool;
  readonly url: MysqlUrl;
  readonly durability: Durability;
  readonly poolSize: number;
  readonly needs: SqlNeeds;
}

export const checkup = ({ durability, needs, pool, poolSize, url }: Subject): Effect.Effect<ReadonlyArray<Check>> =>
  pool.use((session) =>
    Effect.gen(function*() {
      const found = yield* tables(session, needs);
      return [
        {
          name: "sql/reachable",
          status: "pass" as const,
          detail: `${session.isMariaDb ? "MariaDB" : "MySQL"} ${session.version}, ${url.database}`,
        },
        tls(session, url),
        found,
        ...(found.status === "pass" ? [yield* permissions(session, needs), yield* engines(session, needs)] : []),
        ...(needs.access === "write" ? [yield* writable(session), yield* binlog(session)] : []),
        durable(durability),
        yield* flush(session),
        yield* connections(session, poolSize),
        yield* clock(session),
      ];
    })
  ).pipe(Effect.catchAll((error) =>
    Effect.succeed([{
      name: "sql/reachable",
      status: "fail" as const,
      detail: error.detail,
      ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
    }])
  ));

type Answer = Effect.Effect<Check, SqlError>;

const first = (session: Session, text: string): Effect.Effect<Row, SqlError> =>
  Effect.map(session.run(text, []), ([row]) => row ?? []);

const tables = (session: Session, needs: SqlNeeds): Answer =>
  Effect.map(
    session.run("SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()", []),
    (rows): Check => {
      const missing = needs.tables.filter((table) => !rows.some(([name]) => name === table));
      return missing.length === 0
        ? { name: "sql/tables", status: "pass", detail: `all ${needs.tables.length} tables are there` }
        : {
          name: "sql/tables",
          status: "fail",
          detail: `there is no table ${missing.join(", ")}, or this user may not see it`,
          remedy: "Create them with the program that owns the database (`ncps migrate up`); none is ever created here",
        };
    },
  );

const tls = (session: Session, { address, tls: word }: MysqlUrl): Check => {
  if (session.encrypted) {
    return word === "checked" ? { name: "sql/tls", status: "pass", detail: "TLS, the certificate checked" } : {
      name: "sql/tls",
      status: "warn",
      detail: "TLS, the certificate not checked: whoever is on the way can pass for the server",
      remedy: "Write tls=true in the URL, and name the authority in the connection's tls.ca",
    };
  }
  return "socket" in address || /^(?:localhost$|127\.|::1$)/.test(address.host)
    ? { name: "sql/tls", status: "pass", detail: "no TLS, on this host" }
    : {
      name: "sql/tls",
      status: "warn",
      detail: "no TLS: whoever is on the way can read and change what is written",
      remedy: "Turn TLS on in the server, and write tls=true in the URL",
    };
};

const quote = (name: string): string => `\`${name.replaceAll("`", "``")}\``;

/** To explain a statement takes the rights to run it, and runs nothing. */
const permissions = (session: Session, { access, tables: names }: SqlNeeds): Answer =>
  Effect.gen(function*() {
    const denied: Array<string> = [];
    for (const name of names) {
      const [[column] = []] = yield* session.run(
        "SELECT column_name FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name = ? ORDER BY ordinal_position LIMIT 1",
        [name],
      );
      const table = quote(name);
      const texts: ReadonlyArray<readonly [right: string, text: string]> = [
        ["SELECT", `EXPLAIN SELECT * FROM ${table}`],
        ...(access === "read" || column === undefined ? [] : [
          ["INSERT", `EXPLAIN INSERT INTO ${table} SELECT * FROM ${table}`],
          ["UPDATE", `EXPLAIN UPDATE ${table} SET ${quote(String(column))} = ${quote(String(column))} WHERE FALSE`],
        ] as const),
      ];
      for (const [right, text] of texts) {
        // A session that only reads refuses even this; the setting holds for one statement.
        if (right !== "SELECT") yield* session.run("SET TRANSACTION READ WRITE", []);
        const answer = yield* Effect.either(session.run(text, []));
        if (Either.isLeft(answer)) denied.push(`${right} on ${name}`);
      }
    }
    return denied.length === 0
      ? {
        name: "sql/permissions",
        status: "pass",
        detail: `this user may ${access === "read" ? "read" : "write"} all of them`,
      }
      : {
        name: "sql/permissions",
        status: "fail",
        detail: `this user lacks ${denied.join(", ")}`,
        remedy: "Grant it: GRANT SELECT, INSERT, UPDATE ON <database>.* TO <user>",
      };
  });

const engines = (session: Session, needs: SqlNeeds): Answer =>
  Effect.map(
    session.run("SELECT table_name, engine FROM information_schema.tables WHERE table_schema = DATABASE()", []),
    (rows): Check => {
      const others = rows.filter(([name, engine]) => needs.tables.includes(String(name)) && engine !== "InnoDB");
      return others.length === 0 ? { name: "sql/engine", status: "pass", detail: "InnoDB" } : {
        name: "sql/engine",
        status: "fail",
        detail: others.map(([name, engine]) => `${name} is of engine ${engine}`).join(", "),
        remedy: "Change them to InnoDB: others know no transactions",
      };
    },
  );

const writable = (session: Session): Answer =>
  Effect.map(first(session, "SELECT @@global.read_only"), ([readOnly]): Check =>
    readOnly === 0n
      ? { name: "sql/writable", status: "pass", detail: "the server accepts writes" }
      : {
        name: "sql/writable",
        status: "fail",
        detail: "the server is read only",
        remedy: "Point the URL at the primary",
      });

const binlog = (session: Session): Answer =>
  Effect.map(
    first(session, "SELECT @@global.log_bin, @@global.binlog_format"),
    ([isOn, format]): Check =>
      isOn === 1n && format === "STATEMENT"
        ? {
          name: "sql/binary-log",
          status: "fail",
          detail: "binlog_format is STATEMENT, which cannot log transactions at READ COMMITTED",
          remedy: "Set it to ROW or MIXED",
        }
        : { name: "sql/binary-log", status: "pass", detail: isOn === 1n ? `binlog_format ${format}` : "off" },
  );

const durable = ({ durable, text }: Durability): Check =>
  durable
    ? { name: "sql/durability", status: "pass", detail: text }
    : {
      name: "sql/durability",
      status: "fail",
      detail: `${text}: a power loss can undo what is committed`,
      remedy: "Set innodb_flush_log_at_trx_commit=1, innodb_doublewrite=ON and, with a binary log, sync_binlog=1",
    };

/** A sync that was not needed changes nothing. */
const flush = (session: Session): Answer =>
  session.run("FLUSH LOCAL ENGINE LOGS", []).pipe(
    Effect.as<Check>({ name: "sql/flush", status: "pass", detail: "this user may have the redo log synced" }),
    Effect.catchIf(({ reason }) => reason === "Environment", () =>
      Effect.succeed<Check>({
        name: "sql/flush",
        status: "warn",
        detail:
          "this user may not have the redo log synced: reading back may wait for the server to do it, up to a second",
        remedy: "GRANT RELOAD ON *.* TO this user",
      })),
  );

/** ncps opens 25 itself. */
const spareConnections = 30;

const connections = (session: Session, poolSize: number): Answer =>
  Effect.gen(function*() {
    const [max] = yield* first(session, "SELECT @@global.max_connections");
    const [, used] = yield* first(session, "SHOW GLOBAL STATUS WHERE Variable_name = 'Threads_connected'");
    const left = Number(max) - Number(used);
    const detail = `${used} of ${max} connections are in use, this pipeline takes up to ${poolSize}`;
    return left >= poolSize + spareConnections || left >= Number(max) / 2
      ? { name: "sql/connections", status: "pass", detail }
      : {
        name: "sql/connections",
        status: left > poolSize ? "warn" : "fail",
        detail,
        remedy: "Raise the server's max_connections, or lower the connection's poolSize",
      };
  });

/** Times in rows are the server's, those in reports ours. */
const worstSkewSeconds = 2;

const clock = (session: Session): Answer =>
  Effect.map(
    first(session, "SELECT UNIX_TIMESTAMP(NOW(6)) * 1000"),
    ([theirs]): Check => {
      const seconds = Math.abs(Date.now() - Number(theirs)) / 1000;
      const detail = `${seconds.toFixed(1)} s apart from this host's clock`;
      return seconds <= worstSkewSeconds ? { name: "sql/clock", status: "pass", detail } : {
        name: "sql/clock",
        status: "warn",
        detail,
        remedy: "Set both clocks by NTP: rows carry the server's time, reports this host's",
      };
    },
  );
