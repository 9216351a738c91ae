/** Connections to one PostgreSQL: as many as allowed, to the first host that serves, none of them waited for without end. */
import { Duration, Effect, Either, Redacted } from "effect";
import type { Scope } from "effect";
import {
  Client,
  type ClientBase,
  type ClientConfig,
  Pool,
  type PoolClient,
  type QueryArrayConfig,
  type QueryArrayResult,
} from "pg";
import type { Access } from "../../core/Access.ts";
import type { SqlServerConfig } from "../../core/Config.ts";
import { ConnectionError, type SqlError } from "../../core/Errors.ts";
import * as TlsFiles from "../TlsFiles.ts";
import * as PostgresError from "./PostgresError.ts";
import * as PostgresUrl from "./PostgresUrl.ts";
import * as PostgresValues from "./PostgresValues.ts";

export interface Query {
  readonly text: string;
  readonly values?: ReadonlyArray<string | Buffer | null>;
  /** Prepared once per session under this name. */
  readonly name?: string;
}

export interface Session {
  /** Several statements in one text answer as their last. */
  readonly send: (phase: PostgresError.Phase, query: Query) => Effect.Effect<QueryArrayResult, SqlError>;
  readonly isEncrypted: boolean;
}

export interface PostgresPool {
  readonly address: PostgresUrl.Address;
  /** Lends a session; one that failed, or whose use was interrupted, is not lent again. */
  readonly withSession: <A>(
    use: (session: Session) => Effect.Effect<A, SqlError>,
  ) => Effect.Effect<A, SqlError>;
}

export interface Options {
  readonly connection: string;
  readonly config: Pick<SqlServerConfig, "url" | "poolSize" | "tls">;
  readonly access: Access;
  /** The server bounds its statements by this; no answer comes much later. */
  readonly statementTimeout: Duration.Duration;
}

/** Beyond the server's own timeout: the time its answer may take on the way. Then the connection counts as half-open and is cut. */
const answerDelay = Duration.seconds(2);
/** Until a host counts as unreachable; a `connect_timeout` in the URL says otherwise. */
const connectTimeout = Duration.seconds(10);
/** Before the system asks an idle peer whether it is there; firewalls forget connections after minutes. */
const keepAliveDelay = Duration.seconds(30);
/** Sessions end when unused this long, so that none is kept from ncps for nothing. */
const idleTimeout = Duration.seconds(30);

const readAddress = (
  connection: string,
  { tls, url }: Options["config"],
): Effect.Effect<
  { readonly address: PostgresUrl.Address; readonly certificates: TlsFiles.Certificates },
  ConnectionError
> =>
  Effect.gen(function*() {
    const address = yield* Either.mapLeft(
      PostgresUrl.read(Redacted.value(url)),
      (problem) =>
        new ConnectionError({
          connection,
          reason: "Config",
          detail: `its url cannot be used: ${problem}`,
          remedy: "Write it like postgresql://user:<password>@host:5432/ncps?sslmode=verify-full",
        }),
    );
    const certificates = yield* TlsFiles.read(connection, {
      ca: tls?.ca || address.tls.ca,
      cert: tls?.cert || address.tls.cert,
      key: tls?.key || address.tls.key,
    });
    return { address, certificates };
  });

type Ssl = ClientConfig["ssl"];

interface Place extends PostgresUrl.Host {
  /** What to try next; what the server has refused is no longer among it. */
  ssl: ReadonlyArray<Ssl>;
}

/** The server has no TLS, or its pg_hba.conf wants the other way: nothing else may cost a connection its encryption. */
const refusesTls = ({ code }: SqlError): boolean => code === "NO_TLS" || code === "28000";

/**
 * What to try, in order. `prefer`, pgx' default, takes TLS where the server has it; an authority that is named is asked, as libpq does it
 * for `require`: what is encrypted for nobody in particular is no secret.
 */
const sslAttempts = (
  { sslMode = "prefer" }: PostgresUrl.Address,
  certificates: TlsFiles.Certificates,
): ReadonlyArray<Ssl> => {
  const unverified = { ...certificates, rejectUnauthorized: false };
  const verified = { ...certificates, rejectUnauthorized: true };
  const anyName = { ...verified, checkServerIdentity: () => undefined };
  switch (sslMode) {
    case "disable":
      return [false];
    case "allow":
      return [false, unverified];
    case "prefer":
      return certificates.ca === undefined ? [unverified, false] : [verified];
    case "require":
      return [certificates.ca === undefined ? unverified : anyName];
    case "verify-ca":
      return [anyName];
    case "verify-full":
      return [verified];
  }
};

/** The socket of a client, which `pg` does not show: closing it is the only way out of a half-open connection. */
const cut = (client: ClientBase): void => {
  const { connection } = client as unknown as { readonly connection: { readonly stream: { destroy(): void } } };
  connection.stream.destroy();
};

const isEncrypted = (client: ClientBase): boolean =>
  (client as unknown as { readonly connection: { readonly stream: { readonly encrypted?: boolean } } }).connection
    .stream.encrypted === true;

