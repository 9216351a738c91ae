/** What went wrong, said once for whoever must mend it; no body of an answer is repeated, as some hold the request's headers. */
import { StorageError } from "../../core/Errors.ts";
import * as Xml from "./S3Xml.ts";

export interface Answer {
  readonly status: number;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | ReadonlyArray<string> | undefined>>;
  readonly body: Uint8Array;
}

/** What faults are told about. */
export interface Place {
  /** The connection's name. */
  readonly connection: string;
  readonly origin: string;
  readonly bucket: string;
  readonly region: string;
}

/** Why a request was refused; `code` is the service's own, `undefined` where the answer is none of S3's. */
export interface Refusal {
  readonly code: string | undefined;
  readonly message: string;
}

const maxMessageLength = 200;

export const header = ({ headers }: Answer, name: string): string | undefined => {
  const value = headers[name];
  return typeof value === "string" ? value : value?.[0];
};

/** Our own, for an answer whose body ended before its end, again and again. */
export const truncated = { status: 599, code: "TruncatedAnswer" };

/** Codes of answers without a body, as HEAD has them. */
const codeOfStatus: Readonly<Record<number, string>> = {
  [truncated.status]: truncated.code,
  301: "PermanentRedirect",
  307: "TemporaryRedirect",
  403: "AccessDenied",
  404: "NotFound",
  409: "OperationAborted",
  412: "PreconditionFailed",
  429: "TooManyRequests",
  500: "InternalError",
  501: "NotImplemented",
  502: "BadGateway",
  503: "ServiceUnavailable",
  504: "GatewayTimeout",
};

export const refusal = (answer: Answer): Refusal => {
  const text = Buffer.from(answer.body).toString("utf8");
  const root = text === "" ? undefined : Xml.parse(text);
  const error = root?.name === "Error" ? root : undefined;
  // A proxy in front of the service answers in its own words when that is overloaded.
  const bare = text === "" || answer.status === 429 || answer.status >= 502;
  return {
    code: Xml.textOf(error, "Code") ?? (bare ? codeOfStatus[answer.status] : undefined),
    message: (Xml.textOf(error, "Message") ?? "").slice(0, maxMessageLength),
  };
};

const minutes = (millis: number): string =>
  Math.abs(millis) < 120_000
    ? `${Math.round(Math.abs(millis) / 1000)} s`
    : `${Math.round(Math.abs(millis) / 60_000)} min`;

/** How far this machine's clock is ahead of the server's; `undefined` where the server tells no time. */
export const skewMillis = (answer: Answer): number | undefined => {
  const then = Date.parse(header(answer, "date") ?? "");
  return Number.isNaN(then) ? undefined : Date.now() - then;
};

export const skewText = (millis: number): string =>
  `this machine's clock is ${minutes(millis)} ${millis < 0 ? "behind" : "ahead of"} the server's`;

const fault = (
  { connection }: Place,
  reason: StorageError["reason"],
  detail: string,
  remedy: string,
  cause?: unknown,
): StorageError => new StorageError({ reason, connection, detail, remedy, ...(cause === undefined ? {} : { cause }) });

