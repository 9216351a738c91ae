import { describe, expect, it } from "@effect/vitest";
import { Duration, Effect, Exit, Redacted, Scope } from "effect";
import { randomUUID } from "node:crypto";
import { inspect } from "node:util";
import { fetch } from "undici";
import { afterAll, beforeAll } from "vitest";
import type { LockConfig } from "../../../src/core/Config.ts";
import * as EtcdLock from "../../../src/drivers/lock/Etcd.ts";
import { lockContract } from "../../contract/lock.ts";
import * as Etcd from "../../support/servers/Etcd.ts";
import * as Proxy from "../../support/servers/Proxy.ts";

type Config = Extract<LockConfig, { readonly type: "etcd" }>;

const ttl = Duration.seconds(10);

const config = (endpoints: ReadonlyArray<string>, etcd: Partial<Config["etcd"]> = {}): Config => ({
  type: "etcd",
  etcd: { endpoints, username: "", keyPrefix: "/ncps-pipeline/lock/", ...etcd },
  retry: { maxAttempts: 3, initialDelay: Duration.millis(20), maxDelay: Duration.millis(50), jitter: true },
});

const base64 = (text: string) => Buffer.from(text).toString("base64");

const post = (server: Etcd.Etcd, path: string, body: object, token = "") =>
  Effect.promise(async () => {
    const response = await fetch(`${server.endpoint}/v3/${path}`, {
      method: "POST",
      body: JSON.stringify(body),
      headers: token === "" ? {} : { authorization: token },
    });
    return await response.json() as Record<string, string>;
  });

const scope = Effect.runSync(Scope.make());
let server: Etcd.Etcd;
beforeAll(async () => {
  server = await Effect.runPromise(Scope.extend(Etcd.make(), scope));
}, 60_000);
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)));

const freshPrefix = () => `/test/${randomUUID()}/`;

lockContract(
  "etcd",
  Effect.sync(() => {
    const keyPrefix = freshPrefix();
    // The byte after "/" is "0": a range of all keys below the prefix.
    const range = { key: base64(keyPrefix), range_end: base64(`${keyPrefix.slice(0, -1)}0`) };
    return {
      open: EtcdLock.make(config([server.endpoint], { keyPrefix })),
      forget: Effect.suspend(() => Effect.asVoid(post(server, "kv/deleterange", range))),
    };
  }),
  // A lease lasts two seconds at least: one and a half election timeouts.
  { exclusive: true, shared: true, leastTtl: Duration.seconds(2) },
);

