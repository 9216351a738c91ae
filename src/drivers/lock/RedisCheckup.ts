import { Clock, Effect } from "effect";
import type { Check } from "../../core/Check.ts";
import type { RedisSettings } from "../../core/Config.ts";
import type { LockError } from "../../core/Errors.ts";
import { connectTimeout, type RedisNode } from "./RedisNode.ts";
import * as RedisScripts from "./RedisScripts.ts";
import * as Redlock from "./Redlock.ts";

type Settings = typeof RedisSettings.Type;

const isLoopback = (address: string): boolean => /^(localhost|127\.|\[::1\])/.test(address);

const failed = (name: string, error: LockError, status: "warn" | "fail" = "fail"): Check => ({
  name,
  status,
  detail: `${error.connection}: ${error.detail}`,
  ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
});

/** `name:value` lines: https://redis.io/docs/latest/commands/info/. */
const readInfo = (info: unknown): ReadonlyMap<string, string> =>
  new Map([...String(info).matchAll(/^(\w+):(.*?)\r?$/gm)].map(([, name, value]) => [name!, value!]));

/** What an `INFO` says about whether locks can be taken and are kept. */
export const judgeInfo = (address: string, info: ReadonlyMap<string, string>): ReadonlyArray<Check> => {
  const checks: Array<Check> = [];
  if (info.get("redis_mode") === "cluster" || info.get("cluster_enabled") === "1") {
    checks.push({
      name: "lock/redis-mode",
      status: "fail",
      detail: `${address} is in cluster mode, in which keys of one batch lie on several nodes`,
      remedy: "Name independent nodes: neither ncps nor this tool can lock in a cluster",
    });
  }
  if (info.get("role") === "slave") {
    checks.push({
      name: "lock/redis-role",
      status: "fail",
      detail: `${address} is a replica, which grants nothing`,
      remedy: "Name the primary",
    });
  }
  const policy = info.get("maxmemory_policy") ?? "noeviction";
  if (Number(info.get("maxmemory") ?? 0) > 0 && policy !== "noeviction") {
    checks.push({
      name: "lock/redis-eviction",
      status: "warn",
      detail: `${address} drops keys when its memory is full (${policy}), locks among them`,
      remedy:
        "Set maxmemory-policy noeviction, or use a Redis of its own; a lost lock is noticed before anything is deleted",
    });
  }
  return checks;
};

const permissions = (node: RedisNode, key: string): Effect.Effect<Check, LockError> =>
  Effect.gen(function*() {
    const name = "lock/redis-permissions";
    yield* node.call(connectTimeout, "EVAL", RedisScripts.held, "1", key, "");
    // ACL DRYRUN says what a write would meet, without one; from Redis 7 on, and for users who may ask.
    const refusal = yield* Effect.gen(function*() {
      const user = String(yield* node.call(connectTimeout, "ACL", "WHOAMI"));
      const dryRun = (...command: ReadonlyArray<string>) =>
        Effect.map(node.call(connectTimeout, "ACL", "DRYRUN", user, ...command), String);
      const answers = [
        yield* dryRun("SET", key, "token", "NX", "PX", "1000"),
        yield* dryRun("PEXPIRE", key, "1000"),
        yield* dryRun("DEL", key),
      ];
      return answers.find((answer) => answer !== "OK") ?? "";
    }).pipe(Effect.orElseSucceed(() => undefined));
    if (refusal === undefined) {
      return {
        name,
        status: "pass",
        detail: `${node.address}: scripts and reading are allowed; writing was not tried`,
      };
    }
    return refusal === ""
      ? { name, status: "pass", detail: `${node.address}: locks may be taken and given back` }
      : {
        name,
        status: "fail",
        detail: `${node.address}: ${refusal}`,
        remedy: "Allow SET, GET, PEXPIRE, DEL and EVAL on the key prefix",
      };
  });

const examine = (node: RedisNode, settings: Settings): Effect.Effect<ReadonlyArray<Check>, LockError> =>
  Effect.gen(function*() {
    const begun = yield* Clock.currentTimeNanos;
    yield* node.call(connectTimeout, "PING");
    const millis = Number((yield* Clock.currentTimeNanos) - begun) / 1e6;
    const info = yield* node.call(connectTimeout, "INFO").pipe(
      Effect.map(readInfo),
      Effect.orElseSucceed(() => new Map<string, string>()),
    );
    const version = info.get("valkey_version") ?? info.get("redis_version");
    const checks: Array<Check> = [{
      name: "lock/redis-reachable",
      status: "pass",
      detail: `${node.address} answers in ${millis.toFixed(1)} ms${
        version === undefined ? "" : `, version ${version}`
      }, ${settings.useTls ? "over TLS" : "without TLS"}`,
    }, ...judgeInfo(node.address, info)];
    if (!settings.useTls && settings.password !== undefined && !isLoopback(node.address)) {
      checks.push({
        name: "lock/redis-tls",
        status: "warn",
        detail: `the password goes to ${node.address} without TLS`,
        remedy: "Set lock.redis.useTls where the server has TLS (ncps itself ignores its flag for it)",
      });
    }
    checks.push(
      yield* permissions(node, `${settings.keyPrefix}migration:doctor`).pipe(
        Effect.catchAll((error) => Effect.succeed(failed("lock/redis-permissions", error))),
      ),
    );
    return checks;
  });

/** Looks at each node; writes nothing. */
export const run = (
  nodes: ReadonlyArray<RedisNode>,
  settings: Settings,
  degraded: Effect.Effect<boolean>,
): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function*() {
    const results = yield* Effect.all(nodes.map((node) => Effect.either(examine(node, settings))), {
      concurrency: "unbounded",
    });
    const answered = results.filter(({ _tag }) => _tag === "Right").length;
    const quorum = Redlock.quorumOf(nodes);
    const checks = results.flatMap((result) =>
      result._tag === "Right"
        ? result.right
        : [failed("lock/redis-reachable", result.left, answered >= quorum ? "warn" : "fail")]
    );
    if (nodes.length > 1) {
      checks.push({
        name: "lock/redis-quorum",
        status: answered >= quorum ? "pass" : "fail",
        detail: `${answered} of ${nodes.length} nodes answer, ${quorum} are needed`,
        ...(answered >= quorum ? {} : { remedy: "Start the others, or mend their addresses" }),
      });
    }
    if (yield* degraded) {
      checks.push({
        name: "lock/degraded",
        status: "warn",
        detail: "keys are locked within this process only",
        remedy: "Mend Redis, or set allowDegradedMode: false to end the run instead",
      });
    }
    return checks;
  });
