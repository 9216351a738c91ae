import { describe, expect, it } from "@effect/vitest";
import { Chunk, Effect, Exit, Fiber, Logger, Redacted, Scope, Stream } from "effect";
import * as fs from "node:fs";
import * as path from "node:path";
import { afterAll, beforeAll, vi } from "vitest";
import type { S3StorageConfig } from "../../../src/core/Config.ts";
import * as S3 from "../../../src/drivers/storage/S3.ts";
import { defaultTiming } from "../../../src/drivers/storage/S3Client.ts";
import { readAll, storageContract, targetsOf } from "../../contract/storage.ts";
import * as Proxy from "../../support/servers/Proxy.ts";
import * as Server from "../../support/servers/S3.ts";

const scope = Effect.runSync(Scope.make());
let server: Server.S3;
beforeAll(async () => {
  server = await Effect.runPromise(Scope.extend(Server.make(), scope));
}, 300_000);
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)));

type Service = Effect.Effect.Success<ReturnType<typeof Server.any>>;
let service: Service | undefined;
const anyService = async (): Promise<Service> =>
  service ??= process.env["S3_TEST_ENDPOINT"] === undefined
    ? server
    : await Effect.runPromise(Scope.extend(Server.any(), scope));

const configOf = (of: Service, bucket: string, settings: Partial<S3StorageConfig> = {}): S3StorageConfig => ({
  type: "storage",
  kind: "s3",
  bucket,
  prefix: "",
  endpoint: of.endpoint,
  region: of.region,
  accessKeyId: of.accessKeyId,
  secretAccessKey: Redacted.make(of.secretAccessKey),
  sessionToken: undefined,
  forcePathStyle: true,
  requests: 32,
  tls: undefined,
  ...settings,
});

/** Silence is noticed soon, and waited out for long. */
const timing = {
  ...defaultTiming,
  pauseMillis: 20,
  maxPauseMillis: 200,
  asking: { attempts: 3, totalMillis: 5000, firstByteMillis: 1000 },
  reading: { attempts: 1000, totalMillis: 20_000, firstByteMillis: 500 },
  deleting: { attempts: 6, totalMillis: 2500, firstByteMillis: 800 },
};

const open = (bucket: string, settings: Partial<S3StorageConfig> = {}) =>
  S3.make({ name: "cache-storage", config: configOf(server, bucket, settings), timing });

const world = Effect.gen(function*() {
  const bucket = yield* server.bucket();
  const put = (key: string, content: Uint8Array | string = key) => server.put(bucket, key, Buffer.from(content));
  return { bucket, put, storage: yield* open(bucket) };
});

/** AWS, and a service in its batches, tell of an absent key that it was deleted. */
const flags = { folders: false, checks: false, absent: ["Deleted", "Gone"] as const };

storageContract(
  "S3, versitygw or the one of S3_TEST_ENDPOINT",
  Effect.gen(function*() {
    const service = yield* Effect.promise(anyService);
    const bucket = yield* service.bucket();
    const storage = yield* S3.make({ name: "cache-storage", config: configOf(service, bucket) });
    return { storage, put: (key, content) => service.put(bucket, key, Buffer.from(content)) };
  }),
  flags,
);

storageContract(
  "S3 on versitygw, below a prefix",
  Effect.gen(function*() {
    const bucket = yield* server.bucket();
    for (const key of ["beside/a", "cache-", "cach/e", "z"]) yield* server.put(bucket, key, "x");
    return {
      storage: yield* open(bucket, { prefix: "cache/" }),
      put: (key, content) => server.put(bucket, `cache/${key}`, Buffer.from(content)),
    };
  }),
  flags,
);

const faultOf = (bucket: string, settings: Partial<S3StorageConfig>) =>
  Effect.flip(open(bucket, settings)).pipe(
    Effect.tap((fault) => expect(`${fault.message} ${JSON.stringify(fault)}`).not.toContain(server.secretAccessKey)),
  );

