/** One connection to a MySQL or MariaDB server: statements one at a time, each before a deadline, rows as the port has them. */
import { Duration, Effect } from "effect";
import type { Connection, FieldPacket, PrepareStatementInfo, QueryError, ResultSetHeader } from "mysql2";
import { createConnection, Types } from "mysql2";
import type { Socket } from "node:net";
import { connect as connectSocket } from "node:net";
import type { SqlError } from "../../core/Errors.ts";
import type { Bind, Row, Value } from "../../core/Sql.ts";
import type { Certificates } from "../TlsFiles.ts";
import * as MysqlError from "./MysqlError.ts";
import type { MysqlUrl, Tls } from "./MysqlUrl.ts";

export interface Settings {
  readonly connection: string;
  readonly url: MysqlUrl;
  readonly certificates: Certificates;
  /** The longest a statement may take on the server. */
  readonly statementTimeout: Duration.Duration;
  readonly lockTimeout: Duration.Duration;
  /** Invariant 10: transactions of a reading session cannot write, whatever they say. */
  readonly readOnly: boolean;
}

export interface Session {
  /** Values are bound; without any the statement goes as text, as some that cannot be prepared must. One that has no rows answers how many it changed. */
  readonly run: (
    text: string,
    binds: ReadonlyArray<Bind>,
    phase?: MysqlError.Phase,
  ) => Effect.Effect<ReadonlyArray<Row>, SqlError>;
  /** Rows by column name, for statements whose columns are not ours to choose. */
  readonly records: (text: string) => Effect.Effect<ReadonlyArray<Readonly<Record<string, Value>>>, SqlError>;
  /** False once the connection is lost, or an answer is still owed: it must not be used again. */
  readonly isUsable: () => boolean;
  /** At once, whatever is under way. */
  readonly destroy: () => void;
  readonly version: string;
  readonly isMariaDb: boolean;
  readonly encrypted: boolean;
}

/** A server that is there answers a handshake in milliseconds; a route to nowhere never does. */
const connectTimeout = Duration.seconds(10);
/** Beyond the server's own limit, for the way there and back: then the connection is half open. */
const deadlineBeyondTimeout = Duration.seconds(5);
/** Less than what firewalls and proxies allow a silent connection. */
const keepAliveDelay = Duration.seconds(30);

const silence = Duration.minutes(1);

/**
 * STRICT: a value that a column cannot hold is an error, not another value. NO_BACKSLASH_ESCAPES: a literal of a predicate is standard
 * SQL. NO_AUTO_VALUE_ON_ZERO: 0 is a number as others.
 */
const sqlMode =
  "STRICT_TRANS_TABLES,STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION,NO_BACKSLASH_ESCAPES,NO_AUTO_VALUE_ON_ZERO";

/** After `preferred` found a server without TLS. */
export const connect = (settings: Settings): Effect.Effect<Session, SqlError> =>
  settings.url.tls === "preferred"
    ? Effect.catchIf(
      open(settings, "unchecked"),
      ({ code }) => code === "HANDSHAKE_NO_SSL_SUPPORT",
      () => open(settings, "off"),
    )
    : open(settings, settings.url.tls);

