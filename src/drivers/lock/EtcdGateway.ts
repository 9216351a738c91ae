import { Duration, Effect, Redacted, type Scope } from "effect";
import { Agent, fetch } from "undici";
import type { EtcdSettings } from "../../core/Config.ts";
import { ConnectionError, LockError } from "../../core/Errors.ts";
import * as TlsFiles from "../TlsFiles.ts";

/** An answer's JSON; 64-bit numbers are text in it, and zeros are left out. */
export type Answer = Readonly<Record<string, unknown>>;

/** etcd's JSON gateway, in 3.4 and later: https://etcd.io/docs/v3.5/dev-guide/api_grpc_gateway/. */
export interface Gateway {
  readonly endpoints: ReadonlyArray<string>;
  /** Asks one member after the other until one answers, the one that answered last first. `body` may be sent more than once. */
  readonly post: (path: string, body: object, timeout: Duration.Duration) => Effect.Effect<Answer, LockError>;
  /** Asks this member only. */
  readonly postTo: (
    endpoint: string,
    path: string,
    body: object,
    timeout: Duration.Duration,
  ) => Effect.Effect<Answer, LockError>;
}

const connections = 10;

/** https://grpc.io/docs/guides/status-codes/. */
const code = { invalidArgument: 3, notFound: 5, permissionDenied: 7, failedPrecondition: 9, unauthenticated: 16 };

/** What etcd says, and its gRPC code: 0 where it was no etcd that answered. */
class Refusal extends Error {
  readonly code: number;
  constructor(message: string, code: number) {
    super(message);
    this.code = code;
  }
}

export const isNotFound = (error: LockError): boolean =>
  error.cause instanceof Refusal && error.cause.code === code.notFound;

const remedyOf = ({ code: status, message }: Refusal): string | undefined => {
  if (status === 0) return "Name client URLs of an etcd 3.4 or later";
  if (/auth|user name is empty/.test(message) || status === code.unauthenticated) {
    return "Check username and password of lock.etcd";
  }
  if (status === code.permissionDenied) return "Grant the user's role readwrite on the key prefix of lock.etcd";
  if (/database space exceeded/.test(message)) return "Compact and defragment etcd, then disarm its alarm";
  if (/too many operations/.test(message)) return "Leave --max-txn-ops of etcd at 128 or more";
  return undefined;
};

const translate = (endpoint: string, cause: unknown): LockError => {
  const connection = `etcd ${endpoint}`;
  if (cause instanceof Refusal) {
    const remedy = remedyOf(cause);
    return new LockError({
      reason: remedy === undefined ? "Unavailable" : "Unusable",
      connection,
      detail: cause.message,
      remedy: remedy ?? "Look at the cluster's health (etcdctl endpoint status)",
      cause,
    });
  }
  const { message } = cause as Error;
  const inner = (cause as { readonly cause?: { readonly code?: string; readonly message?: string } }).cause;
  const isCertificate = /^(CERT_|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_|ERR_TLS_CERT|ERR_SSL)/.test(inner?.code ?? "");
  return new LockError({
    reason: isCertificate ? "Unusable" : "Unavailable",
    connection,
    detail: inner?.message ?? message,
    remedy: isCertificate
      ? "Name the authority's PEM file in lock.etcd.tls.ca, and whether the endpoint is https"
      : "Check that etcd runs, and the endpoints of lock.etcd",
    cause,
  });
};

const readEndpoint = (endpoint: string): Effect.Effect<string, ConnectionError> => {
  const url = URL.canParse(endpoint) ? new URL(endpoint) : undefined;
  return url !== undefined && /^https?:$/.test(url.protocol) && url.username === "" && url.password === ""
    ? Effect.succeed(url.origin)
    : new ConnectionError({
      reason: "Config",
      connection: "lock",
      detail: "an etcd endpoint is not of the form https://host:port",
      remedy: "Write URLs with http or https and without user; username and password are settings of their own",
    });
};

export const make = (
  settings: typeof EtcdSettings.Type,
): Effect.Effect<Gateway, ConnectionError, Scope.Scope> =>
  Effect.gen(function*() {
    const endpoints = yield* Effect.forEach(settings.endpoints, readEndpoint);
    const certificates = yield* TlsFiles.read("lock", settings.tls);
    const agent = yield* Effect.acquireRelease(
      Effect.sync(() => new Agent({ connections, connect: { ...certificates } })),
      (agent) => Effect.promise(() => agent.destroy()),
    );
    let order = endpoints;
    let token: string | undefined;

    const send = async (endpoint: string, path: string, body: object, millis: number): Promise<Answer> => {
      const response = await fetch(`${endpoint}/v3/${path}`, {
        method: "POST",
        body: JSON.stringify(body),
        headers: token === undefined ? {} : { authorization: token },
        signal: AbortSignal.timeout(millis),
        dispatcher: agent,
      });
      const answer = await response.json().catch(() => undefined) as Answer | undefined;
      if (response.ok && answer !== undefined) return answer;
      const said = answer?.["message"] ?? answer?.["error"];
      throw new Refusal(
        String(said ?? `it answered with HTTP status ${response.status}`),
        Number(answer?.["code"] ?? 0),
      );
    };

    const authenticate = async (endpoint: string, millis: number): Promise<void> => {
      const password = settings.password === undefined ? "" : Redacted.value(settings.password);
      token = undefined;
      try {
        token = String(
          (await send(endpoint, "auth/authenticate", { name: settings.username, password }, millis))["token"],
        );
      } catch (cause) {
        // Authentication is switched off: then nobody needs to.
        if (!(cause instanceof Refusal && cause.code === code.failedPrecondition)) throw cause;
      }
    };

    /** A token ends when etcd restarts or after some minutes. */
    const sendAs = async (endpoint: string, path: string, body: object, millis: number): Promise<Answer> => {
      if (settings.username === "") return send(endpoint, path, body, millis);
      if (token === undefined) await authenticate(endpoint, millis);
      try {
        return await send(endpoint, path, body, millis);
      } catch (cause) {
        if (!(cause instanceof Refusal && cause.code === code.unauthenticated)) throw cause;
        await authenticate(endpoint, millis);
        return send(endpoint, path, body, millis);
      }
    };

    const postTo: Gateway["postTo"] = (endpoint, path, body, timeout) =>
      Effect.tryPromise({
        try: () => sendAs(endpoint, path, body, Math.ceil(Duration.toMillis(timeout))),
        catch: (cause) => translate(endpoint, cause),
      });

    const post: Gateway["post"] = (path, body, timeout) =>
      Effect.gen(function*() {
        let failure: LockError | undefined;
        for (const endpoint of order) {
          const result = yield* Effect.either(postTo(endpoint, path, body, timeout));
          if (result._tag === "Right") {
            order = [endpoint, ...endpoints.filter((other) => other !== endpoint)];
            return result.right;
          }
          failure = result.left;
          // What one member refuses for a reason of ours, every member does.
          if (failure.reason === "Unusable" || isNotFound(failure)) break;
        }
        return yield* failure!;
      });

    return { endpoints, post, postTo };
  });
