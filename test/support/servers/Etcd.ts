/** A private etcd of one member. */
import type { Scope } from "effect";
import { Effect } from "effect";
import { join } from "node:path";
import * as Install from "./Install.ts";
import * as ServerProcess from "./ServerProcess.ts";
import * as Tls from "./Tls.ts";

export interface Options {
  readonly tls?: boolean;
}

export interface Etcd extends ServerProcess.ServerProcess {
  readonly port: number;
  readonly endpoint: string;
  readonly tls: Tls.Tls | undefined;
}

export const make = (options: Options = {}): Effect.Effect<Etcd, never, Scope.Scope> =>
  Effect.gen(function*() {
    const program = Install.path("etcd");
    const folder = yield* ServerProcess.folder("etcd");
    const port = yield* Effect.promise(ServerProcess.freePort);
    const peer = `http://127.0.0.1:${yield* Effect.promise(ServerProcess.freePort)}`;
    const tls = options.tls === true ? Tls.make(folder) : undefined;
    const endpoint = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
    const server = yield* ServerProcess.make({
      folder,
      program,
      args: [
        "--name=test",
        `--data-dir=${join(folder, "data")}`,
        `--listen-client-urls=${endpoint}`,
        `--advertise-client-urls=${endpoint}`,
        `--listen-peer-urls=${peer}`,
        `--initial-advertise-peer-urls=${peer}`,
        `--initial-cluster=test=${peer}`,
        ...(tls === undefined ? [] : [`--cert-file=${tls.certFile}`, `--key-file=${tls.keyFile}`]),
      ],
      isReady: (log) => /serving (insecure )?client requests|ready to serve client requests/.test(log),
      stopSignal: "SIGTERM",
      abortSignal: "SIGKILL",
    });
    return { ...server, port, endpoint, tls };
  });
