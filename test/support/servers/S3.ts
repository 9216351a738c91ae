/** A private S3 server: versitygw over a folder, or the one of S3_TEST_ENDPOINT where nothing is done to the server itself. */
import {
  CreateBucketCommand,
  ListObjectsV2Command,
  PutBucketVersioningCommand,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import type { Scope } from "effect";
import { Effect } from "effect";
import { mkdirSync, readFileSync } from "node:fs";
import { Agent } from "node:https";
import { join } from "node:path";
import * as ServerProcess from "./ServerProcess.ts";
import * as Tls from "./Tls.ts";
import * as Versitygw from "./Versitygw.ts";

export interface Options {
  readonly tls?: boolean;
  /** Buckets keep versions: a delete leaves a marker. */
  readonly versioning?: boolean;
}

/** What a bucket needs; any server has it. */
interface Service {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Name of a fresh bucket. */
  readonly bucket: () => Effect.Effect<string>;
  readonly put: (bucket: string, key: string, bytes: Uint8Array | string) => Effect.Effect<void>;
  readonly keys: (bucket: string) => Effect.Effect<ReadonlyArray<string>>;
}

export interface S3 extends Service, ServerProcess.ServerProcess {
  readonly port: number;
  /** An object is the file `<dataFolder>/<bucket>/<key>`, of the user who may not do everything. */
  readonly dataFolder: string;
  readonly tls: Tls.Tls | undefined;
}

const region = "us-east-1";
let buckets = 0;

const service = (
  settings: Pick<Service, "endpoint" | "region" | "accessKeyId" | "secretAccessKey">,
  options: { readonly caFile?: string | undefined; readonly versioning?: boolean | undefined },
): Effect.Effect<Service, never, Scope.Scope> =>
  Effect.gen(function*() {
    const client = yield* Effect.acquireRelease(
      Effect.sync(() =>
        new S3Client({
          endpoint: settings.endpoint,
          region: settings.region,
          credentials: { accessKeyId: settings.accessKeyId, secretAccessKey: settings.secretAccessKey },
          forcePathStyle: true,
          requestChecksumCalculation: "WHEN_REQUIRED",
          ...(options.caFile === undefined
            ? {}
            : {
              requestHandler: new NodeHttpHandler({ httpsAgent: new Agent({ ca: readFileSync(options.caFile) }) }),
            }),
        })
      ),
      (client) => Effect.sync(() => client.destroy()),
    );
    return {
      ...settings,
      bucket: () =>
        Effect.promise(async () => {
          const Bucket = `test-${process.pid}-${Date.now()}-${buckets++}`;
          await client.send(new CreateBucketCommand({ Bucket }));
          if (options.versioning === true) {
            await client.send(
              new PutBucketVersioningCommand({ Bucket, VersioningConfiguration: { Status: "Enabled" } }),
            );
          }
          return Bucket;
        }),
      put: (Bucket, Key, Body) => Effect.promise(() => client.send(new PutObjectCommand({ Bucket, Key, Body }))),
      keys: (Bucket) =>
        Effect.promise(async () => {
          const keys: Array<string> = [];
          for (let StartAfter: string | undefined;;) {
            const page = await client.send(
              new ListObjectsV2Command({ Bucket, ...(StartAfter === undefined ? {} : { StartAfter }) }),
            );
            for (const { Key } of page.Contents ?? []) keys.push(Key!);
            if (page.IsTruncated !== true) return keys;
            StartAfter = keys.at(-1);
          }
        }),
    };
  });

/** The server that the variables name, else a private one. For tests that do nothing to the server itself. */
export const any = (): Effect.Effect<Service, never, Scope.Scope> => {
  const endpoint = process.env["S3_TEST_ENDPOINT"];
  return endpoint === undefined ? make() : service({
    endpoint,
    region: process.env["S3_TEST_REGION"] ?? region,
    accessKeyId: process.env["S3_TEST_ACCESS_KEY_ID"] ?? "",
    secretAccessKey: process.env["S3_TEST_SECRET_ACCESS_KEY"] ?? "",
  }, {});
};

export const make = (options: Options = {}): Effect.Effect<S3, never, Scope.Scope> =>
  Effect.gen(function*() {
    const program = Versitygw.path();
    const folder = yield* ServerProcess.folder("s3");
    const port = yield* Effect.promise(ServerProcess.freePort);
    const tls = options.tls === true ? Tls.make(folder) : undefined;
    const [dataFolder, versions] = ["data", "versions"].map((name) => {
      const path = join(folder, name);
      mkdirSync(path);
      ServerProcess.give(path);
      return path;
    }) as [string, string];
    const accessKeyId = "testkey";
    // Unlikely in any output, so that a leak shows.
    const secretAccessKey = "s3-hush-9b41";
    const server = yield* ServerProcess.make({
      folder,
      program,
      args: [
        "--port",
        `127.0.0.1:${port}`,
        "--keep-alive",
        "--quiet",
        ...(tls === undefined ? [] : ["--cert", tls.certFile, "--key", tls.keyFile]),
        "posix",
        ...(options.versioning === true ? ["--versioning-dir", versions] : []),
        dataFolder,
      ],
      env: { ROOT_ACCESS_KEY: accessKeyId, ROOT_SECRET_KEY: secretAccessKey },
      isReady: () => ServerProcess.accepts(port),
      stopSignal: "SIGTERM",
      abortSignal: "SIGKILL",
    });
    const endpoint = `${tls === undefined ? "http" : "https"}://127.0.0.1:${port}`;
    const buckets = yield* service({ endpoint, region, accessKeyId, secretAccessKey }, {
      caFile: tls?.caFile,
      versioning: options.versioning,
    });
    return { ...server, ...buckets, port, dataFolder, tls };
  });