describe("etcd lock", () => {
  it.scopedLive("leaves no lease behind, neither after a batch nor after one that got nothing", () =>
    Effect.gen(function*() {
      const keyPrefix = freshPrefix();
      const lock = yield* EtcdLock.make(config([server.endpoint], { keyPrefix }));
      const count = Effect.map(post(server, "lease/leases", {}), ({ leases }) => leases?.length ?? 0);
      const before = yield* count;
      const held = yield* lock.acquire(["a"], ttl);
      const refused = yield* lock.acquire(["a"], ttl);
      expect(yield* count).toBe(before + 2);
      yield* refused.release;
      yield* held.release;
      expect(yield* count).toBe(before);
    }));

  it.scopedLive(
    "an endpoint that is gone or black-holed is passed over, all gone fail with what to do",
    () =>
      Effect.gen(function*() {
        const keyPrefix = freshPrefix();
        const proxy = yield* Proxy.make(server.port);
        const holed = `http://127.0.0.1:${proxy.port}`;
        const lock = yield* EtcdLock.make(config([holed, "http://127.0.0.1:9", server.endpoint], { keyPrefix }));
        yield* proxy.blackhole;
        const lease = yield* lock.acquire(["a"], Duration.seconds(5));
        expect(lease.taken).toEqual([true]);
        expect(yield* lease.valid).toBe(true);
        yield* lease.release;
        expect((yield* lock.checkup).filter(({ status }) => status === "fail")).toEqual([]);
        const error = yield* Effect.flip(EtcdLock.make(config(["http://127.0.0.1:9"])));
        expect([error._tag, error.reason]).toEqual(["LockError", "Unavailable"]);
        expect(error.message).toContain("Check that etcd runs");
      }),
    30_000,
  );

  it.scopedLive(
    "a server that stands still past the time to live leaves nothing valid, one that restarts forgets nothing",
    () =>
      Effect.gen(function*() {
        const own = yield* Etcd.make();
        const lock = yield* EtcdLock.make(config([own.endpoint]));
        const kept = yield* lock.acquire(["a"], Duration.seconds(60));
        yield* own.restart("kill");
        expect(yield* Effect.repeat(kept.valid, { until: (is) => is, times: 20 })).toBe(true);
        const short = yield* lock.acquire(["b"], Duration.seconds(2));
        yield* own.pause;
        expect(yield* short.valid).toBe(false);
        expect((yield* Effect.flip(lock.acquire(["c"], Duration.seconds(2)))).reason).toBe("Unavailable");
        yield* Effect.sleep("1500 millis");
        yield* own.resume;
        expect(yield* short.valid).toBe(false);
      }),
    30_000,
  );

  it.scopedLive(
    "user, password and TLS are really used, and wrong ones are told without their text",
    () =>
      Effect.gen(function*() {
        const own = yield* Etcd.make({ tls: true });
        const tls = { ca: own.tls!.caFile, cert: "", key: "" };
        const lock = yield* EtcdLock.make(config([own.endpoint], { tls }));
        expect((yield* lock.acquire(["a"], ttl)).taken).toEqual([true]);
        const strange = yield* Effect.flip(EtcdLock.make(config([own.endpoint])));
        expect([strange._tag, strange.reason]).toEqual(["LockError", "Unusable"]);

        const guarded = yield* Etcd.make();
        for (const [name, password] of [["root", "root-hush"], ["runner", "runner-hush"], ["nobody", "nobody-hush"]]) {
          yield* post(guarded, "auth/user/add", { name, password });
        }
        const prefix = "/ncps-pipeline/lock/";
        yield* post(guarded, "auth/role/add", { name: "locks" });
        yield* post(guarded, "auth/role/grant", {
          name: "locks",
          perm: { permType: "READWRITE", key: base64(prefix), range_end: base64("/ncps-pipeline/lock0") },
        });
        yield* post(guarded, "auth/user/grant", { user: "root", role: "root" });
        yield* post(guarded, "auth/user/grant", { user: "runner", role: "locks" });
        yield* post(guarded, "auth/enable", {});
        const as = (username: string, password: string) =>
          config([guarded.endpoint], { username, password: Redacted.make(password) });
        const runner = yield* EtcdLock.make(as("runner", "runner-hush"));
        const lease = yield* runner.acquire(["a"], ttl);
        expect(lease.taken).toEqual([true]);
        expect(yield* lease.valid).toBe(true);
        expect((yield* runner.checkup).map(({ status }) => status)).toEqual(["pass", "pass"]);
        // Tokens do not outlive the server.
        yield* guarded.restart();
        yield* lease.release;
        expect((yield* runner.acquire(["a"], ttl)).taken).toEqual([true]);

        const nobody = yield* EtcdLock.make(as("nobody", "nobody-hush"));
        const [, permissions] = yield* nobody.checkup;
        expect([permissions?.status, permissions?.remedy]).toEqual([
          "fail",
          expect.stringContaining("Grant the user's role"),
        ]);
        const wrong = yield* Effect.flip(EtcdLock.make(as("runner", "wrong-hush")));
        expect([wrong._tag, wrong.reason]).toEqual(["LockError", "Unusable"]);
        expect(inspect([permissions, wrong], { depth: 20 })).not.toContain("hush");
      }),
    60_000,
  );

  it.scopedLive("endpoints are http or https URLs; anything else is refused without repeating it", () =>
    Effect.gen(function*() {
      for (const wrong of ["127.0.0.1:2379", "https://user:hush@etcd:2379", "", "ftp://etcd"]) {
        const error = yield* Effect.flip(EtcdLock.make(config([wrong])));
        expect(error.reason).toBe("Config");
        expect(error.message).not.toContain("hush");
      }
    }));
});
