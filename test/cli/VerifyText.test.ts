import { describe, expect, it } from "vitest";
import * as VerifyText from "../../src/cli/VerifyText.ts";
import type { Verification } from "../../src/engine/Report.ts";

const none = { missing: 0, undeleted: 0, differing: 0, rejected: 0, failed: 0, accepted: 0, skipped: 0 };

const verdict = (
  examined: number,
  counts: Partial<Verification["counts"]>,
  tolerated = 0,
  sample: Verification["sample"] = null,
): string =>
  VerifyText.verdict({
    pipeline: "p",
    environment: "e",
    planHash: "",
    sample,
    examined,
    counts: { ...none, ...counts },
    orphans: { unknown: "" },
    incidents: [],
    durationMillis: 1,
    stop: undefined,
  }, { rejected: tolerated, conflict: 0 });

describe("the verdict of verify", () => {
  it("claims of no object that nobody compared that it is in the target", () => {
    expect(verdict(3, { skipped: 3 })).toBe("p: nothing was compared; 3 skipped");
    expect(verdict(3, { skipped: 1, undeleted: 2 })).toBe(
      "p: all of 2 items in the target as in the source; 1 skipped",
    );
    expect(verdict(0, {}, 0, { share: 0.00001, seed: 1 })).toBe("p: no key is in the sample: nothing was compared");
    expect(verdict(0, {}, 0, { count: 5, seed: 1 })).toBe("p: nothing is left in the source");
    expect(verdict(3, { skipped: 1, missing: 2 })).toBe("p: 2 missing of 2 items; 1 skipped");
  });

  it("says what is tolerated, what is not, and that there is nothing", () => {
    expect(verdict(0, {})).toBe("p: nothing is left in the source");
    expect(verdict(2, { undeleted: 1, rejected: 1 }, 1)).toBe(
      "p: all of 2 items but 1 rejected (tolerated) in the target as in the source",
    );
    expect(verdict(2, { undeleted: 1, rejected: 1 })).toBe("p: 1 rejected of 2 items");
  });
});
