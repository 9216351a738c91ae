/** Every reason for which a narinfo cannot be accepted. */
import { Either } from "effect";

/** What to do next, by stable code. */
export const remedies = {
  "narinfo/too-long": "No Nix tool writes such a line; delete the file if it is garbage.",
  "narinfo/encoding": "The file is not UTF-8 text; fetch the narinfo from its upstream again, or delete it.",
  "narinfo/nul": "The file was damaged, often by a crash during its write; fetch the narinfo again, or delete it.",
  "narinfo/separator": "The line is not `Key: value`; a truncated file must be fetched again or deleted.",
  "narinfo/unknown-key": "ncps refuses the whole file for such a line; remove the line or fetch the narinfo again.",
  "narinfo/missing-field": "The file is incomplete, as after an interrupted write; fetch it again, or delete it.",
  "narinfo/hash-syntax": "Write `sha256:` and 52 characters of nix32 or 64 of hex, or an SRI hash.",
  "narinfo/size-syntax": "Write a decimal number without sign.",
  "narinfo/size-range": "A size must fit a signed 64-bit column; fetch the narinfo again.",
  "narinfo/nar-size-zero": "No NAR is empty; fetch the narinfo again.",
  "narinfo/signature": "Write `<key name>:<base64 of 64 bytes>`, or remove the line and sign the path again.",
  "narinfo/empty-reference": "Separate references by one space, with none at the end.",
  "narinfo/second-ca": "A path has one content address; keep the right CA line.",
  "narinfo/store-path": "StorePath must be a path directly under /nix/store; fetch the narinfo again.",
  "narinfo/reference": "References must be base names of store paths; fetch the narinfo again.",
  "narinfo/deriver": "Deriver must be the base name of a store path; correct or remove the line.",
  "narinfo/compression": "Nix knows no such compression; correct the line.",
  "narinfo/ca": "Write `text:` or `fixed:[r:]`, then `<algorithm>:<digest>`, or remove the line.",
  "narinfo/url-shape": "ncps cannot find a NAR by this URL; fetch the narinfo again.",
  "narinfo/url-extension":
    "ncps serves .nar with no extension or .xz, .zst, .bz2, .lz4, .lzip, .br, .none; fetch it again.",
  "narinfo/url-query": "ncps cannot parse the query of this URL; fetch the narinfo again.",
  "narinfo/opaque-url": "Run `ncps migrate up` for the upstream_url column; the NarHash must be SHA-256.",
  "narinfo/file-name": "ncps never reads such a file; rename it to <32 characters of nix32>.narinfo, or delete it.",
  "narinfo/shard-path": "ncps never reads a file there; move it to <h>/<hh>/<hash>.narinfo, or delete it.",
  "narinfo/hash-mismatch": "The file describes another store path than its name says; rename or delete it.",
} as const;

export type Code = keyof typeof remedies;

/** A reject of one narinfo; `reason` names the line or field and the offending value. */
export interface NarinfoProblem {
  readonly code: Code;
  readonly reason: string;
  readonly remedy: string;
}

/** Longest part of an offending value that a reason shows, in characters. */
const SHOWN_MAX = 80;

/** `value` in quotes, control characters escaped, shortened for people. */
export const quote = (value: string): string =>
  JSON.stringify(value.length <= SHOWN_MAX ? value : `${value.slice(0, SHOWN_MAX - 1)}…`);

export const reject = (code: Code, reason: string): Either.Either<never, NarinfoProblem> =>
  Either.left({ code, reason, remedy: remedies[code] });
