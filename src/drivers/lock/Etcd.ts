import { Clock, Duration, Effect, Schema, type Scope } from "effect";
import type { Check } from "../../core/Check.ts";
import type { LockConfig } from "../../core/Config.ts";
import { type ConnectionError, LockError } from "../../core/Errors.ts";
import type { Lease, Lock } from "../../core/Lock.ts";
import * as EtcdGateway from "./EtcdGateway.ts";
import * as Reach from "./Reach.ts";

type Config = Extract<LockConfig, { readonly type: "etcd" }>;

/** etcd allows 128 operations per transaction (--max-txn-ops), a nested one's counted on top of those around it. */
const keysPerTransaction = 120;
/** Of the time to live, per request to one member: with three of them gone, a third is left. */
const timeoutShare = 0.1;
const checkupTimeout = Duration.seconds(5);

const base64 = (text: string): string => Buffer.from(text).toString("base64");

const Granted = Schema.Struct({
  responses: Schema.Array(
    Schema.Struct({
      response_txn: Schema.Struct({
        succeeded: Schema.optional(Schema.Boolean),
        responses: Schema.optional(Schema.Array(Schema.Struct({
          response_range: Schema.optional(Schema.Struct({
            kvs: Schema.optional(Schema.Array(Schema.Struct({ lease: Schema.optional(Schema.String) }))),
          })),
        }))),
      }),
    }),
  ),
});
const decodeGranted = Schema.decodeUnknown(Granted);
const decodeLease = Schema.decodeUnknown(Schema.Struct({ ID: Schema.String }));
const decodeHeld = Schema.decodeUnknown(Schema.Struct({
  TTL: Schema.optional(Schema.String),
  keys: Schema.optional(Schema.Array(Schema.String)),
}));

const strange = (cause: unknown): LockError =>
  new LockError({
    reason: "Unusable",
    connection: "etcd",
    detail: "it answers as etcd 3.4 and later do not",
    remedy: "Name client URLs of an etcd 3.4 or later",
    cause,
  });

/** Each key on its own: created under the lease, or left to its holder, whose lease is then told. */
const transaction = (keys: ReadonlyArray<string>, lease: string) => ({
  success: keys.map((key) => ({
    requestTxn: {
      compare: [{ target: "CREATE", key: base64(key), createRevision: "0" }],
      success: [{ requestPut: { key: base64(key), lease } }],
      failure: [{ requestRange: { key: base64(key) } }],
    },
  })),
});

const checkup = (gateway: EtcdGateway.Gateway, prefix: string): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function*() {
    const checks: Array<Check> = [];
    let answered = 0;
    for (const endpoint of gateway.endpoints) {
      const status = yield* Effect.either(gateway.postTo(endpoint, "maintenance/status", {}, checkupTimeout));
      if (status._tag === "Left") {
        checks.push({
          name: "lock/etcd-reachable",
          status: gateway.endpoints.length > 1 ? "warn" : "fail",
          detail: status.left.detail,
          ...(status.left.remedy === undefined ? {} : { remedy: status.left.remedy }),
        });
        continue;
      }
      answered++;
      const { errors, leader, version } = status.right;
      const faults = Array.isArray(errors) ? errors.join(", ") : "";
      checks.push(
        (leader ?? "0") === "0" || faults !== ""
          ? {
            name: "lock/etcd-health",
            status: "fail",
            detail: `${endpoint}: ${faults === "" ? "the cluster has no leader" : faults}`,
            remedy: "Look at the cluster's health (etcdctl endpoint status)",
          }
          : {
            name: "lock/etcd-reachable",
            status: "pass",
            detail: `${endpoint} answers, version ${String(version)}`,
          },
      );
    }
    if (answered === 0) return checks;
    // etcd checks the permissions of both branches, and no key's version is ever below zero: nothing is written.
    const key = base64(`${prefix}doctor`);
    const dry = yield* Effect.either(gateway.post("kv/txn", {
      compare: [{ target: "VERSION", result: "LESS", key, version: "0" }],
      success: [{ requestPut: { key } }],
      failure: [{ requestRange: { key } }],
    }, checkupTimeout));
    checks.push(
      dry._tag === "Right"
        ? { name: "lock/etcd-permissions", status: "pass", detail: `keys below ${prefix} may be read and written` }
        : {
          name: "lock/etcd-permissions",
          status: "fail",
          detail: dry.left.detail,
          ...(dry.left.remedy === undefined ? {} : { remedy: dry.left.remedy }),
        },
    );
    return checks;
  });

