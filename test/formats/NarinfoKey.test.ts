import { describe, expect, it } from "@effect/vitest";
import { Either } from "effect";
import * as NarinfoKey from "../../src/formats/NarinfoKey.ts";
import { HASH } from "./narinfoFixture.ts";

const codeOf = (key: string): string =>
  Either.match(NarinfoKey.hashOf(key), { onLeft: ({ code }) => code, onRight: (hash) => hash });

describe("NarinfoKey", () => {
  it.each(["", "/", "store/narinfo/", "any/prefix/"])("finds the hash under the prefix %j", (prefix) => {
    expect(codeOf(`${prefix}n/n5/${HASH}.narinfo`)).toBe(HASH);
  });

  it.each([
    `n/n5/${HASH}`,
    `n/n5/${HASH}.narinfo.tmp`,
    `n/n5/x${HASH}.narinfo`,
    `n/n5/${HASH.slice(1)}.narinfo`,
    `n/n5/${HASH.toUpperCase()}.narinfo`,
    `n/n5/${HASH.replace("wk", "et")}.narinfo`,
    "n/n5/.narinfo",
    ".narinfo",
    "",
  ])("refuses %j, a file that ncps never reads", (key) => expect(codeOf(key)).toBe("narinfo/file-name"));

  it.each([
    `${HASH}.narinfo`,
    `n5/${HASH}.narinfo`,
    `n/n6/${HASH}.narinfo`,
    `m/n5/${HASH}.narinfo`,
    `xn/n5/${HASH}.narinfo`,
    `n/n5/n5/${HASH}.narinfo`,
    `n//n5/${HASH}.narinfo`,
  ])("refuses %j, where ncps would not look", (key) => expect(codeOf(key)).toBe("narinfo/shard-path"));
});
