/**
 * What a narinfo means to ncps: the values checked as Nix checks them, the URL resolved to a NAR file.
 * The pipeline's mapping names these fields.
 */
import { Either } from "effect";
import * as ContentAddress from "./ContentAddress.ts";
import type { Narinfo } from "./Narinfo.ts";
import * as NarinfoProblem from "./NarinfoProblem.ts";
import * as NarUrl from "./NarUrl.ts";
import * as NixHash from "./NixHash.ts";
import * as StorePath from "./StorePath.ts";

export interface NarinfoDocument extends Narinfo {
  /** Hash part of the store path: the name of the file. */
  readonly hash: string;
  /** Where upstream has the NAR, when the narinfo's own URL was opaque and `url` is ncps' own. */
  readonly upstreamUrl: string | null;
  readonly nar: {
    readonly hash: string;
    readonly compression: string;
    /** As Go's `Values.Encode` prints it; empty where there is none. */
    readonly query: string;
    /** FileSize, or NarSize where that is unknown. */
    readonly fileSize: bigint;
  };
}

/** Every dotted path of a document. */
export const paths: ReadonlyArray<string> = [
  "hash",
  "storePath",
  "url",
  "compression",
  "fileHash",
  "fileSize",
  "narHash",
  "narSize",
  "deriver",
  "system",
  "ca",
  "upstreamUrl",
  "references",
  "signatures",
  "nar.hash",
  "nar.compression",
  "nar.query",
  "nar.fileSize",
];

/** Nix's compression methods (`compression-algo.hh`). */
const compressions: ReadonlySet<string> = new Set([
  "none",
  "br",
  "bzip2",
  "compress",
  "grzip",
  "gzip",
  "lrzip",
  "lz4",
  "lzip",
  "lzma",
  "lzop",
  "xz",
  "zstd",
]);

/** Checks every value as Nix does, in the order of the fields. */
const findProblem = (narinfo: Narinfo): Either.Either<never, NarinfoProblem.NarinfoProblem> | undefined => {
  const storePath = StorePath.absoluteProblem(narinfo.storePath);
  if (storePath !== undefined) return reject("narinfo/store-path", "StorePath", narinfo.storePath, storePath);
  if (!compressions.has(narinfo.compression)) {
    return reject("narinfo/compression", "Compression", narinfo.compression, "is unknown to Nix");
  }
  if (narinfo.narSize === 0n) return reject("narinfo/nar-size-zero", "NarSize", "0", "is the size of no NAR");
  for (const reference of narinfo.references) {
    const problem = StorePath.problem(reference);
    if (problem !== undefined) return reject("narinfo/reference", "References", reference, problem);
  }
  const deriver = narinfo.deriver === null ? undefined : StorePath.problem(narinfo.deriver);
  if (deriver !== undefined) return reject("narinfo/deriver", "Deriver", narinfo.deriver!, deriver);
  if (narinfo.ca !== null && !ContentAddress.isValid(narinfo.ca)) {
    return reject("narinfo/ca", "CA", narinfo.ca, "is no content address");
  }
  return undefined;
};

const reject = (code: NarinfoProblem.Code, field: string, value: string, what: string) =>
  NarinfoProblem.reject(code, `${field}: ${NarinfoProblem.quote(value)} ${what}`);

/** What ncps' pull path makes of a narinfo whose URL is opaque: served under the NAR's hash, fetched from upstream. */
const rescue = (
  narinfo: Narinfo,
  hash: string,
  opaque: NarUrl.OpaqueUrl,
): Either.Either<NarinfoDocument, NarinfoProblem.NarinfoProblem> => {
  const narHash = NixHash.canonical(narinfo.narHash);
  if (narHash === undefined || !narHash.startsWith("sha256:")) {
    return reject("narinfo/opaque-url", "URL", narinfo.url, "names no NAR hash, and NarHash is not SHA-256");
  }
  const uncompressed = narinfo.compression === "none";
  const nar = {
    hash: narHash.slice("sha256:".length),
    compression: uncompressed ? "none" : opaque.compression,
    query: "",
    fileSize: uncompressed ? narinfo.narSize : narinfo.fileSize ?? narinfo.narSize,
  };
  return Either.right({
    ...narinfo,
    hash,
    url: NarUrl.render(nar.hash, nar.compression),
    upstreamUrl: NarUrl.upstream(opaque),
    fileHash: uncompressed ? null : narinfo.fileHash,
    fileSize: uncompressed ? null : narinfo.fileSize,
    nar,
  });
};

/** The document of the narinfo that a file named `<hash>.narinfo` holds. */
export const make = (
  narinfo: Narinfo,
  hash: string,
): Either.Either<NarinfoDocument, NarinfoProblem.NarinfoProblem> => {
  const problem = findProblem(narinfo);
  if (problem !== undefined) return problem;
  if (StorePath.hashPart(narinfo.storePath) !== hash) {
    return reject("narinfo/hash-mismatch", "StorePath", narinfo.storePath, `is not the path of ${hash}.narinfo`);
  }
  const url = NarUrl.parse(narinfo.url);
  if (typeof url === "string") {
    return reject(`narinfo/${url}`, "URL", narinfo.url, urlProblems[url]);
  }
  if (url._tag === "OpaqueUrl") return rescue(narinfo, hash, url);
  return Either.right({
    hash,
    storePath: narinfo.storePath,
    url: narinfo.url,
    compression: narinfo.compression,
    fileHash: narinfo.fileHash,
    fileSize: narinfo.fileSize,
    narHash: narinfo.narHash,
    narSize: narinfo.narSize,
    deriver: narinfo.deriver,
    system: narinfo.system,
    ca: narinfo.ca,
    upstreamUrl: null,
    references: narinfo.references,
    signatures: narinfo.signatures,
    nar: {
      hash: url.hash,
      compression: url.compression,
      query: url.query,
      fileSize: narinfo.fileSize ?? narinfo.narSize,
    },
  });
};

const urlProblems: Readonly<Record<NarUrl.Failure, string>> = {
  "url-shape": "is not `<path>/<hash>.nar[.<extension>]`",
  "url-extension": "has an extension that ncps does not know",
  "url-query": "has a query that ncps cannot parse",
};
