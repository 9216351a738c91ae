import { Duration, Effect, Redacted, type Scope } from "effect";
import { Redis as Client } from "ioredis";
import { isIP } from "node:net";
import type { RedisSettings } from "../../core/Config.ts";
import { ConnectionError, LockError } from "../../core/Errors.ts";
import type { Certificates } from "../TlsFiles.ts";
import * as RedisFault from "./RedisFault.ts";
import * as RedisScripts from "./RedisScripts.ts";
import type * as Redlock from "./Redlock.ts";

export interface RedisNode extends Redlock.Node {
  /** Any command, for `doctor`. */
  readonly call: (timeout: Duration.Duration, command: string, ...args: ReadonlyArray<string>) => Effect.Effect<
    unknown,
    LockError
  >;
}

/** Name, TCP, TLS and login together; go-redis, which ncps uses, gives the dial as long. */
export const connectTimeout = Duration.seconds(5);
/** Pause between attempts to reach a node that the others do without. */
const wakePauseMillis = 1000;

const defaultPort = 6379;

/** `host`, `host:port`, `[v6]:port`. */
export const readAddress = (
  address: string,
): Effect.Effect<{ readonly host: string; readonly port: number }, ConnectionError> => {
  const [, bracketed, plain, port = String(defaultPort)] =
    /^(?:\[([0-9a-f:.]+)\]|([^\s:/@[\]]+))(?::(\d{1,5}))?$/i.exec(address.trim()) ?? [];
  const host = bracketed ?? plain;
  if (host === undefined || Number(port) > 65_535 || (bracketed !== undefined && isIP(bracketed) !== 6)) {
    return new ConnectionError({
      reason: "Config",
      connection: "lock",
      detail: "a Redis address is not of the form host:port",
      remedy: "Write addresses without scheme; user, password and TLS are settings of their own",
    });
  }
  return Effect.succeed({ host, port: Number(port) });
};

interface Connection {
  readonly client: Client;
  /** Resolves once it is logged in. */
  readonly opening: Promise<Client>;
  users: number;
  state: "opening" | "open" | "dropped";
}

const isReady = ({ client, state }: Connection): boolean => state === "open" && client.status === "ready";

const within = <A>(millis: number, what: string, promise: Promise<A>): Promise<A> => {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    const give = () => reject(new Error(`${what} took longer than ${Math.round(millis)} ms`));
    // After a stall of this process the answer may be there already: sockets are read before immediates run.
    timer = setTimeout(() => setImmediate(give), millis);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
};

/** In a function that outlives a batch: it runs for every key. */
const bitsOf = (digits: string): ReadonlyArray<boolean> => {
  const bits: Array<boolean> = [];
  for (const digit of digits) bits.push(digit === "1");
  return bits;
};

type Options = Pick<typeof RedisSettings.Type, "username" | "password" | "db" | "useTls" | "poolSize"> & {
  readonly certificates: Certificates;
};

/**
 * A node by its address, connected to when first asked. Connections that fail or hang are dropped, and opened again for the next call:
 * ioredis only carries commands here, since by itself it would go on in database 0 when SELECT fails, and without a login when AUTH does.
 */
