/** Signed requests over one pool of connections: bounded, timed, and asked again where that may help. */
import { setMaxListeners } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { Pool } from "undici";
import { StorageError } from "../../core/Errors.ts";
import type { Certificates } from "../TlsFiles.ts";
import type { Address } from "./S3Address.ts";
import { encodeKey } from "./S3Address.ts";
import type { Identity } from "./S3Credentials.ts";
import * as S3Error from "./S3Error.ts";
import * as Signer from "./S3Signer.ts";

export interface Ask {
  readonly method: "GET" | "HEAD" | "PUT" | "POST" | "DELETE";
  /** As the bucket has it, prefix included; absent: the bucket itself. */
  readonly key?: string;
  readonly query?: Readonly<Record<string, string>>;
  /** Names in lower case. */
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Whether to take a successful answer's body of this many bytes (0 where the server does not tell); all are taken by default. */
  readonly admits?: (bytes: number) => boolean;
  /** What a body whose length was not told may grow to. */
  readonly maxBytes?: number;
}

export interface Answer extends S3Error.Answer {
  /** The body was not taken: it is this long at least. */
  readonly refusedBytes?: number;
}

/** How often and how long the same is asked again. */
export interface Patience {
  readonly attempts: number;
  readonly totalMillis: number;
  /** From a request's last byte to its answer's first. */
  readonly firstByteMillis: number;
}

export interface Timing {
  readonly connectMillis: number;
  /** For an answer's body, and more for a large one. */
  readonly bodyMillis: number;
  /** First pause; each later one is at most twice as long, of random length. */
  readonly pauseMillis: number;
  readonly maxPauseMillis: number;
  /** Opening, checking, probing: somebody waits. */
  readonly asking: Patience;
  /** Listing and reading: a server may restart meanwhile. */
  readonly reading: Patience;
  /** Deleting: the batch's keys are locked meanwhile, and locks end after 10 s. */
  readonly deleting: Patience;
}

export const defaultTiming: Timing = {
  connectMillis: 5000,
  bodyMillis: 20_000,
  pauseMillis: 100,
  maxPauseMillis: 5000,
  asking: { attempts: 4, totalMillis: 10_000, firstByteMillis: 4000 },
  reading: { attempts: 30, totalMillis: 60_000, firstByteMillis: 10_000 },
  deleting: { attempts: 6, totalMillis: 8000, firstByteMillis: 4000 },
};

/** An object that fails by itself (500, a cut body) is given up sooner than a server that is away. */
const attemptsAtOneObject = 5;

/** The SDK has tried on its own. */
const attemptsAtCredentials = 3;

/** A body that comes slower than this, 64 KiB per second, comes not at all. */
const slowestBytesPerMilli = 64;

const bodyOf = (chunks: ReadonlyArray<Buffer>, bytes: number): Buffer => {
  // A copy: what undici hands out is a view of all that the socket held.
  const body = Buffer.allocUnsafe(bytes);
  let end = 0;
  for (const chunk of chunks) {
    body.set(chunk, end);
    end += chunk.length;
  }
  return body;
};

type Outcome =
  | { readonly _tag: "Answer"; readonly answer: Answer }
  | { readonly _tag: "Silence"; readonly cause: unknown; readonly isTruncated: boolean };

const timedOut = (what: string, millis: number): Error =>
  Object.assign(new Error(`${what} within ${millis} ms`), { code: "ETIMEDOUT" });

export const isRetryable = (status: number, code: string | undefined): boolean =>
  status === 429
  || (status >= 500 && status !== 501)
  || code === "RequestTimeout"
  || code === "OperationAborted"
  || code === "ConditionalRequestConflict"
  || code === "SlowDown";

/** HEAD has no body to say so in: 400 it is. */
const isExpired = ({ method }: Ask, status: number, code: string | undefined): boolean =>
  code === "ExpiredToken" || code === "TokenRefreshRequired" || (method === "HEAD" && status === 400);

/** Server's wish in seconds, as S3's work-alikes send it. */
const retryAfterMillis = (answer: Answer): number => {
  const seconds = Number(S3Error.header(answer, "retry-after") ?? "");
  return Number.isFinite(seconds) ? seconds * 1000 : 0;
};

