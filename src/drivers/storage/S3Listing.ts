/** Keys of a bucket, page by page. */
import { Effect, Option, Stream } from "effect";
import { StorageError } from "../../core/Errors.ts";
import { comparePositions } from "../../core/Item.ts";
import type { Entry } from "../../core/Storage.ts";
import type { Client } from "./S3Client.ts";
import * as S3Error from "./S3Error.ts";
import * as Xml from "./S3Xml.ts";

/** As many as services give. */
const pageKeys = 1000;

/** Pages asked for while the consumer is busy with one. */
const pagesAhead = 1;

/** Where canaries live for a moment, below the connection's prefix; never listed. */
export const canaryFolder = ".ncps-pipeline-probe/";

export interface Page {
  readonly objects: ReadonlyArray<{ readonly key: string; readonly bytes: number }>;
  /** With `delimiter` only: what stands before the next slash, with it. */
  readonly folders: ReadonlyArray<string>;
  /** How to ask for the next; absent at the end. */
  readonly next?: { readonly "continuation-token": string } | { readonly "start-after": string };
}

const broken = (client: Client, detail: string): StorageError =>
  new StorageError({
    reason: "Unusable",
    connection: client.place.connection,
    detail,
    remedy: "Use a service that lists as S3's ListObjectsV2 does",
  });

const decode = (text: string): string => decodeURIComponent(text.replaceAll("+", "%20"));

/** One page; `query` is ListObjectsV2's. Rejects with a StorageError. */
export const page = async (
  client: Client,
  query: Readonly<Record<string, string>>,
  patience = client.timing.reading,
): Promise<Page> => {
  const answer = await client.request({
    method: "GET",
    query: { "list-type": "2", "encoding-type": "url", "max-keys": String(pageKeys), ...query },
  }, patience);
  if (answer.status >= 300) throw S3Error.ofAnswer(client.place, answer, "list the bucket");
  const root = Xml.parse(Buffer.from(answer.body.buffer, answer.body.byteOffset, answer.body.length).toString("utf8"));
  if (root?.name !== "ListBucketResult") {
    throw S3Error.ofAnswer(client.place, { ...answer, status: 200 }, "list the bucket");
  }
  const read = Xml.textOf(root, "EncodingType") === "url" ? decode : (text: string) => text;
  const objects: Array<{ key: string; bytes: number }> = [];
  const folders: Array<string> = [];
  try {
    for (const element of root.children) {
      if (element.name === "Contents") {
        const key = Xml.textOf(element, "Key");
        if (key === undefined || key === "") throw new URIError("an object without a key");
        objects.push({ key: read(key), bytes: Number(Xml.textOf(element, "Size") ?? 0) });
      } else if (element.name === "CommonPrefixes") folders.push(read(Xml.textOf(element, "Prefix") ?? ""));
    }
  } catch (cause) {
    if (cause instanceof URIError) throw broken(client, `a key that cannot be read: ${cause.message}`);
    throw cause;
  }
  if (Xml.textOf(root, "IsTruncated") !== "true") return { objects, folders };
  const token = Xml.textOf(root, "NextContinuationToken");
  const last = objects.at(-1);
  if (token !== undefined && token !== "") return { objects, folders, next: { "continuation-token": token } };
  if (last === undefined) throw broken(client, "it says that there are more keys, but not how to ask for them");
  return { objects, folders, next: { "start-after": last.key } };
};

/** Runs promises that reject with a StorageError; anything else is a bug in here. */
export const attempt = <A>(run: (signal: AbortSignal) => Promise<A>): Effect.Effect<A, StorageError> =>
  Effect.tryPromise({ try: run, catch: (error) => error }).pipe(
    Effect.catchAll((error) => error instanceof StorageError ? Effect.fail(error) : Effect.die(error)),
  );

/**
 * What keys under the prefix go on with, one code point each: so a partition holds the folders and the stray objects alike, no two overlap,
 * and all together they are what a local folder of the same content gives.
 */
export const partitions = (client: Client, prefix: string): Effect.Effect<ReadonlyArray<string>, StorageError> =>
  Effect.map(
    attempt(() => page(client, { prefix: client.address.prefix + prefix, delimiter: "/" })),
    ({ folders, next, objects }) => {
      const start = client.address.prefix.length + prefix.length;
      const names = [...folders, ...objects.map(({ key }) => key)].map((key) => key.slice(start));
      const firsts = new Set(
        names.filter((name) => !(prefix + name).startsWith(canaryFolder)).map((name) =>
          name === "" ? "" : String.fromCodePoint(name.codePointAt(0)!)
        ),
      );
      // An object named like the prefix itself, or more names than one page: not to be divided.
      return firsts.size < 2 || firsts.has("") || next !== undefined
        ? [prefix]
        : [...firsts].sort(comparePositions).map((first) => prefix + first);
    },
  );

/** Keys of the listing, relative to the connection's prefix, one page in each element; a page is asked for while one is worked on. */
export const list = (
  client: Client,
  { after, prefix, suffix }: { readonly prefix: string; readonly suffix: string; readonly after?: string },
): Stream.Stream<ReadonlyArray<Entry>, StorageError> =>
  Stream.suspend(() => {
    const root = client.address.prefix;
    let last = after === undefined ? "" : root + after;

    const entriesOf = (objects: Page["objects"]): ReadonlyArray<Entry> => {
      const entries: Array<Entry> = [];
      for (const { bytes, key } of objects) {
        if (comparePositions(key, last) <= 0) {
          throw broken(client, `it lists ${JSON.stringify(key)} after ${JSON.stringify(last)}, not in byte order`);
        }
        last = key;
        const relative = key.slice(root.length);
        const isFolder = bytes === 0 && key.endsWith("/");
        if (relative.endsWith(suffix) && !isFolder && !relative.startsWith(canaryFolder)) {
          entries.push({ key: relative });
        }
      }
      return entries;
    };

    return Stream.paginateEffect(
      (last === "" ? {} : { "start-after": last }) as Readonly<Record<string, string>>,
      (position) =>
        attempt(async () => {
          const { next, objects } = await page(client, { prefix: root + prefix, ...position });
          return [entriesOf(objects), next === undefined ? Option.none() : Option.some(next)] as const;
        }),
    );
  }).pipe(
    Stream.filter((entries) => entries.length > 0),
    Stream.buffer({ capacity: pagesAhead }),
  );
