import { describe, expect, it } from "vitest";
import { canonicalJson, compile } from "../../src/engine/Compile.ts";
import type { Inspections } from "../../src/engine/Inspect.ts";
import type { Spec } from "../../src/spec/Spec.ts";
import { ModelWorld } from "../support/ModelWorld.ts";

const found = (identity: Readonly<Record<string, string>>) => ({
  facts: undefined,
  identity,
  problems: [],
  statements: [],
});

const inspections: Inspections = {
  source: found({ storage: "file:/cache", prefix: "p/" }),
  sink: found({ database: "sqlite:/db" }),
  postSteps: [found({ storage: "file:/cache" })],
  problems: [],
};

const { spec } = new ModelWorld([]).plan();

const hashOf = (change: Partial<Spec> = {}, keep = false, seen = inspections) =>
  compile({ ...spec, ...change }, "default", seen, "1.0.0", { keep }).hash;

describe("what was approved is what runs", () => {
  it("settings and identities in another order have the same hash", () => {
    const turned = { ...inspections, source: found({ prefix: "p/", storage: "file:/cache" }) };
    expect(hashOf({}, false, turned)).toBe(hashOf());
    expect(canonicalJson({ b: [{ d: 1, c: 2n }], a: undefined })).toBe('{"b":[{"c":"2n","d":1}]}');
  });

  const { sink } = spec;
  for (
    const [what, hash] of [
      ["another place", hashOf({}, false, { ...inspections, sink: found({ database: "sqlite:/other" }) })],
      ["no post-steps", hashOf({}, true)],
      ["another tolerance", hashOf({ tolerate: { rejected: 1, conflict: 0 } })],
      ["no lock", hashOf({ sink: { ...sink, lock: undefined } })],
      ["another batch size", hashOf({ sink: { ...sink, batch: { ...sink.batch, items: { start: 1, max: 1 } } } })],
      ["another setting of a stage", hashOf({ source: { ...spec.source, canonical: { prefix: "q/" } } })],
    ] as const
  ) {
    it(`${what} has another hash`, () => expect(hash).not.toBe(hashOf()));
  }

  it("checkpoints of a run that kept its files are none of a run that deletes", () => {
    const kept = compile(spec, "default", inspections, "1.0.0", { keep: true });
    const deleting = compile(spec, "default", inspections, "1.0.0", { keep: false });
    expect(kept.postSteps).not.toBe(deleting.postSteps);
    expect([kept.deletes, deleting.deletes]).toEqual([false, true]);
  });
});
