import { Effect, Exit, Redacted, Scope } from "effect";
import { afterAll, beforeAll } from "vitest";
import type { S3StorageConfig } from "../../../src/core/Config.ts";
import * as S3 from "../../../src/drivers/storage/S3.ts";
import { storageContract } from "../../contract/storage.ts";
import * as Server from "../../support/servers/S3.ts";

const scope = Effect.runSync(Scope.make());
let server: Server.S3;
beforeAll(async () => {
  server = await Effect.runPromise(Scope.extend(Server.make(), scope));
}, 300_000);
afterAll(() => Effect.runPromise(Scope.close(scope, Exit.void)));

const config = (bucket: string, settings: Partial<S3StorageConfig> = {}): S3StorageConfig => ({
  type: "storage",
  kind: "s3",
  bucket,
  prefix: "",
  endpoint: server.endpoint,
  region: server.region,
  accessKeyId: server.accessKeyId,
  secretAccessKey: Redacted.make(server.secretAccessKey),
  sessionToken: undefined,
  forcePathStyle: true,
  requests: 32,
  tls: undefined,
  ...settings,
});

storageContract(
  "S3 on versitygw",
  Effect.gen(function*() {
    const bucket = yield* server.bucket();
    const storage = yield* S3.make({ name: "cache-storage", config: config(bucket) });
    return { storage, put: (key, content) => server.put(bucket, key, Buffer.from(content)) };
  }),
  { folders: false, checks: false, absent: "Deleted" },
);
