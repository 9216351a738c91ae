/** Storage in a bucket of S3, or of a service that works like it. */
import { Effect, type Scope } from "effect";
import type { S3StorageConfig } from "../../core/Config.ts";
import { type ConnectionError, StorageError } from "../../core/Errors.ts";
import type { Storage, Target } from "../../core/Storage.ts";
import * as TlsFiles from "../TlsFiles.ts";
import * as Address from "./S3Address.ts";
import * as Checkup from "./S3Checkup.ts";
import * as Client from "./S3Client.ts";
import * as Credentials from "./S3Credentials.ts";
import * as Delete from "./S3Delete.ts";
import * as Listing from "./S3Listing.ts";
import * as Objects from "./S3Objects.ts";
import * as Probe from "./S3Probe.ts";

const open = async (
  name: string,
  config: S3StorageConfig,
  tls: TlsFiles.Certificates,
  timing: Client.Timing,
): Promise<Client.Client> => {
  const identity = await Credentials.make(config);
  const address = Address.make(config, identity.region);
  if (address === undefined) {
    throw new StorageError({
      reason: "Unusable",
      connection: name,
      detail: "its endpoint is no URL of a service",
      remedy: "Write it like https://s3.example.org:9000, with its scheme, without user or path",
    });
  }
  return Client.make({ name, address, identity, requests: config.requests, tls, timing });
};

/**
 * Opens the bucket and lists one key of it, so that what is wrong with endpoint, credentials, region or bucket is known at once; `name` is
 * the connection's, for errors. `Missing`: no such bucket; `Denied`: the credentials; `Unusable`: a setting, TLS or the clock.
 */
export const make = Effect.fn("S3.make")(function*({ config, name, timing = Client.defaultTiming }: {
  readonly config: S3StorageConfig;
  readonly name: string;
  readonly timing?: Client.Timing;
}): Effect.fn.Return<Storage, ConnectionError | StorageError, Scope.Scope> {
  const tls = yield* TlsFiles.read(name, config.tls);
  const client = yield* Effect.acquireRelease(
    Listing.attempt(() => open(name, config, tls, timing)),
    (client) => Effect.promise(client.close),
  );
  const { identity, prefix } = client.address;
  yield* Listing.attempt(() => Listing.page(client, { "max-keys": "1", prefix }, timing.asking));

  const read = Objects.make(client);
  const probing = yield* Effect.makeSemaphore(1);
  let known: Effect.Effect<Probe.Probed, StorageError> | undefined;
  // Once. A service that is away leaves it unknown; credentials that cannot remove the canary would leave one each time.
  const probed = Effect.suspend(() =>
    known ?? Probe.run(client).pipe(
      Effect.tap((found) => {
        known = Effect.succeed(found);
        return found.mode === "none"
          ? Effect.logWarning(`storage ${name}: no conditional delete: ${found.detail}`)
          : Effect.void;
      }),
      Effect.tapError((fault) =>
        Effect.sync(() => {
          if (fault.reason !== "Unavailable") known = Effect.fail(fault);
        })
      ),
    )
  ).pipe(probing.withPermits(1));

  let warned = false;
  const warnOfMarkers = Effect.suspend(() => {
    if (warned) return Effect.void;
    warned = true;
    return Effect.logWarning(
      `storage ${name}: bucket ${client.place.bucket} keeps versions: a delete hides an object and frees nothing. `
        + "Let a lifecycle rule expire noncurrent versions",
    );
  });

  return {
    identity,
    conditionalDelete: Effect.map(probed, ({ mode }) => mode !== "none"),
    checkup: (needs) => Checkup.run(client, needs, probed),
    partitions: (below) => Listing.partitions(client, below),
    list: (listing) => Listing.list(client, listing),
    read: (keys, maxBytes) =>
      keys.length === 0
        ? Effect.succeed([])
        : Listing.attempt((signal) => read(keys.map((key) => prefix + key), maxBytes, signal)),
    remove: (targets) =>
      targets.length === 0
        ? Effect.succeed([])
        : Effect.gen(function*() {
          const { mode } = yield* probed;
          const results = yield* Listing.attempt(() =>
            Delete.remove(client, mode, targets.map(({ key, origin }): Target => ({ key: prefix + key, origin })))
          );
          if (results.some(({ isMarker }) => isMarker)) yield* warnOfMarkers;
          return results.map(({ outcome }) => outcome);
        }),
    // No folders.
    prune: () => Effect.succeed(0),
  };
});