describe("what is wrong with a connection is known when it is opened", () => {
  it.scoped("secret, key, token, region, bucket: each its own finding", () =>
    Effect.gen(function*() {
      const bucket = yield* server.bucket();
      expect(yield* faultOf(bucket, { secretAccessKey: Redacted.make("s3-hush-wrong") }))
        .toMatchObject({ reason: "Denied", detail: expect.stringContaining("secret does not belong") });
      expect(yield* faultOf(bucket, { accessKeyId: "AKIANOBODY" }))
        .toMatchObject({ reason: "Denied", detail: expect.stringContaining("does not know the access key") });
      expect(yield* faultOf(bucket, { sessionToken: Redacted.make("s3-hush-token") }))
        .toMatchObject({ reason: "Denied", detail: expect.stringContaining("token") });
      expect(yield* faultOf(bucket, { region: "eu-west-3" }))
        .toMatchObject({ reason: "Unusable", remedy: "Set region to us-east-1" });
      expect(yield* faultOf("no-such-bucket", {}))
        .toMatchObject({ reason: "Missing", detail: expect.stringContaining("no bucket no-such-bucket") });
      expect(yield* faultOf("No_Name", {})).toMatchObject({ reason: "Unusable" });
    }));

  it.scoped("a clock that is off", () =>
    Effect.gen(function*() {
      const bucket = yield* server.bucket();
      yield* Effect.acquireRelease(
        Effect.sync(() => vi.useFakeTimers({ now: Date.now() - 3_600_000, toFake: ["Date"] })),
        () => Effect.sync(() => vi.useRealTimers()),
      );
      expect(yield* faultOf(bucket, {})).toMatchObject({
        reason: "Unusable",
        detail: "this machine's clock is 60 min behind the server's",
      });
    }));

  it.scoped("an authority that is not trusted, and a scheme that is wrong; with its certificate it works", () =>
    Effect.gen(function*() {
      const secure = yield* Server.make({ tls: true });
      const bucket = yield* secure.bucket();
      const secured = (settings: Partial<S3StorageConfig>) =>
        S3.make({ name: "cache-storage", config: configOf(secure, bucket, settings), timing });
      const untrusted = yield* Effect.flip(secured({}));
      expect(untrusted).toMatchObject({ reason: "Unusable", remedy: expect.stringContaining("tls.ca") });
      const plain = yield* Effect.flip(secured({ endpoint: secure.endpoint.replace("https", "http") }));
      expect(plain).toMatchObject({ reason: "Unavailable", remedy: expect.stringContaining("an https endpoint") });
      const noTls = yield* Effect.flip(secured({ endpoint: server.endpoint.replace("http", "https") }));
      expect(noTls).toMatchObject({ reason: "Unusable", detail: expect.stringContaining("speaks no TLS") });
      const missing = yield* Effect.flip(secured({ tls: { ca: "/no/such.pem", cert: "", key: "" } }));
      expect(missing).toMatchObject({
        _tag: "ConnectionError",
        reason: "Config",
        detail: expect.stringContaining("/no/such.pem"),
      });
      const storage = yield* secured({ tls: { ca: secure.tls!.caFile, cert: "", key: "" } });
      expect(yield* storage.read(["none"], 10)).toEqual([{ _tag: "Gone" }]);
    }));

  it.scoped("its identity names host, bucket and prefix, and nothing secret", () =>
    Effect.gen(function*() {
      const bucket = yield* server.bucket();
      const { identity } = yield* open(bucket, { prefix: "cache/" });
      expect(identity).toBe(`s3://127.0.0.1:${server.port}/${bucket}/cache/`);
    }));
});

