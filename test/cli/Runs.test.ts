import { DateTime } from "effect";
import { describe, expect, it } from "vitest";
import * as Runs from "../../src/cli/Runs.ts";
import type { RunRecord } from "../../src/core/State.ts";

const killed: RunRecord = {
  id: "r",
  environment: "default",
  pipeline: "narinfo-to-db",
  planHash: "",
  postSteps: "[]",
  kind: "run",
  status: "abandoned",
  startedAt: DateTime.unsafeMake(0),
  finishedAt: undefined,
  host: "h",
  pid: 1,
  report: undefined,
};

describe("whether a run keeps its source", () => {
  it("is known of one that was killed before it recorded anything: who keeps is not told to delete", () => {
    expect(Runs.isKeeping(killed)).toBe(true);
    expect(Runs.isKeeping({ ...killed, postSteps: '[["delete-objects",{}]]' })).toBe(false);
  });
});
