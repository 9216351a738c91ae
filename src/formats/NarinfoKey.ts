/** Where ncps keeps the narinfo of a hash: `<h>/<hh>/<hash>.narinfo` under whatever prefix. */
import { Either } from "effect";
import * as NarinfoProblem from "./NarinfoProblem.ts";
import * as StorePath from "./StorePath.ts";

const SUFFIX = ".narinfo";

/** The hash that an object key names, if ncps would look for that hash there. */
export const hashOf = (key: string): Either.Either<string, NarinfoProblem.NarinfoProblem> => {
  const file = key.lastIndexOf("/") + 1;
  const hash = key.slice(file, -SUFFIX.length);
  if (!key.endsWith(SUFFIX) || !StorePath.isHash(hash)) {
    return NarinfoProblem.reject(
      "narinfo/file-name",
      `${NarinfoProblem.quote(key)} is not named <32 characters of nix32>${SUFFIX}`,
    );
  }
  const shard = `${hash[0]}/${hash.slice(0, 2)}/`;
  const shardStart = file - shard.length;
  return key.startsWith(shard, shardStart) && (shardStart === 0 || key[shardStart - 1] === "/")
    ? Either.right(hash)
    : NarinfoProblem.reject("narinfo/shard-path", `${NarinfoProblem.quote(key)} is not under ${shard}`);
};