describe("a server that goes away", () => {
  const many = Array.from({ length: 400 }, (_, i) => `k/${i}`);

  it.scoped(
    "killed and started in mid-read and mid-listing: nothing is missed, nothing fails",
    () =>
      Effect.gen(function*() {
        const { put, storage } = yield* world;
        yield* Effect.forEach(many, (key) => put(key), { concurrency: 32 });
        const reading = yield* Effect.fork(Effect.all([
          Effect.forEach([1, 2, 3, 4, 5], () => readAll(storage, many, 1000)),
          Effect.forEach([1, 2, 3, 4, 5], () => Stream.runCollect(storage.list({ prefix: "", suffix: "" }))),
        ], { concurrency: 2 }));
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 20)));
        yield* server.kill;
        yield* server.start;
        const [reads, lists] = yield* Fiber.join(reading);
        for (const outcomes of reads) expect(outcomes.every(({ _tag }) => _tag === "Read")).toBe(true);
        for (const pages of lists) expect(Chunk.toReadonlyArray(pages).flat()).toHaveLength(400);
      }),
    30_000,
  );

  it.scoped(
    "half-open connections end a read late, a delete in time: nobody waits past the lock",
    () =>
      Effect.gen(function*() {
        const { bucket, put } = yield* world;
        yield* Effect.forEach(["a", "b"], (key) => put(key));
        const proxy = yield* Proxy.make(server.port);
        const storage = yield* open(bucket, { endpoint: `http://127.0.0.1:${proxy.port}` });
        expect(yield* storage.conditionalDelete).toBe(true);
        const targets = yield* targetsOf(storage, ["a", "b"]);
        yield* proxy.blackhole;
        const begun = performance.now();
        expect((yield* storage.remove(targets)).map((one) => one._tag === "Undeleted" ? one.code : one._tag))
          .toEqual(["storage/unavailable", "storage/unavailable"]);
        expect(performance.now() - begun).toBeLessThan(timing.deleting.totalMillis + 500);
        const reading = yield* Effect.fork(storage.read(["a", "b"], 100));
        yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 700)));
        yield* proxy.heal;
        expect((yield* Fiber.join(reading)).map(({ _tag }) => _tag)).toEqual(["Read", "Read"]);
        expect((yield* storage.remove(targets)).map(({ _tag }) => _tag)).toEqual(["Deleted", "Deleted"]);
      }),
    30_000,
  );

  it.scoped("contents and listings that a network cuts off are read again", () =>
    Effect.gen(function*() {
      const { bucket, put } = yield* world;
      yield* Effect.forEach(many.slice(0, 100), (key) => put(key, key.repeat(500)), { concurrency: 32 });
      const proxy = yield* Proxy.make(server.port);
      const storage = yield* open(bucket, { endpoint: `http://127.0.0.1:${proxy.port}` });
      yield* proxy.truncate(3000);
      yield* proxy.reset;
      // Objects of 2 KB and their headers: about one in a connection.
      const outcomes = yield* readAll(storage, many.slice(0, 100), 10_000);
      expect(outcomes.filter((one) => one._tag === "Read").every((one) => one.bytes.length >= 1500)).toBe(true);
      expect(outcomes.filter((one) => one._tag === "Refused").every(({ code }) => code === "storage/truncated")).toBe(
        true,
      );
      yield* proxy.heal;
      const again = yield* readAll(storage, many.slice(0, 100), 10_000);
      expect(again.every((one) => one._tag === "Read")).toBe(true);
    }), 30_000);

  it.scoped("who ends meanwhile is not held up by what is waited for", () =>
    Effect.gen(function*() {
      const { bucket } = yield* world;
      const proxy = yield* Proxy.make(server.port);
      const scope = yield* Scope.make();
      const patient = {
        ...timing,
        pauseMillis: 60_000,
        maxPauseMillis: 60_000,
        reading: { ...timing.reading, totalMillis: 120_000 },
      };
      const storage = yield* S3.make({
        name: "cache-storage",
        config: configOf(server, bucket, { endpoint: `http://127.0.0.1:${proxy.port}` }),
        timing: patient,
      }).pipe(Scope.extend(scope));
      yield* proxy.refuse;
      yield* proxy.reset;
      const reading = yield* Effect.fork(Effect.flip(storage.read(["a"], 100)));
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 300)));
      yield* Scope.close(scope, Exit.void);
      expect((yield* Fiber.join(reading)).reason).toBe("Unavailable");
      expect((yield* Effect.flip(storage.read(["a"], 100))).reason).toBe("Unavailable");
    }), 10_000);

  it.scoped("one that hangs is a failure that says so", () =>
    Effect.gen(function*() {
      const hung = yield* Server.make();
      const bucket = yield* hung.bucket();
      yield* hung.pause;
      // Its threads are stopped one by one.
      yield* Effect.promise(() => new Promise((resolve) => setTimeout(resolve, 300)));
      const fault = yield* Effect.flip(S3.make({ name: "c", config: configOf(hung, bucket), timing }));
      expect(fault).toMatchObject({ reason: "Unavailable", detail: expect.stringContaining("does not answer") });
      yield* hung.resume;
      yield* S3.make({ name: "c", config: configOf(hung, bucket), timing });
    }), 30_000);
});

