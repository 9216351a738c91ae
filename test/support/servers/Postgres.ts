/** A private PostgreSQL server. */
import type { Scope } from "effect";
import { Effect } from "effect";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "pg";
import * as DataTemplate from "./DataTemplate.ts";
import * as Install from "./Install.ts";
import * as ServerProcess from "./ServerProcess.ts";
import * as Tls from "./Tls.ts";

export const user = "ncps";
/** Unlikely in any output, so that a leak shows. */
export const password = "pg-hush-7f3a";

export interface Options {
  /** Settings of postgresql.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly tls?: boolean;
}

export interface Postgres extends ServerProcess.ServerProcess {
  readonly port: number;
  readonly folder: string;
  /** Over TCP, as a superuser with a password. */
  readonly url: (database?: string) => string;
  /** Over the Unix socket, without a password. */
  readonly socketUrl: (database?: string) => string;
  /** The URL of a fresh database in which `ddl` was run. */
  readonly database: (ddl?: string) => Effect.Effect<string>;
  /** Runs statements in a database, as its superuser; rows of the last. */
  readonly query: (sql: string, database?: string) => Effect.Effect<ReadonlyArray<Record<string, unknown>>>;
  /** One session for several such queries, e.g. a transaction. */
  readonly session: (
    database?: string,
  ) => Effect.Effect<(sql: string) => Effect.Effect<ReadonlyArray<Record<string, unknown>>>, never, Scope.Scope>;
  readonly tls: Tls.Tls | undefined;
}

const defaults: Readonly<Record<string, string>> = {
  listen_addresses: "127.0.0.1",
  shared_buffers: "64MB",
  max_connections: "100",
  log_min_messages: "warning",
};

const initialise = async (data: string): Promise<void> => {
  const passwordFile = `${data}.password`;
  writeFileSync(passwordFile, password);
  ServerProcess.give(passwordFile);
  const args = ["--pgdata", data, "--username", user, "--pwfile", passwordFile, "--no-sync", "--encoding", "UTF8"];
  const auth = ["--locale", "C", "--auth-local", "trust", "--auth-host", "scram-sha-256"];
  await ServerProcess.run(Install.path("initdb"), [...args, ...auth], join(data, ".."));
};

let databases = 0;

export const make = (options: Options = {}): Effect.Effect<Postgres, never, Scope.Scope> =>
  Effect.gen(function*() {
    const program = Install.path("postgres");
    const folder = yield* ServerProcess.folder("postgres");
    const data = join(folder, "data");
    const port = yield* Effect.promise(async () => {
      const { stdout } = await ServerProcess.run(program, ["--version"], folder);
      const version = /\d+(\.\d+)?/.exec(stdout)![0];
      await DataTemplate.copy(`postgres-${version}`, data, initialise);
      return ServerProcess.freePort();
    });
    const tls = options.tls === true ? Tls.make(folder) : undefined;
    const settings = {
      ...defaults,
      ...(tls === undefined
        ? {}
        : { ssl: "on", ssl_cert_file: tls.certFile, ssl_key_file: tls.keyFile, ssl_ca_file: tls.caFile }),
      ...options.settings,
      port: String(port),
      unix_socket_directories: folder,
    };
    const server = yield* ServerProcess.make({
      folder,
      program,
      args: ["-D", data, ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`])],
      isReady: (log) => log.includes("database system is ready to accept"),
      stopSignal: "SIGINT",
      abortSignal: "SIGQUIT",
    });
    const url = (database = "postgres") => `postgresql://${user}:${password}@127.0.0.1:${port}/${database}`;
    const socketUrl = (database = "postgres") =>
      `postgresql:///${database}?host=${encodeURIComponent(folder)}&port=${port}&user=${user}`;
    const session: Postgres["session"] = (database = "postgres") =>
      Effect.map(
        Effect.acquireRelease(
          Effect.promise(async () => {
            const client = new Client({ host: folder, port, user, database });
            client.on("error", () => {});
            await client.connect();
            return client;
          }),
          (client) => Effect.promise(() => client.end()),
        ),
        (client) => (sql) =>
          Effect.promise(async () => {
            const results = await client.query(sql);
            return (Array.isArray(results) ? results.at(-1) : results).rows as Array<Record<string, unknown>>;
          }),
      );
    const query = (sql: string, database?: string) =>
      Effect.scoped(Effect.flatMap(session(database), (run) => run(sql)));
    return {
      ...server,
      port,
      folder,
      tls,
      url,
      socketUrl,
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
