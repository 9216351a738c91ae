import { Either } from "effect";
import { expect, it } from "vitest";
import * as Drill from "../../src/cli/Drill.ts";

it("a drill that is misspelt is refused, never quietly disarmed", () => {
  expect(Drill.parse("after-commit:3")).toEqual(Either.right({ point: "after-commit", passing: 3 }));
  for (
    const text of [
      "after-commit",
      "after-commit:0",
      "after-commit:-1",
      "after-commit:1x",
      "toString:1",
      ":1",
      "after-comit:1",
    ]
  ) {
    expect([text, Either.isLeft(Drill.parse(text))]).toEqual([text, true]);
  }
});
