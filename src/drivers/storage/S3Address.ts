/** Where the objects of a bucket are asked for. */
import type { S3StorageConfig } from "../../core/Config.ts";

export interface Address {
  /** Scheme, host and port that requests go to, and to no other. */
  readonly origin: string;
  readonly host: string;
  /** Path of the bucket, encoded; an object's path is this and its encoded key. */
  readonly path: string;
  readonly bucket: string;
  /** What every key starts with. */
  readonly prefix: string;
  /** Without secrets. */
  readonly identity: string;
}

/** The services that minio-go, ncps' client, addresses by host; all others understand the path. */
const byHost = /(^|\.)(amazonaws\.com(\.cn)?|aliyuncs\.com|storage\.googleapis\.com)$/;

/** A name with a dot matches no wildcard certificate. */
const hostName = /^[a-z0-9][a-z0-9-]{1,61}[a-z0-9]$/;

const notPlain = /[^A-Za-z0-9\-._~/]/;

/** RFC 3986, `/` kept, as signatures want it. */
export const encodeKey = (key: string): string => notPlain.test(key) ? key.split("/").map(encode).join("/") : key;

/** RFC 3986 of one part. */
export const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`);

const awsEndpoint = (region: string): string =>
  `https://s3.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;

/** `undefined` where the endpoint is no URL of a service: without a scheme, or with a user, path or query. */
export const make = (
  { bucket, endpoint, forcePathStyle, prefix }: Pick<
    S3StorageConfig,
    "bucket" | "endpoint" | "forcePathStyle" | "prefix"
  >,
  region: string,
): Address | undefined => {
  const text = endpoint === "" ? awsEndpoint(region) : endpoint;
  if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return undefined;
  const url = new URL(text);
  if (url.username !== "" || url.password !== "" || url.pathname !== "/" || url.search !== "") return undefined;
  // An endpoint that starts with the bucket's name addresses it already.
  const named = !forcePathStyle && url.hostname.startsWith(`${bucket}.`);
  const inHost = named || (!forcePathStyle && byHost.test(url.hostname) && hostName.test(bucket));
  const host = inHost && !named ? `${bucket}.${url.host}` : url.host;
  return {
    origin: `${url.protocol}//${host}`,
    host,
    path: inHost ? "/" : `/${encode(bucket)}/`,
    bucket,
    prefix,
    identity: `s3://${named ? url.host.slice(bucket.length + 1) : url.host}/${bucket}/${prefix}`,
  };
};
