/** What a service does with a condition on a delete can only be tried: some ignore it and delete. Tried on a canary, never on an object. */
import { Effect } from "effect";
import { randomUUID } from "node:crypto";
import { StorageError } from "../../core/Errors.ts";
import type { Answer, Client } from "./S3Client.ts";
import * as Delete from "./S3Delete.ts";
import * as S3Error from "./S3Error.ts";
import { attempt, canaryFolder } from "./S3Listing.ts";

export interface Probed {
  readonly mode: Delete.Mode;
  /** What was found, for `doctor`. */
  readonly detail: string;
}

/** No object's: a multipart ETag has a dash, and nobody's MD5 is this. */
const wrongEtag = '"00000000000000000000000000000000"';

const isDenied = (answer: Answer): boolean => S3Error.refusal(answer).code === "AccessDenied";

const probe = (client: Client, key: string) => {
  const { place, timing } = client;

  const mayNotDelete = (): StorageError =>
    new StorageError({
      reason: "Denied",
      connection: place.connection,
      key,
      detail: "these credentials may not delete; the canary stays",
      remedy: "Grant what docs/guides/s3.md lists, or run with --keep",
    });

  const put = async (): Promise<string | undefined> => {
    const answer = await client.request(
      { method: "PUT", key, body: Buffer.from("canary of ncps-pipeline\n") },
      timing.asking,
    );
    if (answer.status < 300) return S3Error.header(answer, "etag");
    if (isDenied(answer)) return undefined;
    throw S3Error.ofAnswer(place, answer, "write a canary");
  };

  const look = async (): Promise<number> => (await client.request({ method: "HEAD", key }, timing.asking)).status;

  /** Why not to rely on DELETE: with a wrong ETag it must be refused, and the canary be there still. */
  const doubt = async (): Promise<string | undefined> => {
    const answer = await Delete.deleteOne(client, key, wrongEtag);
    if (isDenied(answer)) throw mayNotDelete();
    if (answer.status !== 412) return "a DELETE with a wrong ETag is not refused with 412: the condition is ignored";
    const status = await look();
    if (status === 200) return undefined;
    return status === 404
      ? "a DELETE with a wrong ETag is refused, and deletes all the same"
      : `not known: HTTP ${status} when looking at the canary; grant s3:GetObject on ${key}`;
  };

  const comparesBatch = async (): Promise<boolean> => {
    const answers = await Delete.deleteBatch(client, [{ key, origin: { version: wrongEtag, sha256: "" } }]);
    const found = answers instanceof Map ? answers.get(key) : undefined;
    return found !== undefined && found !== "retry" && found.outcome._tag === "Changed" && (await look()) === 200;
  };

  /** Whether the right ETag does delete. */
  const deletes = async (mode: Delete.Mode, version: string): Promise<boolean> => {
    await Delete.remove(client, mode, [{ key, origin: { version, sha256: "" } }]);
    return (await look()) !== 200;
  };

  return async (): Promise<Probed> => {
    const first = await put();
    if (first === undefined) {
      return { mode: "none", detail: `not tried: these credentials may not write a canary to ${key}` };
    }
    const doubted = await doubt();
    if (doubted !== undefined) return { mode: "none", detail: doubted };
    const compares = await comparesBatch();
    // A service that ignores it in a batch has deleted the canary.
    const version = compares ? first : await put();
    const mode = compares ? "batch" : "single";
    if (version === undefined || !(await deletes(mode, version))) {
      return { mode: "none", detail: "a DELETE with the right ETag is refused" };
    }
    return {
      mode,
      detail: compares
        ? "in batches: DeleteObjects compares each ETag"
        : "one by one: DELETE compares the ETag, DeleteObjects ignores it",
    };
  };
};

/** Tries; the canary is removed whatever happens. Where none can be written nothing is known, and `none` is the answer. */
export const run = (client: Client): Effect.Effect<Probed, StorageError> =>
  Effect.suspend(() => {
    const key = `${client.address.prefix}${canaryFolder}${randomUUID()}`;
    return attempt(probe(client, key)).pipe(
      Effect.ensuring(Effect.ignore(attempt(() => Delete.deleteOne(client, key, undefined)))),
      Effect.uninterruptible,
    );
  });