export const make = (address: string, options: Options): Effect.Effect<RedisNode, ConnectionError, Scope.Scope> =>
  Effect.gen(function*() {
    const { host, port } = yield* readAddress(address);
    const connections = new Set<Connection>();
    let failedAt = -Infinity;

    const login = async (client: Client): Promise<Client> => {
      await client.connect();
      const password = options.password === undefined ? "" : Redacted.value(options.password);
      if (password !== "") await client.call("AUTH", ...(options.username === "" ? [] : [options.username]), password);
      if (options.db !== 0) await client.call("SELECT", options.db);
      // Also tells a server that wants a login from one that does not.
      await client.call("PING");
      return client;
    };

    /** ioredis calls it ready until it is closed. */
    const drop = (connection: Connection): void => {
      connection.state = "dropped";
      connection.client.disconnect();
    };

    const open = (): Connection => {
      const client = new Client({
        host,
        port,
        ...(options.useTls
          ? { tls: { ...options.certificates, ...(isIP(host) === 0 ? { servername: host } : {}) } }
          : {}),
        lazyConnect: true,
        connectTimeout: Duration.toMillis(connectTimeout),
        // A connection that has gone silent is noticed by the next call; this is for those that nobody calls.
        keepAlive: 30_000,
        enableOfflineQueue: false,
        enableReadyCheck: false,
        disableClientInfo: true,
        maxRetriesPerRequest: 0,
        autoResendUnfulfilledCommands: false,
        retryStrategy: () => null,
      });
      let first: Error | undefined;
      client.on("error", (error: Error) => (first ??= error));
      const connection: Connection = {
        client,
        users: 0,
        state: "opening",
        opening: within(Duration.toMillis(connectTimeout), "connecting", login(client)).then(
          () => {
            connection.state = "open";
            return client;
          },
          (cause: unknown) => {
            drop(connection);
            failedAt = performance.now();
            // ioredis rejects with "Connection is closed."; why is what it emitted before.
            throw RedisFault.translate(address, first ?? cause);
          },
        ),
      };
      connection.opening.catch(() => {});
      connections.add(connection);
      return connection;
    };

    /** The connection with the fewest calls; while all are busy another one is opened, up to the size of the pool. */
    const pick = (): Connection => {
      for (const connection of connections) {
        if (connection.state !== "opening" && !isReady(connection)) connections.delete(connection);
      }
      const known = [...connections].sort((a, b) => Number(isReady(b)) - Number(isReady(a)) || a.users - b.users);
      const isOpening = known.some((connection) => !isReady(connection));
      const best = known[0];
      if (best !== undefined && (best.users === 0 || isOpening || known.length >= options.poolSize)) return best;
      const added = open();
      return best ?? added;
    };

    const run = <A>(timeout: Duration.Duration, use: (client: Client) => Promise<A>): Effect.Effect<A, LockError> =>
      Effect.suspend(() => {
        const connection = pick();
        connection.users++;
        const millis = Math.max(1, Duration.toMillis(timeout));
        return Effect.tryPromise({
          try: () => within(millis, "its answer", connection.opening.then(use)),
          catch: (cause) => {
            const error = RedisFault.translate(address, cause);
            // It may be half open, or lead to a server that has become a replica; one that still opens may yet serve the next call.
            if (error.reason === "Unavailable" && connection.state === "open") drop(connection);
            return error;
          },
        }).pipe(Effect.ensuring(Effect.sync(() => connection.users--)));
      });

    const evaluate = (script: string, { keys, timeout }: Redlock.Request, ...args: ReadonlyArray<string>) =>
      run(timeout, (client) => client.call("EVAL", [script, keys.length, ...keys, ...args])).pipe(
        Effect.flatMap((answer) =>
          typeof answer === "string" && answer.length === keys.length
            ? Effect.succeed(bitsOf(answer))
            : new LockError({
              reason: "Unusable",
              connection: `redis ${address}`,
              detail: "it answers a script as Redis does not",
              remedy: "Check that the address is that of a Redis, and not of a proxy before several",
            })
        ),
      );

    yield* Effect.addFinalizer(() => Effect.sync(() => connections.forEach(drop)));

    return {
      address,
      ready: Effect.sync(() => [...connections].some(isReady)),
      wake: Effect.sync(() => {
        if (performance.now() - failedAt >= wakePauseMillis) pick();
      }),
      call: (timeout, command, ...args) => run(timeout, (client) => client.call(command, ...args)),
      acquire: (request) =>
        evaluate(
          RedisScripts.acquire,
          request,
          request.token,
          String(Math.ceil(Duration.toMillis(request.ttl))),
        ),
      held: (request) => evaluate(RedisScripts.held, request, request.token),
      release: (request) => evaluate(RedisScripts.release, request, request.token),
    };
  });
