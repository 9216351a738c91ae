import { Duration, Effect, type Scope } from "effect";
import { randomBytes } from "node:crypto";
import type { LockConfig } from "../../core/Config.ts";
import type { ConnectionError, LockError } from "../../core/Errors.ts";
import type { Lock } from "../../core/Lock.ts";
import * as TlsFiles from "../TlsFiles.ts";
import * as Local from "./Local.ts";
import * as Reach from "./Reach.ts";
import * as RedisCheckup from "./RedisCheckup.ts";
import * as RedisNode from "./RedisNode.ts";
import * as Redlock from "./Redlock.ts";

type Config = Extract<LockConfig, { readonly type: "redis" }>;

/**
 * The locks that running ncps instances take: exclusive ones of redsync under ncps' prefix. Fails where no majority of the nodes can be
 * used, unless degraded mode is allowed: then keys are locked within this process, loudly, until a majority is back.
 */
export const make = (
  { allowDegradedMode, redis, retry }: Config,
): Effect.Effect<Lock, ConnectionError | LockError, Scope.Scope> =>
  Effect.gen(function*() {
    const certificates = yield* TlsFiles.read("lock", redis.useTls ? redis.tls : undefined);
    const nodes = yield* Effect.forEach(redis.addrs, (address) => RedisNode.make(address, { ...redis, certificates }));
    const local = yield* Local.make;
    /** `past`: at least one batch of this process was locked locally. */
    let degraded: "never" | "now" | "past" = "never";

    const degrade = (error: LockError) =>
      Effect.gen(function*() {
        if (!allowDegradedMode || error.reason !== "Unavailable") return yield* error;
        if (degraded !== "now") {
          yield* Effect.logWarning(
            `DEGRADED MODE: ${error.message}. Keys are locked within this process only; other runners and ncps are not kept out`,
          );
        }
        degraded = "now";
      });
    const recovered = Effect.suspend(() => {
      if (degraded !== "now") return Effect.void;
      degraded = "past";
      return Effect.logWarning("a majority of the Redis nodes is back: keys are locked there again");
    });

    const greet = Effect.gen(function*() {
      const results = yield* Effect.all(
        nodes.map((node) => Effect.either(node.call(RedisNode.connectTimeout, "PING"))),
        { concurrency: "unbounded" },
      );
      const failures = results.flatMap((result) => (result._tag === "Left" ? [result.left] : []));
      const answered = nodes.length - failures.length;
      if (answered < Redlock.quorumOf(nodes)) return yield* Redlock.noQuorum(nodes, answered, failures);
      for (const { connection, detail } of failures) {
        yield* Effect.logWarning(`${connection} cannot be used, the other nodes are a majority: ${detail}`);
      }
    });
    yield* greet.pipe(Reach.patiently(retry), Effect.catchAll(degrade));

    const shared = (keys: ReadonlyArray<string>, ttl: Duration.Duration) =>
      Effect.gen(function*() {
        const prefixed = withPrefix(redis.keyPrefix, keys);
        const token = randomBytes(16).toString("base64");
        return yield* Redlock.acquire(nodes, { keys: prefixed, token, ttl }).pipe(
          Reach.patiently(retry),
          Effect.tapError(() =>
            Redlock.giveBack(nodes, { keys: [...new Set(prefixed)], token, timeout: Redlock.timeoutOf(ttl) })
          ),
        );
      });

    /** Degraded, no batch waits for nodes: they are connected to in the background until a majority is back. */
    const isLocal = Effect.suspend(() =>
      degraded !== "now" ? Effect.succeed(false) : Effect.negate(Redlock.isAwake(nodes))
    );

    return {
      get kind() {
        return degraded === "never"
          ? "redis"
          : degraded === "now"
          ? "redis (degraded)"
          : "redis (degraded for a while)";
      },
      get shared() {
        return degraded !== "now";
      },
      checkup: RedisCheckup.run(nodes, redis, Effect.sync(() => degraded === "now")),
      acquire: (keys, ttl) =>
        Effect.gen(function*() {
          if (keys.length === 0 || (yield* isLocal)) return yield* local.acquire(keys, ttl);
          return yield* shared(keys, ttl).pipe(
            Effect.zipLeft(recovered),
            Effect.catchAll((error) => Effect.zipRight(degrade(error), local.acquire(keys, ttl))),
          );
        }).pipe(Effect.uninterruptible),
    };
  });

/** In a function that outlives a batch: it runs for every key. */
const withPrefix = (prefix: string, keys: ReadonlyArray<string>): ReadonlyArray<string> => {
  const prefixed = new Array<string>(keys.length);
  for (let at = 0; at < keys.length; at++) prefixed[at] = prefix + keys[at]!;
  return prefixed;
};