const open = (settings: Settings, tls: Tls): Effect.Effect<Session, SqlError> =>
  Effect.gen(function*() {
    const { connection: name } = settings;
    const { connection, socket } = yield* handshake(settings, tls);
    const state = { isLost: false, owed: 0 };
    const lose = (): void => {
      state.isLost = true;
    };
    connection.on("error", lose);
    connection.on("end", lose);
    const destroy = (): void => {
      lose();
      connection.destroy();
      // The library would wait for the other end to agree.
      socket.destroy();
    };
    const deadlineMs = Duration.toMillis(Duration.sum(settings.statementTimeout, deadlineBeyondTimeout));

    const statements = new Map<string, PrepareStatementInfo>();
    const execute = (text: string, values: Array<unknown>, answer: Callback): void => {
      const known = statements.get(text);
      if (known !== undefined) {
        known.execute(values, answer);
        return;
      }
      connection.prepare(text, (error, statement) => {
        if (error !== null) {
          answer(error);
          return;
        }
        forgetPlaceholders(statement);
        statements.set(text, statement);
        statement.execute(values, answer);
      });
    };

    const send = (text: string, binds: ReadonlyArray<Bind>, phase: MysqlError.Phase): Effect.Effect<Answer, SqlError> =>
      Effect.async((resume) => {
        state.owed++;
        const settle = (answer: Effect.Effect<Answer, SqlError>): void => {
          clearTimeout(timer);
          resume(answer);
        };
        const timer = setTimeout(() => {
          destroy();
          const message = `no answer within ${Duration.format(Duration.millis(deadlineMs))}`;
          settle(MysqlError.translate(name, { code: "DEADLINE", message }, phase));
        }, deadlineMs);
        const answer: Callback = (error, rows, fields) => {
          state.owed--;
          if (error === null) {
            const given = Array.isArray(rows) ? rows : [[changedBy(rows)]];
            settle(Effect.succeed({ rows: given, fields: fields ?? [] }));
            return;
          }
          // The library tells either the statement or the connection's listeners.
          if (MysqlError.failureOf(error).fatal) lose();
          settle(MysqlError.translate(name, error, phase));
        };
        if (binds.length === 0) connection.query(text, answer);
        else execute(text, binds.map(toParameter), answer);
        return Effect.sync(destroy);
      });
    const run: Session["run"] = (text, binds, phase = "run") => Effect.map(send(text, binds, phase), toRows);
    const records: Session["records"] = (text) =>
      Effect.map(
        send(text, [], "run"),
        (answer) =>
          toRows(answer).map((row) => Object.fromEntries(answer.fields.map(({ name }, at) => [name, row[at]!]))),
      );

    const session = (version: string, isMariaDb: boolean): Session => ({
      run,
      records,
      isUsable: () => !state.isLost && state.owed === 0,
      destroy,
      version,
      isMariaDb,
      encrypted: tls !== "off",
    });
    return yield* Effect.gen(function*() {
      const [[version, comment] = []] = yield* run("SELECT VERSION(), @@version_comment", [], "connect");
      const isMariaDb = /mariadb/i.test(`${String(version)} ${String(comment)}`);
      for (const text of sessionSettings(settings, isMariaDb)) yield* run(text, [], "connect");
      return session(/^[\d.]+/.exec(String(version))?.[0] ?? String(version), isMariaDb);
    }).pipe(Effect.tapErrorCause(() => Effect.sync(destroy)));
  });

const handshake = (
  { certificates, connection: name, url }: Settings,
  tls: Tls,
): Effect.Effect<{ readonly connection: Connection; readonly socket: Socket }, SqlError> =>
  Effect.async((resume) => {
    const socket = "socket" in url.address
      ? connectSocket(url.address.socket)
      : connectSocket(url.address.port, url.address.host);
    // What Node compares a certificate with: it notes the names it looks up, and takes an address, which it does not, for localhost.
    if ("host" in url.address) Object.assign(socket, { _host: url.address.host });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, Duration.toMillis(keepAliveDelay));
    const connection = createConnection({
      stream: socket,
      ...("host" in url.address ? { host: url.address.host } : {}),
      user: url.user,
      password: url.password,
      database: url.database,
      charset: "UTF8MB4_UNICODE_CI",
      connectTimeout: Duration.toMillis(connectTimeout),
      supportBigNumbers: true,
      bigNumberStrings: true,
      dateStrings: true,
      rowsAsArray: true,
      // Rows that stay as they are count as none: so inserts are counted.
      flags: ["-FOUND_ROWS", "-LOCAL_FILES"],
      ...(tls === "off" ? {} : { ssl: { ...certificates, ...verification(tls) } }),
    });
    const onError = (error: unknown): void => {
      socket.destroy();
      resume(MysqlError.translate(name, error, "connect"));
    };
    // Between being connected and being listened to it may be lost already; an error that nobody hears would end the process.
    connection.on("error", () => {});
    connection.once("error", onError);
    connection.once("connect", () => {
      connection.off("error", onError);
      resume(Effect.succeed({ connection, socket }));
    });
    return Effect.sync(() => socket.destroy());
  });

