/** A private Redis server. */
import type { Scope } from "effect";
import { Effect } from "effect";
import { Redis as Client } from "ioredis";
import { readFileSync } from "node:fs";
import * as Install from "./Install.ts";
import * as ServerProcess from "./ServerProcess.ts";
import * as Tls from "./Tls.ts";

export interface Options {
  /** Directives of redis.conf. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly password?: string;
  /** TLS only: plain connections are refused. */
  readonly tls?: boolean;
}

export interface Redis extends ServerProcess.ServerProcess {
  readonly port: number;
  readonly folder: string;
  /** `redis://` or `rediss://`, with the password if there is one. */
  readonly url: string;
  /** As ncps wants it. */
  readonly address: string;
  readonly flush: Effect.Effect<void>;
  /** One command, as its words. */
  readonly command: (...words: readonly [string, ...Array<string>]) => Effect.Effect<unknown>;
  readonly tls: Tls.Tls | undefined;
}

/** In cluster mode Redis also listens so far above its port. */
const clusterBusDistance = 10_000;

export const make = (options: Options = {}): Effect.Effect<Redis, never, Scope.Scope> =>
  Effect.gen(function*() {
    const program = Install.path("redis-server");
    const folder = yield* ServerProcess.folder("redis");
    const port = yield* Effect.promise(
      options.settings?.["cluster-enabled"] === "yes"
        ? () => ServerProcess.freePortPair(clusterBusDistance)
        : ServerProcess.freePort,
    );
    const tls = options.tls === true ? Tls.make(folder) : undefined;
    const settings = {
      save: "",
      ...(options.password === undefined ? {} : { requirepass: options.password }),
      ...(tls === undefined ? { port: String(port) } : {
        port: "0",
        "tls-port": String(port),
        "tls-cert-file": tls.certFile,
        "tls-key-file": tls.keyFile,
        "tls-ca-cert-file": tls.caFile,
        "tls-auth-clients": "no",
      }),
      ...options.settings,
      bind: "127.0.0.1",
      dir: folder,
    };
    const server = yield* ServerProcess.make({
      folder,
      program,
      args: Object.entries(settings).flatMap(([name, value]) => [`--${name}`, value]),
      isReady: (log) => log.includes("Ready to accept connections"),
      stopSignal: "SIGTERM",
      abortSignal: "SIGKILL",
    });
    const command = (...[name, ...args]: readonly [string, ...Array<string>]) =>
      Effect.promise(async () => {
        const client = new Client({
          host: "127.0.0.1",
          port,
          retryStrategy: () => null,
          ...(options.password === undefined ? {} : { password: options.password }),
          ...(tls === undefined ? {} : { tls: { ca: [readFileSync(tls.caFile)] } }),
        });
        client.on("error", () => {});
        try {
          return await client.call(name, ...args);
        } finally {
          client.disconnect();
        }
      });
    return {
      ...server,
      port,
      folder,
      tls,
      url: `${tls === undefined ? "redis" : "rediss"}://${
        options.password === undefined ? "" : `:${encodeURIComponent(options.password)}@`
      }127.0.0.1:${port}`,
      address: `127.0.0.1:${port}`,
      flush: Effect.asVoid(command("FLUSHALL")),
      command,
    };
  });