export const make = (
  { access, config, connection, statementTimeout }: Options,
): Effect.Effect<PostgresPool, ConnectionError, Scope.Scope> =>
  Effect.gen(function*() {
    const { address, certificates } = yield* readAddress(connection, config);
    const places = address.hosts.map(({ host, port }): Place => ({
      host,
      port,
      ssl: host.startsWith("/") ? [false] : sslAttempts(address, certificates),
    }));
    /** The place that served last, and the one that a client is made for now. */
    let served = 0;
    let wanted = 0;
    const base: ClientConfig = {
      database: address.database,
      user: address.user,
      password: address.password,
      ...(address.options === undefined ? {} : { options: address.options }),
      application_name: address.applicationName ?? "ncps-pipeline",
      keepAlive: true,
      keepAliveInitialDelayMillis: Duration.toMillis(keepAliveDelay),
      connectionTimeoutMillis: (address.connectTimeoutSeconds ?? 0) * 1000 || Duration.toMillis(connectTimeout),
      types: PostgresValues.types,
    };
    class Placed extends Client {
      constructor() {
        const { host, port, ssl } = places[wanted]!;
        super({ ...base, host, port, ssl: ssl[0] } as ClientConfig);
      }
    }
    const clients = new Set<PoolClient>();
    const pool = yield* Effect.acquireRelease(
      Effect.sync(() => {
        const made = new Pool({
          Client: Placed as never,
          max: config.poolSize,
          idleTimeoutMillis: Duration.toMillis(idleTimeout),
          // The pool would count waiting for a free connection too; the semaphore below lets nobody wait in it.
          connectionTimeoutMillis: 0,
        });
        made.on("connect", (client) => {
          clients.add(client);
          // While it is lent nobody else listens: without this, a connection lost between two statements ends the process.
          client.on("error", () => {});
        });
        made.on("remove", (client) => void clients.delete(client));
        // A connection that breaks while nobody uses it leaves the pool by itself.
        made.on("error", () => {});
        return made;
      }),
      (made) =>
        Effect.async<void>((resume) => {
          const timer = setTimeout(() => clients.forEach(cut), Duration.toMillis(answerDelay));
          made.end().catch(() => undefined).finally(() => {
            clearTimeout(timer);
            resume(Effect.void);
          });
        }),
    );

    const deadlineMillis = Duration.toMillis(Duration.sum(statementTimeout, answerDelay));
    const session = (client: PoolClient): Session => ({
      isEncrypted: isEncrypted(client),
      send: (phase, { name, text, values }) =>
        Effect.async<QueryArrayResult, SqlError>((resume) => {
          // A timer of its own: an Effect timeout waits for what it cannot interrupt, and batches are uninterruptible.
          const timer = setTimeout(() => cut(client), deadlineMillis);
          const query: QueryArrayConfig = {
            text,
            rowMode: "array",
            ...(values === undefined ? {} : { values: values as Array<unknown> }),
            ...(name === undefined ? {} : { name }),
          };
          client.query(
            query,
            (cause: Error | undefined, result: QueryArrayResult | ReadonlyArray<QueryArrayResult>) => {
              clearTimeout(timer);
              if (cause) resume(PostgresError.translate(connection, phase, cause));
              else resume(Effect.succeed(Array.isArray(result) ? result.at(-1) : result));
            },
          );
        }),
    });

    /** A server of several must be the one that takes writes. */
    const serves = (client: PoolClient): Effect.Effect<boolean, SqlError> =>
      access === "read" || address.hosts.length === 1
        ? Effect.succeed(true)
        : Effect.map(
          session(client).send("connect", { text: "SELECT pg_is_in_recovery()" }),
          ({ rows }) => rows[0]?.[0] === 0n,
        );

    /** All hosts once, beginning with the one that served last. */
    const connect = (tried = 0): Effect.Effect<PoolClient, SqlError> => {
      const at = (served + tried) % places.length;
      return Effect.tryPromise({
        try: () => {
          // The pool makes its client, if it makes one, before this returns.
          wanted = at;
          return pool.connect();
        },
        catch: (cause) => PostgresError.translate(connection, "connect", cause),
      }).pipe(
        Effect.tap((client) =>
          serves(client).pipe(
            Effect.filterOrFail((isPrimary) => isPrimary, () =>
              PostgresError.translate(connection, "connect", {
                code: "25006",
                message: "no host of the URL takes writes",
              })),
            Effect.tapError(() => Effect.sync(() => client.release(true))),
          )
        ),
        Effect.tap(() => {
          served = at;
        }),
        Effect.catchAll((error) => {
          const place = places[at]!;
          const [, ...other] = place.ssl;
          if (other.length > 0 && refusesTls(error)) {
            place.ssl = other;
            return connect(tried);
          }
          return tried + 1 < places.length ? connect(tried + 1) : error;
        }),
      );
    };

    const turns = yield* Effect.makeSemaphore(config.poolSize);
    return {
      address,
      withSession: (use) =>
        turns.withPermits(1)(Effect.acquireUseRelease(
          connect(),
          (client) => use(session(client)),
          (client, exit) =>
            Effect.sync(() =>
              client.release(
                exit._tag === "Failure"
                  && !(exit.cause._tag === "Fail" && PostgresError.keepsSession(exit.cause.error)),
              )
            ),
        )),
    };
  });
