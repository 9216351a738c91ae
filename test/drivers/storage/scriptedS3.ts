/** An HTTP server for answers that no S3 server here can be brought to give. */
import { Effect, Redacted, type Scope } from "effect";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { S3StorageConfig } from "../../../src/core/Config.ts";
import * as S3 from "../../../src/drivers/storage/S3.ts";
import { defaultTiming } from "../../../src/drivers/storage/S3Client.ts";

export interface Asked {
  readonly method: string;
  /** Decoded, without the bucket: the object's key. */
  readonly key: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export interface Scripted {
  readonly status?: number;
  readonly headers?: Record<string, string>;
  readonly body?: string;
  /** How the connection ends instead. */
  readonly act?: (response: ServerResponse) => void;
}

export interface ScriptedS3 {
  readonly endpoint: string;
  readonly asked: ReadonlyArray<Asked>;
}

export const error = (status: number, code: string, inside = ""): Scripted => ({
  status,
  body: `<?xml version="1.0"?><Error><Code>${code}</Code><Message>said so</Message>${inside}</Error>`,
});

export const listing = (keys: ReadonlyArray<string>, inside = "<IsTruncated>false</IsTruncated>"): Scripted => ({
  body: `<ListBucketResult>${inside}${
    keys.map((key) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`).join("")
  }</ListBucketResult>`,
});

/** An empty listing is answered without the script: opening asks for one. */
export const scripted = (
  script: (asked: Asked, number: number) => Scripted | undefined,
): Effect.Effect<ScriptedS3, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.async<{ server: Server; s3: ScriptedS3 }>((resume) => {
      const asked: Array<Asked> = [];
      const server = createServer((request, response) => {
        const chunks: Array<Buffer> = [];
        request.on("data", (chunk: Buffer) => chunks.push(chunk)).on("end", () => {
          const url = new URL(request.url!, "http://host");
          const one: Asked = {
            method: request.method!,
            key: decodeURIComponent(url.pathname).split("/").slice(2).join("/"),
            query: url.searchParams,
            headers: request.headers,
            body: Buffer.concat(chunks).toString(),
          };
          const isOpening = one.query.get("list-type") === "2" && one.query.get("max-keys") === "1";
          const answer = script(one, asked.push(one)) ?? (isOpening ? listing([]) : error(404, "NoSuchKey"));
          if (answer.act !== undefined) return answer.act(response);
          response.writeHead(answer.status ?? 200, answer.headers).end(request.method === "HEAD" ? "" : answer.body);
        });
      }).listen(0, "127.0.0.1", () => {
        const { port } = server.address() as AddressInfo;
        resume(Effect.succeed({ server, s3: { endpoint: `http://127.0.0.1:${port}`, asked } }));
      });
    }),
    ({ server }) =>
      Effect.sync(() => {
        server.closeAllConnections();
        server.close();
      }),
  ).pipe(Effect.map(({ s3 }) => s3));

/** Unlikely in any output, so that a leak shows. */
const hush = "s3-hush-1c7d";
const token = "s3-hush-token";

export const config = (endpoint: string): S3StorageConfig => ({
  type: "storage",
  kind: "s3",
  bucket: "b",
  prefix: "",
  endpoint,
  region: "us-east-1",
  accessKeyId: "AKIA",
  secretAccessKey: Redacted.make(hush),
  sessionToken: Redacted.make(token),
  forcePathStyle: true,
  requests: 8,
  tls: undefined,
});

/** Whoever waits here waits in milliseconds. */
export const timing = {
  ...defaultTiming,
  bodyMillis: 2000,
  pauseMillis: 4,
  maxPauseMillis: 20,
  asking: { attempts: 3, totalMillis: 5000, firstByteMillis: 1000 },
  reading: { attempts: 10, totalMillis: 6000, firstByteMillis: 500 },
  deleting: { attempts: 4, totalMillis: 2500, firstByteMillis: 1000 },
};

/** `open` opens the driver on the scripted service. */
export const world = (script: (asked: Asked, number: number) => Scripted | undefined) =>
  Effect.gen(function*() {
    const server = yield* scripted(script);
    const open = S3.make({ name: "cache-storage", config: config(server.endpoint), timing });
    return { server, open };
  });