describe("objects that the server itself cannot serve", () => {
  it.scoped("unreadable costs that object, undeletable stays and is told", () =>
    Effect.gen(function*() {
      const { bucket, put, storage } = yield* world;
      for (const key of ["a/locked", "a/fine", "b/fine"]) yield* put(key);
      const file = (key: string) => path.join(server.dataFolder, bucket, key);
      fs.chmodSync(file("a/locked"), 0o000);
      const outcomes = yield* readAll(storage, ["a/locked", "a/fine", "b/fine"], 100);
      expect(outcomes.map((one) => one._tag === "Refused" ? `${one.outcome} ${one.code}` : one._tag))
        .toEqual([expect.stringMatching(/^failed storage\/(io|denied)$/), "Read", "Read"]);
      const targets = yield* targetsOf(storage, ["a/fine", "b/fine"]);
      fs.chmodSync(file("a"), 0o555);
      expect((yield* storage.remove(targets)).map(({ _tag }) => _tag)).toEqual(["Undeleted", "Deleted"]);
      fs.chmodSync(file("a"), 0o755);
      expect((yield* storage.remove(targets.slice(0, 1))).map(({ _tag }) => _tag)).toEqual(["Deleted"]);
    }));
});

describe("conditions and versions", () => {
  it.scoped("the probe leaves nothing behind, and is not listed", () =>
    Effect.gen(function*() {
      const { bucket, put, storage } = yield* world;
      yield* put("a");
      expect(yield* storage.conditionalDelete).toBe(true);
      expect(yield* server.keys(bucket)).toEqual(["a"]);
    }));

  it.scoped(
    "a bucket that keeps versions: doctor warns, and so does the first delete, once",
    () =>
      Effect.gen(function*() {
        const versioned = yield* Server.make({ versioning: true });
        const bucket = yield* versioned.bucket();
        yield* versioned.put(bucket, "a", "a");
        yield* versioned.put(bucket, "b", "b");
        const storage = yield* S3.make({ name: "cache-storage", config: configOf(versioned, bucket), timing });
        const checks = yield* storage.checkup({ prefix: "", deletes: true });
        expect(checks.find(({ name }) => name === "s3/versioning")).toMatchObject({
          status: "warn",
          detail: expect.stringContaining("frees nothing"),
        });
        const logged: Array<string> = [];
        const targets = yield* targetsOf(storage, ["a", "b"]);
        yield* Effect.forEach(targets, (target) => storage.remove([target])).pipe(
          Effect.provide(
            Logger.replace(Logger.defaultLogger, Logger.make(({ message }) => logged.push(String(message)))),
          ),
        );
        expect(yield* versioned.keys(bucket)).toEqual([]);
        expect(logged).toEqual([expect.stringContaining("keeps versions")]);
      }),
    30_000,
  );
});

describe("doctor", () => {
  it.scoped("what it needs is there: everything passes, by reading and one canary only", () =>
    Effect.gen(function*() {
      const { bucket, put, storage } = yield* world;
      yield* put("store/narinfo/a");
      const checks = yield* storage.checkup({ prefix: "store/narinfo/", deletes: true });
      expect(checks.map(({ name, status }) => `${name} ${status}`)).toEqual([
        "s3/reachable pass",
        "s3/tls pass",
        "s3/read pass",
        "s3/clock pass",
        "s3/versioning pass",
        "s3/conditional-delete pass",
      ]);
      expect(yield* server.keys(bucket)).toEqual(["store/narinfo/a"]);
    }));

  it.scoped("Invariant 10: where nothing is deleted, no canary is written", () =>
    Effect.gen(function*() {
      const { storage } = yield* world;
      const checks = yield* storage.checkup({ prefix: "", deletes: false });
      expect(checks.map(({ name }) => name)).not.toContain("s3/conditional-delete");
    }));

  it.scoped("a server that has gone since is the one thing told", () =>
    Effect.gen(function*() {
      const { bucket } = yield* world;
      const proxy = yield* Proxy.make(server.port);
      const storage = yield* open(bucket, { endpoint: `http://127.0.0.1:${proxy.port}` });
      yield* proxy.refuse;
      yield* proxy.reset;
      expect(yield* storage.checkup({ prefix: "", deletes: true })).toMatchObject([
        { name: "s3/reachable", status: "fail", remedy: expect.any(String) },
      ]);
    }));
});