/** A finding on the store as a whole. `doing` says what was refused, as `list the bucket`. */
export const ofAnswer = (place: Place, answer: Answer, doing: string): StorageError => {
  const { bucket, origin, region } = place;
  const { code, message } = refusal(answer);
  const said = `${code ?? `HTTP ${answer.status}`}${message === "" ? "" : `: ${message}`}`;
  switch (code) {
    case "InvalidAccessKeyId":
    // versitygw's name for it.
    case "XAdminUserNotFound":
      return fault(
        place,
        "Denied",
        "the service does not know the access key",
        "Set accessKeyId to a key of this service",
      );
    case "SignatureDoesNotMatch":
      return fault(
        place,
        "Denied",
        "the secret does not belong to the access key",
        "Set secretAccessKey anew; behind a proxy, check that it leaves Host and path alone",
      );
    case "ExpiredToken":
    case "ExpiredTokenException":
    case "TokenRefreshRequired":
      return fault(place, "Denied", "the session token has expired", "Obtain new temporary credentials and run again");
    case "InvalidToken":
    // MinIO's name for it.
    case "InvalidTokenId":
      return fault(
        place,
        "Denied",
        "the session token is not one of this access key",
        "Set accessKeyId, secretAccessKey and sessionToken from the same temporary credentials",
      );
    case "RequestTimeTooSkewed": {
      const skew = skewMillis(answer);
      return fault(
        place,
        "Unusable",
        skew === undefined ? "this machine's clock is off" : skewText(skew),
        "Set the clock (NTP): signatures are refused when it is off by 15 min",
      );
    }
    case "PermanentRedirect":
    case "TemporaryRedirect":
    case "AuthorizationHeaderMalformed":
    case "IllegalLocationConstraintException":
    case "InvalidRegionName": {
      const xml = Xml.parse(Buffer.from(answer.body).toString("utf8"));
      const right = header(answer, "x-amz-bucket-region") ?? Xml.textOf(xml, "Region");
      return fault(
        place,
        "Unusable",
        `bucket ${bucket} is not in region ${region}${right === undefined ? ` (${said})` : `, but in ${right}`}`,
        right === undefined ? "Set region to that of the bucket" : `Set region to ${right}`,
      );
    }
    case "NoSuchBucket":
      return fault(
        place,
        "Missing",
        `there is no bucket ${bucket} at ${origin}`,
        "Correct bucket or endpoint, or create it",
      );
    case "InvalidBucketName":
      return fault(place, "Unusable", `${JSON.stringify(bucket)} is no name of a bucket`, "Correct bucket");
    case "AccessDenied":
    case "AllAccessDisabled":
    case "AccountProblem":
      return fault(place, "Denied", `these credentials may not ${doing}`, "Grant what docs/guides/s3.md lists");
    case "SlowDown":
    case "TooManyRequests":
    case "Throttling":
    case "ThrottlingException":
    case "RequestLimitExceeded":
      return fault(
        place,
        "Unavailable",
        "the service wants fewer requests, for longer than is waited",
        "Set requests lower",
      );
    case undefined:
      return fault(
        place,
        "Unusable",
        `what answers at ${origin} is no S3 service (HTTP ${answer.status}, ${
          header(answer, "content-type") ?? "no type"
        })`,
        "Correct endpoint: its scheme, host and port must be those of the S3 API, not of a console",
      );
    default:
      return answer.status >= 500
        ? fault(place, "Unavailable", `it cannot ${doing} now (${said})`, "Run again; nothing is lost")
        : fault(place, "Unusable", `it refused to ${doing} (${said})`, "See the service's documentation of this code");
  }
};

const codeOf = (cause: unknown): string => {
  const { code, errors } = cause as { code?: unknown; errors?: ReadonlyArray<{ code?: unknown }> };
  return String(code ?? errors?.[0]?.code ?? "");
};

const isTls = (code: string): boolean =>
  /CERT|^ERR_TLS_|^ERR_SSL_|^EPROTO$|UNABLE_TO_(GET|VERIFY|DECRYPT)|^HOSTNAME_MISMATCH$|^INVALID_(CA|PURPOSE)$/.test(
    code,
  );

/** Whether the same request may get an answer later; none does once the connections are closed. */
export const isPassing = (cause: unknown): boolean => !isTls(codeOf(cause)) && codeOf(cause) !== "UND_ERR_DESTROYED";

export const ofCredentials = (place: Place, cause: unknown): StorageError =>
  fault(
    place,
    "Denied",
    `there are no credentials: ${(cause as Error).message}`,
    "Set accessKeyId and secretAccessKey, or give the AWS SDK variables, a profile or a role",
    cause,
  );

/** No answer came. */
export const ofSilence = (place: Place, cause: unknown): StorageError => {
  const { origin } = place;
  const code = codeOf(cause);
  // OpenSSL's own text names its source files.
  const message = (cause as Error).message.replace(/^[0-9A-F]+:error:[^]*/, "the other side speaks no TLS");
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") {
    return fault(
      place,
      "Unavailable",
      `the host of ${origin} has no address (${code})`,
      "Correct endpoint, or mend DNS",
      cause,
    );
  }
  if (isTls(code)) {
    return fault(
      place,
      "Unusable",
      `no TLS with ${origin} (${code}): ${message}`,
      "Set tls.ca to the authority of its certificate, or correct the endpoint's scheme and host",
      cause,
    );
  }
  return fault(
    place,
    "Unavailable",
    `${origin} does not answer (${code === "" ? message : code})`,
    // A TLS port hangs up on those who speak HTTP to it.
    code === "UND_ERR_SOCKET" && origin.startsWith("http:")
      ? "Check that it runs, and whether it is an https endpoint; nothing is lost"
      : "Check that it runs and can be reached from here; nothing is lost",
    cause,
  );
};
