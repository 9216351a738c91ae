import { Effect } from "effect";
import { readFileSync } from "node:fs";
import type { TlsConfig } from "../core/Config.ts";
import { ConnectionError } from "../core/Errors.ts";

/** What `tls.connect` takes; a file that is not named is left out, so that Node's own authorities count. */
export interface Certificates {
  readonly ca?: Buffer;
  readonly cert?: Buffer;
  readonly key?: Buffer;
}

/** Reads the PEM files that the settings name; `connection` is what errors call it. */
export const read = (
  connection: string,
  tls: TlsConfig | undefined,
): Effect.Effect<Certificates, ConnectionError> =>
  Effect.gen(function*() {
    const certificates: { ca?: Buffer; cert?: Buffer; key?: Buffer } = {};
    for (const name of ["ca", "cert", "key"] as const) {
      const path = tls?.[name] ?? "";
      if (path === "") continue;
      certificates[name] = yield* Effect.try({
        try: () => readFileSync(path),
        catch: (cause) =>
          new ConnectionError({
            reason: "Config",
            connection,
            detail: `the TLS file ${name} cannot be read: ${path}`,
            remedy: "Mend its path or its mode",
            cause,
          }),
      });
    }
    return certificates;
  });
