/** Reading whole objects, many at once. */
import { hash } from "node:crypto";
import { StorageError } from "../../core/Errors.ts";
import type { ReadOutcome } from "../../core/Storage.ts";
import type { Answer, Client } from "./S3Client.ts";
import * as S3Error from "./S3Error.ts";

/** Invariant 4: what one call may hold; enough that objects of 1 MiB come 32 at once. */
const callBytes = 32 * 1024 * 1024;

/** Where this many in a row are refused alike, it is not the objects. */
const enoughToBlameStore = 8;

interface Read {
  readonly outcome: ReadOutcome;
  /** What it would be if it were not for this object alone. */
  readonly suspicion?: StorageError;
}

const refused = (outcome: "rejected" | "failed", code: string, reason: string): ReadOutcome => ({
  _tag: "Refused",
  outcome,
  code,
  reason,
});

/** Faults of the store are thrown; those that may be of this object alone are answered. */
const read = (client: Client, answer: Answer, maxBytes: number): Read => {
  const { body, refusedBytes, status } = answer;
  if (refusedBytes !== undefined) {
    return {
      outcome: refused(
        "rejected",
        "storage/too-large",
        `it has ${refusedBytes} bytes, more than the ${maxBytes} allowed`,
      ),
    };
  }
  if (status < 300) {
    const version = S3Error.header(answer, "etag");
    if (version === undefined || version === "") {
      return {
        outcome: refused("failed", "storage/no-etag", "the service tells no ETag, by which a change could be seen"),
      };
    }
    return { outcome: { _tag: "Read", bytes: body, origin: { version, sha256: hash("sha256", body, "hex") } } };
  }
  const { code, message } = S3Error.refusal(answer);
  const said = message === "" ? String(code) : `${code}: ${message}`;
  switch (code) {
    case "NoSuchKey":
      return { outcome: { _tag: "Gone" } };
    case S3Error.truncated.code:
      return { outcome: refused("failed", "storage/truncated", "its content is cut short each time; run again later") };
    case "AccessDenied":
      return {
        outcome: refused("failed", "storage/denied", "these credentials may not read it; grant s3:GetObject on it"),
        suspicion: S3Error.ofAnswer(client.place, answer, "read its objects"),
      };
    case "InvalidObjectState":
      return {
        outcome: refused("failed", "storage/archived", "it lies in an archive class; restore it, then run again"),
      };
    case "KeyTooLongError":
      return { outcome: refused("rejected", "storage/bad-key", said) };
    case "InternalError":
      return {
        outcome: refused("failed", "storage/io", `it cannot be read (${said}); run again later`),
        suspicion: S3Error.ofAnswer(client.place, answer, "read its objects"),
      };
    default:
      // An object may be encrypted with a key that is gone.
      if (code?.startsWith("KMS.")) {
        return { outcome: refused("failed", "storage/encrypted", `it cannot be decrypted (${said})`) };
      }
      throw S3Error.ofAnswer(client.place, answer, "read its objects");
  }
};

/** Answers for the first keys, at least one. `keys` are the bucket's. */
export const make = (client: Client) => {
  /** Largest object of the last call: objects under one prefix are of a kind. */
  let largest = 0;

  return async (
    keys: ReadonlyArray<string>,
    maxBytes: number,
    signal: AbortSignal,
  ): Promise<ReadonlyArray<ReadOutcome>> => {
    const reads: Array<Read | undefined> = Array.from({ length: keys.length });
    const { reading } = client.timing;
    let next = 0;
    let held = 0;
    /** Keys from here on are for the next call. */
    let cut = keys.length;
    let largestNow = 0;

    const readOne = async (index: number): Promise<void> => {
      let taken = 0;
      let isCut = false;
      const answer = await client.request(
        {
          method: "GET",
          key: keys[index]!,
          maxBytes,
          admits: (bytes) => {
            held -= taken;
            taken = 0;
            if (bytes > maxBytes) return false;
            isCut = index > 0 && held + bytes > callBytes;
            if (isCut) return false;
            held += bytes;
            taken = bytes;
            return true;
          },
        },
        reading,
      );
      largestNow = Math.max(largestNow, answer.body.length, isCut ? (answer.refusedBytes ?? 0) : 0);
      if (isCut) cut = Math.min(cut, index);
      else reads[index] = read(client, answer, maxBytes);
    };

    const work = async (): Promise<void> => {
      try {
        while (next < cut && !signal.aborted) await readOne(next++);
      } catch (error) {
        // The others need not begin anything more.
        cut = 0;
        throw error;
      }
    };

    const parallel = Math.max(1, Math.min(client.requests, keys.length, Math.floor(callBytes / Math.max(1, largest))));
    await Promise.all(Array.from({ length: parallel }, work));
    largest = largestNow;
    const answers = reads.slice(0, cut).map((one) => one!);
    if (answers.length >= enoughToBlameStore) {
      const suspicion = answers[0]!.suspicion;
      if (suspicion !== undefined && answers.every((one) => one.suspicion?.reason === suspicion.reason)) {
        throw suspicion;
      }
    }
    return answers.map(({ outcome }) => outcome);
  };
};
