import { Effect, Exit, Scope } from "effect";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RunReport } from "../../src/engine/Report.ts";
import * as Server from "../support/servers/S3.ts";
import * as Cache from "./Cache.ts";
import { pipeline } from "./Pipeline.ts";

const scope = Effect.runSync(Scope.make());
let server: Server.S3;
beforeAll(async () => {
  server = await Effect.runPromise(Scope.extend(Server.make(), scope));
}, 300_000);
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)));

/** A cache whose narinfos lie in a bucket, with the variables that ncps has for it. */
const inBucket = async (narinfos: number, broken: ReadonlyArray<(text: string) => string> = []) => {
  const cache = Cache.make({ narinfos: 0 });
  const bucket = await Effect.runPromise(server.bucket());
  const texts = new Map<string, string>();
  for (let number = 0; number < narinfos + broken.length; number++) {
    const { key, text } = Cache.narinfo(number);
    texts.set(key, number < narinfos ? text : broken[number - narinfos]!(text));
  }
  // Beside them lies what is none of the pipeline's business.
  texts.set("store/nar/0/00/other.nar.xz", "nar");
  texts.set("config/cache.key", "key");
  await Effect.runPromise(
    Effect.forEach(texts, ([key, text]) => server.put(bucket, key, Buffer.from(text)), { concurrency: 32 }),
  );
  const env = {
    CACHE_DATABASE_URL: `sqlite:${cache.database}`,
    CACHE_STORAGE_S3_BUCKET: bucket,
    CACHE_STORAGE_S3_ENDPOINT: server.endpoint,
    CACHE_STORAGE_S3_REGION: server.region,
    CACHE_STORAGE_S3_ACCESS_KEY_ID: server.accessKeyId,
    CACHE_STORAGE_S3_SECRET_ACCESS_KEY: server.secretAccessKey,
  };
  return { root: cache.root, rows: cache.rows, env, bucket, keys: () => Effect.runPromise(server.keys(bucket)) };
};

const beside = ["config/cache.key", "store/nar/0/00/other.nar.xz"];

describe("narinfo-to-db from a bucket", () => {
  it(
    "thousands move: the ledger closes, the bucket keeps what is not theirs, a second run has nothing to do",
    async () => {
      const cache = await inBucket(3000);
      const report = join(cache.root, "report.json");
      const first = await pipeline(cache, ["run", "narinfo-to-db", "--report", report]);
      expect(first).toMatchObject({ code: 0, stderr: "" });
      const { ledger }: RunReport = JSON.parse(readFileSync(report, "utf8"));
      expect(ledger).toMatchObject({
        listed: 3000,
        committed: 3000,
        deleted: 3000,
        changed: 0,
        undeleted: 0,
        failed: 0,
      });
      expect(cache.rows("narinfos")).toBe(3000);
      expect(await cache.keys()).toEqual(beside);
      const second = await pipeline(cache, ["run", "narinfo-to-db"]);
      expect(second.code).toBe(0);
      expect(second.stdout).toContain("nothing to do");
    },
    120_000,
  );

  it("what cannot be accepted stays in the bucket; a dry run and a plan leave it as it is", async () => {
    const cache = await inBucket(20, [Cache.truncated, Cache.withUnknownKey]);
    const before = await cache.keys();
    expect(await pipeline(cache, ["run", "narinfo-to-db", "--dry-run"])).toMatchObject({ code: 1 });
    expect(await pipeline(cache, ["plan", "narinfo-to-db"])).toMatchObject({ code: 0 });
    expect(await cache.keys()).toEqual(before);
    expect(await pipeline(cache, ["run", "narinfo-to-db"])).toMatchObject({ code: 1, stderr: "" });
    expect(cache.rows("narinfos")).toBe(20);
    expect(await cache.keys()).toHaveLength(2 + beside.length);
  }, 60_000);

  it(
    "wrong credentials end it before anything is written, by the exit code of the surroundings, and no secret is shown",
    async () => {
      const cache = await inBucket(1);
      const ended = await pipeline(cache, ["run", "narinfo-to-db"], {
        env: { CACHE_STORAGE_S3_SECRET_ACCESS_KEY: "s3-hush-wrong" },
      });
      expect(ended.code).toBe(3);
      expect(ended.stdout + ended.stderr).toContain("Set secretAccessKey anew");
      expect(ended.stdout + ended.stderr).not.toContain("s3-hush");
      expect(cache.rows("narinfos")).toBe(0);
    },
    60_000,
  );

  it("without an access key the SDK's chain gives the credentials: variables, and a profile's file", async () => {
    const cache = await inBucket(1);
    const unset = { CACHE_STORAGE_S3_ACCESS_KEY_ID: "", CACHE_STORAGE_S3_SECRET_ACCESS_KEY: "" };
    const nothing = { AWS_EC2_METADATA_DISABLED: "true", AWS_CONFIG_FILE: join(cache.root, "none") };
    const file = join(cache.root, "credentials");
    writeFileSync(
      file,
      `[nix]\naws_access_key_id = ${server.accessKeyId}\naws_secret_access_key = ${server.secretAccessKey}\n`,
    );
    for (
      const given of [
        { AWS_ACCESS_KEY_ID: server.accessKeyId, AWS_SECRET_ACCESS_KEY: server.secretAccessKey },
        { AWS_PROFILE: "nix", AWS_SHARED_CREDENTIALS_FILE: file },
      ]
    ) {
      const env = { ...unset, ...nothing, ...given };
      expect(await pipeline(cache, ["plan", "narinfo-to-db"], { env })).toMatchObject({ code: 0, stderr: "" });
    }
    const none = await pipeline(cache, ["plan", "narinfo-to-db"], {
      env: { ...unset, ...nothing, AWS_SHARED_CREDENTIALS_FILE: join(cache.root, "none") },
    });
    expect(none.code).toBe(3);
    expect(none.stderr + none.stdout).toContain("there are no credentials");
  }, 60_000);

  it("doctor finds all that the pipeline needs, and leaves the bucket as it was", async () => {
    const cache = await inBucket(2);
    const before = await cache.keys();
    const { stdout } = await pipeline(cache, ["doctor", "narinfo-to-db"]);
    for (const check of ["reachable", "read", "clock", "conditional-delete"]) expect(stdout).toContain(`s3/${check}`);
    expect(await cache.keys()).toEqual(before);
  }, 60_000);
});
