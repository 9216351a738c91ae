/** Real ncps instances, from the binary that NCPS_BIN names; nothing of ncps is in this repository. */
import { Effect } from "effect";
import type { Scope } from "effect";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import * as ServerProcess from "../support/servers/ServerProcess.ts";

const program = (): string => {
  const found = process.env["NCPS_BIN"];
  if (found === undefined || found === "") throw new Error("set NCPS_BIN to the ncps binary to test against");
  return found;
};

export interface Ncps extends ServerProcess.ServerProcess {
  readonly url: string;
}

/** Makes or upgrades the tables of ncps. */
export const migrateUp = (databaseUrl: string): Effect.Effect<void> =>
  Effect.promise(() => promisify(execFile)(program(), ["migrate", "up", `--cache-database-url=${databaseUrl}`]));

/** An instance that serves; `variables` are ncps' own: storage, database, Redis, upstream. */
export const serve = (
  variables: Readonly<Record<string, string>>,
): Effect.Effect<Ncps, never, Scope.Scope> =>
  Effect.gen(function*() {
    const folder = yield* ServerProcess.folder("ncps");
    const port = yield* Effect.promise(ServerProcess.freePort);
    const url = `http://127.0.0.1:${port}`;
    const server = yield* ServerProcess.make({
      folder,
      program: program(),
      args: ["--analytics-reporting-enabled=false", "serve", `--server-addr=127.0.0.1:${port}`],
      env: {
        CACHE_HOSTNAME: "cache.test",
        CACHE_SIGN_NARINFO: "false",
        CACHE_TEMP_PATH: folder,
        ...variables,
      },
      isReady: () => fetch(`${url}/nix-cache-info`).then(({ ok }) => ok, () => false),
      stopSignal: "SIGTERM",
      abortSignal: "SIGKILL",
    });
    return { ...server, url };
  });
