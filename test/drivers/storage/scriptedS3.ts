/** An HTTP server for answers that no S3 server here can be brought to give. */
import { Effect, type Scope } from "effect";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

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
