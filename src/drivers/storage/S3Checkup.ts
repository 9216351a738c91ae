/** What `doctor` looks at in a bucket. */
import { Effect } from "effect";
import type { Check } from "../../core/Check.ts";
import { StorageError } from "../../core/Errors.ts";
import type { StorageNeeds } from "../../core/Storage.ts";
import type { Client } from "./S3Client.ts";
import * as S3Error from "./S3Error.ts";
import * as Listing from "./S3Listing.ts";
import type { Probed } from "./S3Probe.ts";
import * as Xml from "./S3Xml.ts";

/** Signatures hold for 15 min; what is off by this much is not kept in time by anything. */
const skewToWarnMillis = 2000;

const isLoopback = (origin: string): boolean => /^\w+:\/\/(localhost|127\.|\[::1\])/.test(origin);

/** A failure is the check's answer. */
const checked = (name: string, run: () => Promise<Check>): Effect.Effect<Check> =>
  Listing.attempt(run).pipe(
    Effect.catchAll(({ detail, remedy }) =>
      Effect.succeed<Check>({ name, status: "fail", detail, ...(remedy === undefined ? {} : { remedy }) })
    ),
  );

const pass = (name: string, detail: string): Check => ({ name, status: "pass", detail });
const warn = (name: string, detail: string, remedy: string): Check => ({ name, status: "warn", detail, remedy });

const reachable = (client: Client): Effect.Effect<Check> =>
  checked("s3/reachable", async () => {
    await Listing.page(client, { "max-keys": "1", prefix: client.address.prefix }, client.timing.asking);
    const { bucket, origin, region } = client.place;
    return pass("s3/reachable", `bucket ${bucket} at ${origin}, region ${region}`);
  });

const transport = ({ place: { origin } }: Client): Check =>
  origin.startsWith("https:") || isLoopback(origin)
    ? pass("s3/tls", origin.startsWith("https:") ? "TLS, certificate verified" : "none, on this machine")
    : warn("s3/tls", "requests and contents go over the network in the clear", "Use an https endpoint");

const readable = (client: Client, prefix: string): Effect.Effect<Check> =>
  checked("s3/read", async () => {
    const { asking } = client.timing;
    const { objects } = await Listing.page(
      client,
      { "max-keys": "1", prefix: client.address.prefix + prefix },
      asking,
    );
    const first = objects[0];
    if (first === undefined) return pass("s3/read", `there is nothing under ${JSON.stringify(prefix)}`);
    const answer = await client.request({ method: "GET", key: first.key, admits: () => false }, asking);
    if (answer.refusedBytes === undefined) throw S3Error.ofAnswer(client.place, answer, "read objects");
    return pass("s3/read", `listed and read under ${JSON.stringify(prefix)}`);
  });

const clock = (client: Client): Effect.Effect<Check> =>
  checked("s3/clock", async () => {
    const answer = await client.request({ method: "HEAD" }, client.timing.asking);
    const skew = S3Error.skewMillis(answer);
    // The header has whole seconds.
    return skew === undefined || Math.abs(skew) <= skewToWarnMillis
      ? pass("s3/clock", skew === undefined ? "the server tells no time" : "in step with the server's")
      : warn("s3/clock", S3Error.skewText(skew), "Set the clock (NTP): at 15 min signatures are refused");
  });

const versioning = (client: Client, deletes: boolean): Effect.Effect<Check> =>
  checked("s3/versioning", async () => {
    const answer = await client.request({ method: "GET", query: { versioning: "" } }, client.timing.asking);
    if (answer.status >= 300) {
      return pass("s3/versioning", `not known: ${S3Error.refusal(answer).code ?? `HTTP ${answer.status}`}`);
    }
    const status = Xml.textOf(Xml.parse(Buffer.from(answer.body).toString("utf8")), "Status");
    return status === undefined || !deletes
      ? pass("s3/versioning", status === undefined ? "off" : status)
      : warn(
        "s3/versioning",
        `${status}: a delete hides an object behind a marker and frees nothing`,
        "Let a lifecycle rule expire noncurrent versions",
      );
  });

const conditionalDelete = (probed: Effect.Effect<Probed, StorageError>): Effect.Effect<Check> =>
  Effect.match(probed, {
    onFailure: ({ detail, remedy }): Check => ({
      name: "s3/conditional-delete",
      status: "fail",
      detail,
      ...(remedy === undefined ? {} : { remedy }),
    }),
    onSuccess: ({ detail, mode }) =>
      mode === "none"
        ? warn(
          "s3/conditional-delete",
          detail,
          "Write withoutConditionalDelete: head-compare where nobody rewrites objects under their keys, else run with --keep",
        )
        : pass("s3/conditional-delete", detail),
  });

/** Nothing more is asked of a bucket that cannot be listed. */
export const run = (
  client: Client,
  { deletes, prefix }: StorageNeeds,
  probed: Effect.Effect<Probed, StorageError>,
): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function*() {
    const first = yield* reachable(client);
    if (first.status === "fail") return [first];
    return [
      first,
      transport(client),
      yield* readable(client, prefix),
      yield* clock(client),
      yield* versioning(client, deletes),
      ...(deletes ? [yield* conditionalDelete(probed)] : []),
    ];
  });
