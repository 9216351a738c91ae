import { describe, expect, it } from "@effect/vitest";
import * as ContentAddress from "../../src/formats/ContentAddress.ts";
import { NAR_HASH } from "./narinfoFixture.ts";

const HEX = "a".repeat(64);

describe("ContentAddress", () => {
  it.each([
    `fixed:r:sha256:${NAR_HASH}`,
    `fixed:sha256:${HEX}`,
    `fixed:sha256:${HEX.toUpperCase()}`,
    `fixed:git:sha1:${"b".repeat(40)}`,
    `fixed:md5:${"A".repeat(22)}==`,
    `fixed:r:blake3:${HEX}`,
    `text:sha256:${NAR_HASH}`,
  ])("accepts %s", (text) => expect(ContentAddress.isValid(text)).toBe(true));

  it.each([
    "",
    "fixed:",
    "text",
    `sha256:${NAR_HASH}`,
    `source:sha256:${NAR_HASH}`,
    `text:r:sha256:${NAR_HASH}`,
    `fixed:r:r:sha256:${NAR_HASH}`,
    `fixed:r:${NAR_HASH}`,
    `fixed:r:sha256-${NAR_HASH}`,
    `fixed:r:sha512:${NAR_HASH}`,
    `fixed:r:crc:${NAR_HASH}`,
    `fixed:r:sha256:${NAR_HASH.slice(1)}`,
    `fixed:r:sha256:${NAR_HASH}:`,
    `Fixed:r:sha256:${NAR_HASH}`,
  ])("refuses %j as Nix does", (text) => expect(ContentAddress.isValid(text)).toBe(false));
});
