/** Between an HTTP client and a server on 127.0.0.1: answers some requests itself, or spoils what the server answers. */
import type { Scope } from "effect";
import { Effect } from "effect";
import { createServer, request } from "node:http";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/**
 * - `status`: answered with it, the server not asked.
 * - `truncate`: the body ends after so many bytes, though its length was announced, and the connection with it.
 * - `delay`: the first byte comes so much later.
 */
export type Spoil =
  | { readonly status: number; readonly body: string }
  | { readonly truncate: number }
  | { readonly delay: number };

/** Asked for each request; undefined lets it pass. */
export type Rule = (request: { readonly method: string; readonly path: string; readonly number: number }) =>
  | Spoil
  | undefined;

export interface HttpProxy {
  readonly port: number;
  readonly become: (rule: Rule) => Effect.Effect<void>;
  /** Requests that were spoiled so far. */
  readonly spoiled: Effect.Effect<number>;
}

const forward = (target: number, from: IncomingMessage, to: ServerResponse, truncate: number | undefined): void => {
  // The host stays what the client signed.
  const { headers, method, url } = from;
  const onward = request({ host: "127.0.0.1", port: target, path: url, method, headers }, (answer) => {
    to.writeHead(answer.statusCode!, answer.headers);
    if (truncate === undefined) {
      answer.pipe(to);
      return;
    }
    to.flushHeaders();
    answer.once("data", (data: Buffer) => {
      to.write(data.subarray(0, truncate), () => to.destroy());
      answer.destroy();
    });
  });
  onward.on("error", () => to.destroy());
  to.on("error", () => onward.destroy());
  from.pipe(onward);
};

export const make = (target: number): Effect.Effect<HttpProxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    let rule: Rule = () => undefined;
    let number = 0;
    let spoiled = 0;
    const server = createServer((from, to) => {
      const spoil = rule({ method: from.method!, path: from.url!, number: number++ });
      if (spoil === undefined) {
        forward(target, from, to, undefined);
        return;
      }
      spoiled++;
      if ("status" in spoil) {
        from.resume();
        to.writeHead(spoil.status, { "content-type": "application/xml" }).end(spoil.body);
      } else if ("truncate" in spoil) forward(target, from, to, spoil.truncate);
      else setTimeout(() => forward(target, from, to, undefined), spoil.delay);
    });
    yield* Effect.acquireRelease(
      Effect.async<void>((resume) => void server.listen(0, "127.0.0.1", () => resume(Effect.void))),
      () =>
        Effect.async<void>((resume) => {
          server.close(() => resume(Effect.void));
          server.closeAllConnections();
        }),
    );
    return {
      port: (server.address() as AddressInfo).port,
      become: (next) => Effect.sync(() => void (rule = next)),
      spoiled: Effect.sync(() => spoiled),
    };
  });
