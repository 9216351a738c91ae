import { execFileSync } from "node:child_process";
import { expect, it } from "vitest";
import * as Invocation from "../../src/cli/Invocation.ts";

it("a command to run next looks where this one looked", () => {
  const nowhere = { environment: undefined, project: undefined, state: undefined, sets: [] };
  expect(Invocation.advise(nowhere)("status")).toBe("pipeline status");
  expect(Invocation.advise({ ...nowhere, environment: "prod", project: "my files/p.yaml", state: "s.db" })("status"))
    .toBe("pipeline status --env prod --project 'my files/p.yaml' --state s.db");
});

it("Invariant 9: what --set holds is not repeated, since it may be a secret", () => {
  const advised = Invocation.advise({
    environment: undefined,
    project: undefined,
    state: undefined,
    sets: ["a=hunter2"],
  })("status");
  expect(advised).toBe("pipeline status --set …");
});

it("a quoted word comes out of a shell as it went in", () => {
  for (const word of ["plain/word.yaml", "two words", "it's", "$(rm x)", "", "a\nb", "*"]) {
    expect(execFileSync("sh", ["-c", `printf %s ${Invocation.quote(word)}`], { encoding: "utf8" })).toBe(word);
  }
});
