/** Deleting objects that are still what was read, by the best means that the service has. */
import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { StorageError } from "../../core/Errors.ts";
import type { DeleteOutcome, Target } from "../../core/Storage.ts";
import { type Answer, type Client, isRetryable } from "./S3Client.ts";
import * as S3Error from "./S3Error.ts";
import * as Xml from "./S3Xml.ts";

/**
 * `batch`: DeleteObjects compares an ETag per object; `single`: DELETE does, by If-Match; `none`: neither, so that we ask and then delete.
 */
export type Mode = "batch" | "single" | "none";

/** Most keys of one DeleteObjects. */
const batchKeys = 1000;

export interface Result {
  readonly outcome: DeleteOutcome;
  /** A version stays behind a marker, and with it the space. */
  readonly isMarker: boolean;
}

const undeleted = (code: string, reason: string): Result => ({
  outcome: { _tag: "Undeleted", code, reason },
  isMarker: false,
});

const noAnswer = undeleted(
  "storage/unavailable",
  "no answer to its deletion in time: it may be gone; run again",
);

/** What a code of the service means for one object. */
const resultOf = (code: string | undefined, message: string): Result => {
  switch (code) {
    case "NoSuchKey":
    case "NotFound":
      return { outcome: { _tag: "Gone" }, isMarker: false };
    case S3Error.truncated.code:
      return noAnswer;
    case "PreconditionFailed":
      return { outcome: { _tag: "Changed" }, isMarker: false };
    case "AccessDenied":
      return undeleted(
        "storage/denied",
        "these credentials may not delete it; grant s3:DeleteObject (and s3:GetObject) on it",
      );
    default:
      return undeleted(
        "storage/io",
        `it could not be deleted (${code ?? "no reason given"}${message === "" ? "" : `: ${message}`})`,
      );
  }
};

const result = (answer: Answer): Result => {
  if (answer.status < 300) {
    return { outcome: { _tag: "Deleted" }, isMarker: S3Error.header(answer, "x-amz-delete-marker") === "true" };
  }
  const { code, message } = S3Error.refusal(answer);
  return resultOf(code, message);
};

const failed = (error: unknown): Result => {
  if (!(error instanceof StorageError)) throw error;
  return error.reason === "Unavailable" ? noAnswer : undeleted("storage/io", error.message);
};

/** DELETE of one key, only if it still has the ETag (any, where none is given). Rejects with a StorageError where no answer comes. */
export const deleteOne = (client: Client, key: string, etag: string | undefined, deadline?: number): Promise<Answer> =>
  client.request(
    { method: "DELETE", key, ...(etag === undefined ? {} : { headers: { "if-match": etag } }) },
    deadline === undefined ? client.timing.asking : client.timing.deleting,
    deadline,
  );

const pauseAfter = (client: Client, attempt: number): Promise<void> => sleep(client.timing.pauseMillis * attempt);

/**
 * Asks, then deletes: what is written in between is lost. Only where the spec accepts that. It asks again before it deletes again: the
 * first deletion may have succeeded unheard, and what is there by then is somebody else's.
 */
const compareAndDelete = async (client: Client, { key, origin }: Target, deadline: number): Promise<Result> => {
  const { attempts } = client.timing.deleting;
  const once = { ...client.timing.deleting, attempts: 1 };
  for (let attempt = 1;; attempt++) {
    const head = await client.request({ method: "HEAD", key }, client.timing.deleting, deadline);
    if (head.status >= 300) return result(head);
    if (S3Error.header(head, "etag") !== origin.version) return resultOf("PreconditionFailed", "");
    const answer = await client.request({ method: "DELETE", key }, once, deadline).catch(failed);
    const isPassing = "status" in answer
      ? isRetryable(answer.status, S3Error.refusal(answer).code)
      : answer === noAnswer;
    if (!isPassing || attempt >= attempts || Date.now() >= deadline) {
      return "status" in answer ? result(answer) : answer;
    }
    await pauseAfter(client, attempt);
  }
};

/**
 * Several at once; each its own request. A store that is slow is waited for, each answer anew; one that has fallen silent is not: what has not
 * begun by then stays, as the keys are locked.
 */
const singly = async (
  client: Client,
  targets: ReadonlyArray<Target>,
  conditional: boolean,
): Promise<ReadonlyArray<Result>> => {
  const results: Array<Result> = Array.from({ length: targets.length }, () => noAnswer);
  let next = 0;
  let isSilent = false;
  const work = async (): Promise<void> => {
    while (next < targets.length && !isSilent) {
      const index = next++;
      const target = targets[index]!;
      const deadline = Date.now() + client.timing.deleting.totalMillis;
      const one = await (conditional
        ? deleteOne(client, target.key, target.origin.version, deadline).then(result)
        : compareAndDelete(client, target, deadline)).catch(failed);
      results[index] = one;
      isSilent ||= one === noAnswer;
    }
  };
  await Promise.all(Array.from({ length: Math.min(client.requests, targets.length) }, work));
  return results;
};