export const make = (options: {
  readonly name: string;
  readonly address: Address;
  readonly identity: Identity;
  readonly requests: number;
  readonly tls: Certificates;
  readonly timing: Timing;
}) => {
  const { address, identity, timing } = options;
  const place: S3Error.Place = {
    connection: options.name,
    origin: address.origin,
    bucket: address.bucket,
    region: identity.region,
  };
  const sign = Signer.make(identity.region);
  const pool = new Pool(address.origin, {
    connections: options.requests,
    // Another request behind one that is under way would wait for it.
    pipelining: 1,
    connect: { ...options.tls, timeout: timing.connectMillis },
    // Timed below, where a test can set it in milliseconds.
    headersTimeout: 0,
    bodyTimeout: 0,
  });

  /** Ends the pauses, in which the process would not end. */
  const closing = new AbortController();
  setMaxListeners(0, closing.signal);

  /** One exchange; never rejects. */
  const exchange = (
    ask: Ask,
    { headers, path }: Signer.Signed,
    firstByteMillis: number,
    deadline: number,
  ): Promise<Outcome> =>
    new Promise((resolve) => {
      const chunks: Array<Buffer> = [];
      let abort: ((reason: Error) => void) | undefined;
      let timer: NodeJS.Timeout | undefined;
      let answer: { status: number; headers: S3Error.Answer["headers"] } | undefined;
      let told: number | undefined;
      let bytes = 0;
      let settled = false;

      const settle = (outcome: Outcome): void => {
        if (settled) return;
        settled = true;
        clearTimeout(timer);
        resolve(outcome);
      };
      /** Ends the connection too: what it would still bring is nobody's. */
      const end = (outcome: Outcome, reason: Error): void => {
        settle(outcome);
        abort?.(reason);
      };
      const expire = (what: string, millis: number): void => {
        clearTimeout(timer);
        const left = Math.max(0, Math.min(millis, deadline - Date.now()));
        timer = setTimeout(() => {
          const cause = timedOut(what, left);
          end({ _tag: "Silence", cause, isTruncated: answer !== undefined }, cause);
        }, left);
      };
      const refuse = (refusedBytes: number): void =>
        end(
          { _tag: "Answer", answer: { ...answer!, body: Buffer.alloc(0), refusedBytes } },
          new Error("its body is not wanted"),
        );

      // While no connection is free; the one that is made has its own limit.
      if (deadline - Date.now() < firstByteMillis) expire("it was not asked", deadline - Date.now());

      pool.dispatch(
        { method: ask.method, path, headers, body: ask.body ?? null, reset: false } as Parameters<Pool["dispatch"]>[0],
        {
          onRequestStart(controller) {
            abort = (reason) => controller.abort(reason);
            if (settled) abort(new Error("nobody waits for it any more"));
            else expire("no answer", firstByteMillis);
          },
          onResponseStart(_, status, headers) {
            if (status < 200) return;
            answer = { status, headers };
            const length = headers["content-length"];
            told = ask.method === "HEAD" || length === undefined ? undefined : Number(length);
            if (status < 300 && ask.admits !== undefined && !ask.admits(told ?? 0)) return refuse(told ?? 0);
            expire("no whole answer", timing.bodyMillis + (told ?? 0) / slowestBytesPerMilli);
          },
          onResponseData(_, chunk) {
            chunks.push(chunk);
            bytes += chunk.length;
            if (told === undefined && ask.maxBytes !== undefined && bytes > ask.maxBytes && answer!.status < 300) {
              refuse(bytes);
            }
          },
          onResponseEnd() {
            if (told !== undefined && bytes !== told) {
              settle({ _tag: "Silence", cause: new Error("its body was cut short"), isTruncated: true });
            } else settle({ _tag: "Answer", answer: { ...answer!, body: bodyOf(chunks, bytes) } });
          },
          onResponseError(_, cause) {
            settle({ _tag: "Silence", cause, isTruncated: answer !== undefined });
          },
        },
      );
    });

  const signed = async (ask: Ask, path: string, renew: boolean): Promise<Signer.Signed> => {
    const { body, headers = {}, method, query = {} } = ask;
    const given = identity.credentials(renew);
    return sign(
      { method, host: address.host, path, query, headers, body },
      given instanceof Promise ? await given : given,
      Date.now(),
    );
  };

  /** What it came to for good: an answer, or why there is none. */
  const conclude = (outcome: Outcome | StorageError): Answer => {
    if (outcome instanceof StorageError) throw outcome;
    if (outcome._tag === "Answer") return outcome.answer;
    if (outcome.isTruncated) return { status: S3Error.truncated.status, headers: {}, body: Buffer.alloc(0) };
    throw S3Error.ofSilence(place, outcome.cause);
  };

  /**
   * Asks until there is an answer that asking again would not change, or patience ends (at `deadline`, where several requests share one).
   * What the service refuses is an answer too; rejects with a StorageError where none came.
   */
  const request = async (
    ask: Ask,
    patience: Patience,
    deadline = Date.now() + patience.totalMillis,
  ): Promise<Answer> => {
    const path = ask.key === undefined ? address.path : address.path + encodeKey(ask.key);
    let renew = false;
    for (let attempt = 1;; attempt++) {
      const outcome = await signed(ask, path, renew).then(
        (request) => exchange(ask, request, patience.firstByteMillis, deadline),
        (cause: unknown) => S3Error.ofCredentials(place, cause),
      );
      let wishMillis = 0;
      let attempts = patience.attempts;
      if (outcome instanceof StorageError) attempts = Math.min(attempts, attemptsAtCredentials);
      else if (outcome._tag === "Silence") {
        if (!S3Error.isPassing(outcome.cause)) return conclude(outcome);
        if (outcome.isTruncated) attempts = Math.min(attempts, attemptsAtOneObject);
      } else {
        const { answer } = outcome;
        if (answer.status < 300) return answer;
        const { code } = S3Error.refusal(answer);
        if (!renew && identity.renewable && isExpired(ask, answer.status, code)) {
          renew = true;
          continue;
        }
        if (!isRetryable(answer.status, code)) return answer;
        if (answer.status === 500) attempts = Math.min(attempts, attemptsAtOneObject);
        wishMillis = retryAfterMillis(answer);
      }
      const ceiling = Math.min(timing.maxPauseMillis, timing.pauseMillis * 2 ** (attempt - 1));
      // Jitter above half, so that many do not come back at once.
      const pause = Math.max(wishMillis, ceiling * (0.5 + Math.random() / 2));
      if (attempt >= attempts || Date.now() + pause >= deadline) return conclude(outcome);
      const isOpen = await sleep(pause, true, { signal: closing.signal }).catch(() => false);
      if (!isOpen) return conclude(outcome);
    }
  };

  return {
    place,
    address,
    requests: options.requests,
    timing,
    request,
    /** Unanswered requests end unanswered. */
    close: (): Promise<void> => {
      closing.abort();
      return pool.destroy();
    },
  };
};

export type Client = ReturnType<typeof make>;
