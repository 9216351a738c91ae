/** A network between a client and a server on 127.0.0.1, which can be made bad; it may begin at another address of this host. */
import type { Scope } from "effect";
import { Effect } from "effect";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";

export interface Proxy {
  readonly port: number;
  /** Bytes vanish in both directions and no connection ends: a peer that is gone without a word. New connections are accepted, and hang. */
  readonly blackhole: Effect.Effect<void>;
  /** As after `make`. What was swallowed is lost: connections of before are reset. */
  readonly heal: Effect.Effect<void>;
  /** As after `make` for new connections; what was swallowed stays so, and its connections stay silent. */
  readonly clear: Effect.Effect<void>;
  /** Open connections end with a reset; new ones work. */
  readonly reset: Effect.Effect<void>;
  /** New connections are reset at once. */
  readonly refuse: Effect.Effect<void>;
  /** What the server says arrives this much later. */
  readonly delay: (millis: number) => Effect.Effect<void>;
  /** Each connection made from now on ends with a reset after so many bytes from the server; Node takes one right after data for an end. */
  readonly truncate: (bytes: number) => Effect.Effect<void>;
  /** Connections accepted so far. */
  readonly accepted: Effect.Effect<number>;
}

interface Weather {
  readonly isBlack: boolean;
  readonly isRefusing: boolean;
  readonly delayMillis: number;
  readonly maxBytes: number;
}

const fair: Weather = { isBlack: false, isRefusing: false, delayMillis: 0, maxBytes: Infinity };

export const make = (target: number, host = "127.0.0.1"): Effect.Effect<Proxy, never, Scope.Scope> =>
  Effect.gen(function*() {
    let weather = fair;
    let accepted = 0;
    /** Connections made in a storm up to the last silenced one never speak again. */
    let storms = 0;
    let silenced = 0;
    const open = new Set<Socket>();
    const resetAll = () => {
      for (const socket of open) socket.resetAndDestroy();
    };

    const serve = (client: Socket): void => {
      const storm = storms;
      accepted++;
      if (weather.isRefusing) {
        client.on("error", () => {}).resetAndDestroy();
        return;
      }
      const server = connect(target, "127.0.0.1");
      let left = weather.maxBytes;
      const pass = (from: Socket, to: Socket) => {
        open.add(from);
        from.setNoDelay(true);
        const say = (act: () => void) => {
          if (weather.isBlack || storm < silenced) return;
          if (from === server && weather.delayMillis > 0) setTimeout(act, weather.delayMillis);
          else act();
        };
        from.on("data", (data) => {
          say(() => {
            if (to.destroyed || left <= 0) return;
            if (from === server) {
              const part = data.subarray(0, left);
              left -= data.length;
              to.write(part, () => left <= 0 && to.resetAndDestroy());
            } else to.write(data);
          });
        });
        from.on("end", () => say(() => left > 0 && to.end()));
        from.on("error", () => say(() => to.resetAndDestroy()));
        from.on("close", () => {
          open.delete(from);
          say(() => left > 0 && to.destroy());
        });
      };
      pass(client, server);
      pass(server, client);
    };

    const listener = yield* Effect.acquireRelease(
      Effect.async<ReturnType<typeof createServer>>((resume) => {
        const listener = createServer({ allowHalfOpen: true }, serve);
        listener.listen(0, host, () => resume(Effect.succeed(listener)));
      }),
      (listener) =>
        Effect.async<void>((resume) => {
          listener.close(() => resume(Effect.void));
          resetAll();
        }),
    );
    const become = (change: Partial<Weather>) => Effect.sync(() => void (weather = { ...weather, ...change }));
    return {
      port: (listener.address() as AddressInfo).port,
      blackhole: become({ isBlack: true }),
      heal: Effect.sync(() => {
        if (weather.isBlack) resetAll();
        weather = fair;
      }),
      clear: Effect.sync(() => {
        if (weather.isBlack) silenced = ++storms;
        weather = fair;
      }),
      reset: Effect.sync(resetAll),
      refuse: become({ isRefusing: true }),
      delay: (delayMillis) => become({ delayMillis }),
      truncate: (maxBytes) => become({ maxBytes }),
      accepted: Effect.sync(() => accepted),
    };
  });
