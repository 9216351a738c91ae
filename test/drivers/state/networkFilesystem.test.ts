import { describe, expect, it } from "@effect/vitest";
import { Effect } from "effect";
import { existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { check, ofType } from "../../../src/drivers/state/networkFilesystem.ts";

describe("state/network-filesystem", () => {
  it.effect("a local disk gives no finding, and nothing is made by asking", () =>
    Effect.gen(function*() {
      const path = join(tmpdir(), "not", "there", "state.db");
      expect(yield* check(path)).toEqual([]);
      expect(existsSync(join(tmpdir(), "not"))).toBe(false);
    }));

  it("NFS and SMB are named, whatever the sign that the platform gives their type", () => {
    expect(ofType(0x6969, "/x")).toMatchObject([{ code: "state/network-filesystem", severity: "warning" }]);
    expect(ofType(0xff534d42, "/x")[0]?.message).toContain("CIFS");
    expect(ofType(0xff534d42 | 0, "/x")[0]?.message).toContain("CIFS");
    expect(ofType(0xef53, "/x")).toEqual([]);
  });
});