/** Keys under a lease of etcd's, one per acquisition: it takes them along when it is revoked, or when its time is up. */
export const make = ({ etcd, retry }: Config): Effect.Effect<Lock, ConnectionError | LockError, Scope.Scope> =>
  Effect.gen(function*() {
    const gateway = yield* EtcdGateway.make(etcd);
    yield* gateway.post("maintenance/status", {}, checkupTimeout).pipe(Reach.patiently(retry));

    const revoke = (id: string, timeout: Duration.Duration) =>
      gateway.post("lease/revoke", { ID: id }, timeout).pipe(
        Effect.catchAll((error) =>
          EtcdGateway.isNotFound(error)
            ? Effect.void
            : Effect.logDebug(`locks not released, left to expire: ${error.message}`)
        ),
      );

    const acquire = (keys: ReadonlyArray<string>, ttl: Duration.Duration) =>
      Effect.gen(function*() {
        const timeout = Duration.times(ttl, timeoutShare);
        const distinct = [...new Set(keys)];
        // etcd counts whole seconds, and may grant more than it was asked for; what counts here is what was asked.
        const deadline = (yield* Clock.currentTimeNanos) + Duration.unsafeToNanos(ttl);
        const { ID: id } = yield* gateway.post(
          "lease/grant",
          { TTL: String(Math.ceil(Duration.toSeconds(ttl))) },
          timeout,
        )
          .pipe(Effect.flatMap((answer) => Effect.mapError(decodeLease(answer), strange)));

        const take = (slice: ReadonlyArray<string>) =>
          gateway.post("kv/txn", transaction(slice, id), timeout).pipe(
            Effect.flatMap((answer) => Effect.mapError(decodeGranted(answer), strange)),
            // Ours already, where a first attempt's answer was lost.
            Effect.map(({ responses }) =>
              slice.filter((_, index) => {
                const { responses: [first] = [], succeeded = false } = responses[index]!.response_txn;
                return succeeded || first?.response_range?.kvs?.[0]?.lease === id;
              })
            ),
          );
        const slices = Array.from(
          { length: Math.ceil(distinct.length / keysPerTransaction) },
          (_, index) => distinct.slice(index * keysPerTransaction, (index + 1) * keysPerTransaction),
        );
        const own = yield* Effect.forEach(
          slices,
          (slice) => take(slice.map((key) => etcd.keyPrefix + key)),
          { concurrency: "unbounded" },
        ).pipe(
          Effect.map((granted) => new Set(granted.flat())),
          Effect.tapError(() => revoke(id, timeout)),
        );

        let released = false;
        const inTime = Effect.map(Clock.currentTimeNanos, (nanos) => nanos < deadline);
        const lease: Lease = {
          taken: keys.map((key) => own.has(etcd.keyPrefix + key)),
          valid: Effect.gen(function*() {
            if (released || !(yield* inTime)) return false;
            const { TTL = "0", keys: held = [] } = yield* gateway.post(
              "lease/timetolive",
              { ID: id, keys: true },
              timeout,
            )
              .pipe(Effect.flatMap((answer) => Effect.mapError(decodeHeld(answer), strange)));
            // A key that someone deleted, or deleted and made anew, has left the lease.
            return Number(TTL) >= 0 && held.length === own.size && (yield* inTime);
          }).pipe(Effect.orElseSucceed(() => false)),
          release: Effect.suspend(() => {
            if (released) return Effect.void;
            released = true;
            return revoke(id, timeout);
          }),
        };
        return lease;
      });

    return {
      kind: "etcd",
      shared: true,
      checkup: checkup(gateway, etcd.keyPrefix),
      acquire: (keys, ttl) =>
        keys.length === 0
          ? Effect.succeed({ taken: [], valid: Effect.succeed(true), release: Effect.void })
          : acquire(keys, ttl).pipe(Reach.patiently(retry), Effect.uninterruptible),
    };
  });
