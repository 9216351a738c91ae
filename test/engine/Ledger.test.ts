import { describe, expect, it } from "vitest";
import * as Ledger from "../../src/engine/Ledger.ts";

const none = { rejected: 0, conflict: 0 };

describe("Invariant 2: an account that does not close is never a success", () => {
  it("an item listed and not settled is an imbalance", () => {
    const ledger = { ...Ledger.empty, listed: 3, committed: 2, deleted: 2 };
    expect(Ledger.imbalances(ledger)).toHaveLength(1);
    expect(Ledger.shortfalls(ledger, none)).toHaveLength(1);
  });

  it("a durable item without a disposal is an imbalance", () => {
    expect(Ledger.imbalances({ ...Ledger.empty, listed: 2, committed: 1, already: 1, deleted: 1 })).toHaveLength(1);
  });

  for (const name of ["failed", "contended"] as const) {
    it(`${name} items fail the run whatever is tolerated`, () => {
      const ledger = { ...Ledger.empty, listed: 1, [name]: 1 };
      expect(Ledger.shortfalls(ledger, { rejected: 9, conflict: 9 })).toEqual([`${name} 1`]);
    });
  }

  for (const name of ["changed", "undeleted"] as const) {
    it(`${name} files fail the run whatever is tolerated`, () => {
      const ledger = { ...Ledger.empty, listed: 1, committed: 1, [name]: 1 };
      expect(Ledger.shortfalls(ledger, { rejected: 9, conflict: 9 })).toEqual([`${name} 1`]);
    });
  }

  it("rejects and conflicts count only beyond what is tolerated", () => {
    const ledger = { ...Ledger.empty, listed: 5, rejected: 3, conflict: 2 };
    expect(Ledger.shortfalls(ledger, none)).toEqual(["rejected 3", "conflict 2"]);
    expect(Ledger.shortfalls(ledger, { rejected: 3, conflict: 1 })).toEqual(["conflict 2 > 1 tolerated"]);
    expect(Ledger.shortfalls(ledger, { rejected: 3, conflict: 2 })).toEqual([]);
  });
});