const verification = (tls: Tls) =>
  tls === "checked"
    ? { rejectUnauthorized: true, verifyIdentity: true }
    : { rejectUnauthorized: false, verifyIdentity: false };

const sessionSettings = ({ lockTimeout, readOnly, statementTimeout }: Settings, isMariaDb: boolean) => {
  const seconds = (duration: Duration.Duration): number => Math.max(1, Math.ceil(Duration.toSeconds(duration)));
  const millis = Math.max(1, Math.ceil(Duration.toMillis(statementTimeout)));
  return [
    "SET NAMES utf8mb4",
    `SET SESSION sql_mode = '${sqlMode}', time_zone = '+00:00', autocommit = 1, foreign_key_checks = 1, unique_checks = 1,`
    + ` innodb_lock_wait_timeout = ${seconds(lockTimeout)}, lock_wait_timeout = ${seconds(statementTimeout)},`
    // A client that is gone without a word leaves its locks for this long; what idles here is dropped earlier.
    + ` wait_timeout = ${Duration.toSeconds(silence)},`
    // MySQL bounds what reads only; writes are bounded by the lock wait and by the client's deadline.
    + (isMariaDb ? ` max_statement_time = ${millis / 1000}` : ` max_execution_time = ${millis}`),
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
    ...(readOnly ? ["SET SESSION TRANSACTION READ ONLY"] : []),
  ];
};

interface Answer {
  /** Arrays of their own, free to change. */
  readonly rows: Array<Array<unknown>>;
  readonly fields: ReadonlyArray<FieldPacket>;
}

type Callback = (error: QueryError | null, rows?: unknown, fields?: ReadonlyArray<FieldPacket>) => void;

/**
 * The library keeps what the server said of each placeholder: tens of MiB for five sessions with statements of up to 1024 rows. It would send numbers as the
 * type that was inferred; without it they go as text or as doubles, which arrive the same.
 */
const forgetPlaceholders = (statement: PrepareStatementInfo & { readonly parameters?: Array<unknown> }): void => {
  statement.parameters?.splice(0);
};

const changedBy = (header: unknown): bigint => BigInt((header as ResultSetHeader).affectedRows);

const toParameter = (value: Bind): string | number | bigint | Buffer | null => {
  if (value instanceof Uint8Array) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (typeof value === "object" && value !== null) throw new TypeError("MySQL binds no lists");
  return value as Exclude<Value, Uint8Array>;
};

const integers = new Set<number | undefined>(
  [Types.TINY, Types.SHORT, Types.INT24, Types.LONG, Types.LONGLONG, Types.YEAR],
);

/** The library gives whole numbers as numbers or text, by their size: here they are bigint, always. */
const toRows = ({ fields, rows }: Answer): ReadonlyArray<Row> => {
  for (let at = 0; at < fields.length; at++) {
    const type = fields[at]!.columnType;
    if (integers.has(type)) {
      for (const row of rows) if (row[at] !== null) row[at] = BigInt(row[at] as string | number);
    } else if (type === Types.NEWDECIMAL) {
      for (const row of rows) if (row[at] !== null) row[at] = decimal(String(row[at]));
    }
  }
  return rows as ReadonlyArray<Row>;
};

/** As a document would have it: whole or a fraction, without the zeros that the column's scale adds. */
const decimal = (text: string): Value => {
  const plain = text.includes(".") ? text.replace(/\.?0+$/, "") : text;
  return plain.includes(".") ? (String(Number(plain)) === plain ? Number(plain) : text) : BigInt(plain);
};
