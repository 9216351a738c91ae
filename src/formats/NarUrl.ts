/**
 * The `URL` field of a narinfo as ncps reads it: `[path/][<narinfo hash>-]<NAR hash>.nar[.<extension>][?query]`,
 * of which only the last path component and the query matter.
 */
import * as Nix32 from "./Nix32.ts";
import * as StorePath from "./StorePath.ts";
import * as UrlQuery from "./UrlQuery.ts";

/** A normalized NAR URL: the prefix of the hash is gone, the query is as Go's `Values.Encode` prints it. */
export interface NarUrl {
  readonly _tag: "NarUrl";
  readonly hash: string;
  readonly compression: string;
  readonly query: string;
}

/**
 * A URL whose path says nothing of the NAR's hash (cachix, Attic, snix): `path` is where upstream keeps it and
 * `compression` what its extension says.
 */
export interface OpaqueUrl {
  readonly _tag: "OpaqueUrl";
  readonly path: string;
  readonly compression: string;
  readonly query: string;
}

/** What is wrong, in the order in which ncps decides it. */
export type Failure = "url-shape" | "url-extension" | "url-query";

const compressionOf = (extension: string): string | undefined => {
  switch (extension) {
    case "xz":
    case "lzip":
    case "lz4":
    case "br":
      return extension;
    case "zst":
      return "zstd";
    case "bz2":
      return "bzip2";
    case "":
    case "none":
      return "none";
    default:
      return undefined;
  }
};

const extensionOf = (compression: string): string => {
  switch (compression) {
    case "none":
      return "";
    case "zstd":
      return ".zst";
    case "bzip2":
      return ".bz2";
    default:
      return `.${compression}`;
  }
};

/** Hash part of a store path and separator, as nix-serve puts them before the NAR's hash. */
const PREFIX_LENGTH = StorePath.HASH_LENGTH + 1;

const isSha256 = (text: string, start: number): boolean => {
  switch (text.length - start) {
    case 52:
      return Nix32.isAlphabetic(text, start, text.length);
    case 64:
      return /^[0-9a-f]{64}$/.test(text.slice(start));
    default:
      return false;
  }
};

/** The NAR's hash in `name`, without its optional prefix; undefined when `name` holds none. */
const hashIn = (name: string): string | undefined => {
  if (isSha256(name, 0)) return name;
  const mark = name.charCodeAt(PREFIX_LENGTH - 1);
  return (mark === 45 || mark === 95) && Nix32.isAlphabetic(name, 0, PREFIX_LENGTH - 1) && isSha256(name, PREFIX_LENGTH)
    ? name.slice(PREFIX_LENGTH)
    : undefined;
};

/** Parses a URL as ncps' pull path does: what names no hash comes back as opaque. */
export const parse = (url: string): NarUrl | OpaqueUrl | Failure => {
  const mark = url.indexOf("?");
  const path = mark === -1 ? url : url.slice(0, mark);
  const rawQuery = mark === -1 ? "" : url.slice(mark + 1);
  let end = path.length;
  while (end > 0 && path.charCodeAt(end - 1) === 47) end--;
  const file = path.slice(path.lastIndexOf("/", end - 1) + 1, end);
  const nar = file.indexOf(".nar");
  if (nar === -1) return parseWithoutNar(path, rawQuery);
  const suffix = file.slice(nar + 4);
  if (nar === 0 || (suffix !== "" && !suffix.startsWith("."))) return "url-shape";
  const compression = compressionOf(suffix.slice(1));
  if (compression === undefined) return "url-extension";
  const query = UrlQuery.reencode(rawQuery);
  if (query === undefined) return "url-query";
  const hash = hashIn(file.slice(0, nar));
  return hash === undefined
    ? { _tag: "OpaqueUrl", path, compression, query }
    : { _tag: "NarUrl", hash, compression, query };
};

/** snix-castore has URLs without `.nar`: a path of at least two parts that ends in a name. */
const parseWithoutNar = (path: string, rawQuery: string): OpaqueUrl | Failure => {
  const file = path.slice(path.lastIndexOf("/") + 1);
  if (!path.includes("/") || file === "" || file === ".") return "url-shape";
  const query = UrlQuery.reencode(rawQuery);
  return query === undefined ? "url-query" : { _tag: "OpaqueUrl", path, compression: "none", query };
};

/** The URL under which ncps serves a NAR that it keeps by `hash`. */
export const render = (hash: string, compression: string): string => `nar/${hash}.nar${extensionOf(compression)}`;

/** Where upstream has the NAR: the path and the re-encoded query. */
export const upstream = (url: OpaqueUrl): string => url.query === "" ? url.path : `${url.path}?${url.query}`;