const batchBody = (targets: ReadonlyArray<Target>): Buffer => {
  const objects = targets.map(({ key, origin }) =>
    `<Object><Key>${Xml.escape(key)}</Key><ETag>${Xml.escape(origin.version)}</ETag></Object>`
  );
  return Buffer.from(
    `<?xml version="1.0" encoding="UTF-8"?><Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${
      objects.join("")
    }</Delete>`,
  );
};

/** One DeleteObjects: what became of each key that the answer names, `retry` where asking again may help. HTTP 200 has failures inside. */
export const deleteBatch = async (
  client: Client,
  targets: ReadonlyArray<Target>,
  deadline?: number,
): Promise<ReadonlyMap<string, Result | "retry"> | Answer> => {
  const body = batchBody(targets);
  const answer = await client.request(
    {
      method: "POST",
      query: { delete: "" },
      // Required by S3 and by all that work like it, where other checksums are not.
      headers: { "content-md5": createHash("md5").update(body).digest("base64"), "content-type": "application/xml" },
      body,
    },
    deadline === undefined ? client.timing.asking : client.timing.deleting,
    deadline,
  );
  const root = answer.status === 200 ? Xml.parse(Buffer.from(answer.body).toString("utf8")) : undefined;
  if (root?.name !== "DeleteResult") return answer;
  const results = new Map<string, Result | "retry">();
  for (const element of root.children) {
    const key = Xml.textOf(element, "Key") ?? "";
    if (element.name === "Deleted") {
      // A failure of the same key, where there is one, counts.
      if (!results.has(key)) {
        results.set(key, { outcome: { _tag: "Deleted" }, isMarker: Xml.textOf(element, "DeleteMarker") === "true" });
      }
    } else if (element.name === "Error") {
      const code = Xml.textOf(element, "Code");
      const passing = isRetryable(0, code) || code === "InternalError" || code === "ServiceUnavailable";
      results.set(key, passing ? "retry" : resultOf(code, (Xml.textOf(element, "Message") ?? "").slice(0, 200)));
    }
  }
  return results;
};

/** Batches of those that XML can name, the others one by one. */
const inBatches = async (
  client: Client,
  targets: ReadonlyArray<Target>,
): Promise<ReadonlyArray<Result>> => {
  const results: Array<Result> = Array.from({ length: targets.length }, () => noAnswer);
  const { attempts, totalMillis } = client.timing.deleting;
  const deadline = Date.now() + totalMillis;
  const indices = targets.map((_, index) => index);
  const nameable = indices.filter((index) => Xml.carries(targets[index]!.key));
  const others = indices.filter((index) => !Xml.carries(targets[index]!.key));

  const settleBatch = async (batch: ReadonlyArray<number>): Promise<void> => {
    let left = batch;
    for (let attempt = 1; left.length > 0 && attempt <= attempts && Date.now() < deadline; attempt++) {
      if (attempt > 1) await pauseAfter(client, attempt);
      const answers = await deleteBatch(client, left.map((index) => targets[index]!), deadline);
      if (!(answers instanceof Map)) {
        const refused = result(answers as Answer);
        // 200 with something else in it says nothing of any key.
        const each = refused.outcome._tag === "Deleted" ? noAnswer : refused;
        for (const index of left) results[index] = each;
        return;
      }
      left = left.filter((index) => {
        const found = answers.get(targets[index]!.key) ?? "retry";
        if (found !== "retry") results[index] = found;
        return found === "retry";
      });
    }
  };

  const batches: Array<Promise<void>> = [];
  for (let i = 0; i < nameable.length; i += batchKeys) {
    const batch = nameable.slice(i, i + batchKeys);
    batches.push(
      settleBatch(batch).catch((error: unknown) => {
        const each = failed(error);
        // What an earlier answer settled stays settled.
        for (const index of batch) if (results[index] === noAnswer) results[index] = each;
      }),
    );
  }
  const alone = await singly(client, others.map((index) => targets[index]!), true);
  others.forEach((index, i) => results[index] = alone[i]!);
  await Promise.all(batches);
  return results;
};

/**
 * Invariant 1: deletes each object only if its ETag is that of the GET that was parsed. The content is not read again to be hashed: an ETag is
 * another one for other content, and the comparison and the deletion are one step of the service.
 */
export const remove = (client: Client, mode: Mode, targets: ReadonlyArray<Target>): Promise<ReadonlyArray<Result>> =>
  mode === "batch" ? inBatches(client, targets) : singly(client, targets, mode === "single");
