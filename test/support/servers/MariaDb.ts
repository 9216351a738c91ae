/** A private MariaDB server. */
import type { Scope } from "effect";
import { Effect } from "effect";
import { createConnection } from "mysql2/promise";
import type { RowDataPacket } from "mysql2/promise";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as DataTemplate from "./DataTemplate.ts";
import * as Install from "./Install.ts";
import * as ServerProcess from "./ServerProcess.ts";
import * as Tls from "./Tls.ts";

export const user = "ncps";
/** Unlikely in any output, so that a leak shows. */
export const password = "maria-hush-5c2d";

export interface Options {
  /** Options of mariadbd, without dashes in front. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly tls?: boolean;
}

export interface MariaDb extends ServerProcess.ServerProcess {
  readonly port: number;
  readonly folder: string;
  /** Path of the Unix socket. */
  readonly socket: string;
  /** Over TCP, as a user who may do everything. */
  readonly url: (database?: string) => string;
  /** ncps' own form: over the socket. */
  readonly socketUrl: (database?: string) => string;
  /** The URL of a fresh database in which `ddl` was run. */
  readonly database: (ddl?: string) => Effect.Effect<string>;
  /** Runs statements in a database as root, who is above `read_only` and connection limits; rows of the last. */
  readonly query: (sql: string, database?: string) => Effect.Effect<ReadonlyArray<Record<string, unknown>>>;
  /** One session for several such queries, e.g. a transaction. */
  readonly session: (
    database?: string,
  ) => Effect.Effect<(sql: string) => Effect.Effect<ReadonlyArray<Record<string, unknown>>>, never, Scope.Scope>;
  readonly tls: Tls.Tls | undefined;
}

const defaults: Readonly<Record<string, string>> = {
  "bind-address": "127.0.0.1",
  "innodb-buffer-pool-size": "64M",
  "innodb-log-file-size": "16M",
};

/** A small log from the beginning: the default of 96 MiB is slow to copy. */
const initialise = (data: string): Promise<unknown> =>
  ServerProcess.run(Install.path("mariadb-install-db"), [
    "--no-defaults",
    `--datadir=${data}`,
    "--auth-root-authentication-method=normal",
    "--skip-test-db",
    `--innodb-log-file-size=${defaults["innodb-log-file-size"]}`,
  ], join(data, ".."));

const grants = (host: string): string =>
  `CREATE USER IF NOT EXISTS '${user}'@'${host}' IDENTIFIED BY '${password}';\n`
  + `GRANT ALL ON *.* TO '${user}'@'${host}' WITH GRANT OPTION;\n`;

let databases = 0;

export const make = (options: Options = {}): Effect.Effect<MariaDb, never, Scope.Scope> =>
  Effect.gen(function*() {
    const program = Install.path("mariadbd");
    const folder = yield* ServerProcess.folder("mariadb");
    const data = join(folder, "data");
    const socket = join(folder, "socket");
    const port = yield* Effect.promise(async () => {
      const { stdout } = await ServerProcess.run(program, ["--no-defaults", "--version"], folder);
      await DataTemplate.copy(`mariadb-${/\d+\.\d+\.\d+/.exec(stdout)![0]}`, data, initialise);
      return ServerProcess.freePort();
    });
    const users = join(folder, "users.sql");
    writeFileSync(users, grants("%") + grants("localhost"), { mode: 0o644 });
    const tls = options.tls === true ? Tls.make(folder) : undefined;
    const settings = {
      ...defaults,
      ...(tls === undefined ? {} : { "ssl-cert": tls.certFile, "ssl-key": tls.keyFile, "ssl-ca": tls.caFile }),
      ...options.settings,
      datadir: data,
      // A server that starts deletes the temporary tables of all others in its folder for them.
      tmpdir: folder,
      port: String(port),
      socket,
      "pid-file": join(folder, "pid"),
      "init-file": users,
    };
    const server = yield* ServerProcess.make({
      folder,
      program,
      args: ["--no-defaults", ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`)],
      isReady: (log) => log.includes("ready for connections"),
      stopSignal: "SIGTERM",
      abortSignal: "SIGKILL",
    });
    const url = (database = "mysql") => `mysql://${user}:${password}@127.0.0.1:${port}/${database}`;
    const session: MariaDb["session"] = (database = "mysql") =>
      Effect.map(
        Effect.acquireRelease(
          Effect.promise(async () => {
            const options = { socketPath: socket, user: "root", database, multipleStatements: true };
            const connection = await createConnection(options);
            connection.on("error", () => {});
            return connection;
          }),
          (connection) => Effect.promise(() => connection.end()),
        ),
        (connection) => (sql) =>
          Effect.promise(async () => {
            const [results] = await connection.query<Array<RowDataPacket> | Array<Array<RowDataPacket>>>(sql);
            const last: unknown = Array.isArray(results) && Array.isArray(results.at(-1)) ? results.at(-1) : results;
            return Array.isArray(last) ? last as Array<Record<string, unknown>> : [];
          }),
      );
    const query = (sql: string, database?: string) =>
      Effect.scoped(Effect.flatMap(session(database), (run) => run(sql)));
    return {
      ...server,
      port,
      folder,
      socket,
      tls,
      url,
      socketUrl: (database = "mysql") =>
        `mysql://${user}:${password}@localhost/${database}?socket=${encodeURIComponent(socket)}`,
      query,
      session,
      database: (ddl) =>
        Effect.gen(function*() {
          const name = `test_${process.pid}_${databases++}`;
          yield* query(`CREATE DATABASE ${name}`);
          if (ddl !== undefined) yield* query(ddl, name);
          return url(name);
        }),
    };
  });
