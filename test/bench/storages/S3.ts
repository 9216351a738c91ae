/** A bucket of versitygw. What it can do at most are bare parallel GETs: a pool of connections, signed requests, bodies thrown away. */
import { Effect } from "effect";
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { Pool } from "undici";
import * as Signer from "../../../src/drivers/storage/S3Signer.ts";
import * as Server from "../../support/servers/S3.ts";
import * as ValidNarinfos from "../../support/ValidNarinfos.ts";
import * as Folders from "../Folders.ts";
import * as Process from "../Process.ts";
import type { BareReads, Storage } from "../Storage.ts";

/** Measured: more gain nothing on loopback. */
const connections = 32;

interface Bucket {
  readonly endpoint: string;
  readonly region: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly bucket: string;
}

/** A signed request for each key, `connections` at a time. */
const all = async (
  { accessKeyId, bucket, endpoint, region, secretAccessKey }: Bucket,
  method: "GET" | "PUT",
  count: number,
  at: (index: number) => { readonly key: string; readonly body?: Uint8Array },
): Promise<void> => {
  const pool = new Pool(endpoint, { connections, pipelining: 1 });
  const sign = Signer.make(region);
  const { host } = new URL(endpoint);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < count) {
      const { body, key } = at(next++);
      const { headers, path } = sign(
        { method, host, path: `/${bucket}/${key}`, query: {}, headers: {}, body },
        { accessKeyId, secretAccessKey },
        Date.now(),
      );
      const answer = await pool.request({ method, path, headers, body: body ?? null });
      await answer.body.arrayBuffer();
      if (answer.statusCode !== 200) throw new Error(`${method} ${key}: ${answer.statusCode}`);
    }
  };
  await Promise.all(Array.from({ length: connections }, worker));
  await pool.close();
};

const encoder = new TextEncoder();

/** In the order of keys, as a listing gives them. */
const readBare = async ({ items, ...bucket }: Bucket & { readonly items: number }): Promise<BareReads> => {
  const keys = Array.from({ length: items }, (_, number) => ValidNarinfos.at(number, items).key).sort();
  const begun = performance.now();
  const cpuBefore = process.cpuUsage();
  await all(bucket, "GET", items, (index) => ({ key: keys[index]! }));
  const millis = performance.now() - begun;
  const { system, user } = process.cpuUsage(cpuBefore);
  return { millis, cpuMillis: (system + user) / 1000 };
};

export const storage: Storage = {
  open: (folder) =>
    Effect.gen(function*() {
      const server = yield* Folders.within(folder, Server.make());
      const { accessKeyId, endpoint, region, secretAccessKey } = server;
      const bucket = yield* server.bucket();
      const place: Bucket = { endpoint, region, accessKeyId, secretAccessKey, bucket };
      return {
        env: {
          CACHE_STORAGE_S3_BUCKET: bucket,
          CACHE_STORAGE_S3_ENDPOINT: endpoint,
          CACHE_STORAGE_S3_REGION: region,
          CACHE_STORAGE_S3_ACCESS_KEY_ID: accessKeyId,
          CACHE_STORAGE_S3_SECRET_ACCESS_KEY: secretAccessKey,
          CACHE_STORAGE_S3_FORCE_PATH_STYLE: "true",
        },
        fill: async (items) => {
          await all(place, "PUT", items, (number) => {
            const { key, text } = ValidNarinfos.at(number, items);
            return { key, body: encoder.encode(text) };
          });
          spawnSync("sync");
        },
        left: async () => {
          const keys = await Effect.runPromise(server.keys(bucket));
          return keys.filter((key) => key.endsWith(".narinfo")).length;
        },
        cpuMillis: () => Process.cpuMillisIn(dirname(server.dataFolder)),
        bare: place,
      };
    }),
  readBare,
};
