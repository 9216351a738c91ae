import { it } from "@effect/vitest";
import { Effect } from "effect";
import { describe, expect } from "vitest";
import * as Answer from "../../src/cli/Answer.ts";
import { UsageError } from "../../src/cli/Failure.ts";
import * as Render from "../../src/cli/Render.ts";
import { SqlError } from "../../src/core/Errors.ts";
import { empty } from "../../src/engine/Ledger.ts";

const make = (options: { readonly json?: boolean; readonly isTerminal?: boolean; readonly colour?: boolean } = {}) => {
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    isTerminal: options.isTerminal ?? false,
    write: (text: string) => {
      written[name] += text;
    },
  });
  const render = Render.make({
    stdout: output("stdout"),
    stderr: output("stderr"),
    json: options.json ?? false,
    colour: options.colour ?? true,
  });
  return { render, written };
};

const progress = {
  keep: false,
  total: 200,
  ledger: { ...empty, listed: 100, committed: 90, rejected: 4, conflict: 1, contended: 2, skipped: 3 },
  elapsedMillis: 65_000,
  rate: 1.5,
  inFlight: 1,
  batchItems: 500,
  writers: 3,
  maxRate: undefined,
  paused: undefined,
};

describe("progress", () => {
  it.effect("is a line of ncps' own words in a log", () =>
    Effect.gen(function*() {
      const { render, written } = make();
      yield* render.progress(progress);
      expect(written.stdout).toBe(
        "progress found=200 processed=100 succeeded=90 failed=2 rejected=4 conflict=1 skipped=3 elapsed=1m5s rate=1.5 batch=500 writers=3 percent=50.00% eta=1m7s\n",
      );
    }));

  it.effect("says how fast it may go, and what it waits for", () =>
    Effect.gen(function*() {
      const waiting = { ...progress, maxRate: 20, paused: "replica lag 14s > 10s" };
      const log = make();
      yield* log.render.progress(waiting);
      expect(log.written.stdout).toContain("writers=3 max-rate=20/s percent");
      expect(log.written.stdout).toMatch(/ paused: replica lag 14s > 10s\n$/);
      const terminal = make({ isTerminal: true, colour: false });
      yield* terminal.render.progress(waiting);
      expect(terminal.written.stdout).toContain("1.5/s of 20/s at most");
      expect(terminal.written.stdout).toContain("paused: replica lag 14s > 10s");
    }));

  it.effect("goes to stderr under --json, where stdout is for the envelope alone", () =>
    Effect.gen(function*() {
      const { render, written } = make({ json: true });
      yield* render.progress(progress);
      yield* render.note("on the way");
      expect(written.stdout).toBe("");
      expect(written.stderr).toContain("progress found=200");
    }));

  it.effect("is taken away from a terminal before anything else is said", () =>
    Effect.gen(function*() {
      const { render, written } = make({ isTerminal: true, colour: false });
      yield* render.progress(progress);
      yield* render.note("next");
      expect(written.stdout).toBe(
        `${Render.eraseLine}50.00%  100 of 200  2 failed  4 rejected  1 in conflict  3 skipped  1.5/s  1m5s, 1m7s left${Render.eraseLine}next\n`,
      );
    }));
});

describe("answers", () => {
  const answer = Answer.make({
    summary: "one line",
    result: { big: 9_007_199_254_740_993n, small: 7n, text: "x" },
    text: (paint) => [paint.green("for people")],
  });

  it.effect("int64 beyond a double's precision keeps every digit", () =>
    Effect.gen(function*() {
      const { render, written } = make({ json: true });
      yield* render.answer("verb", answer);
      expect(written.stdout).toBe(
        `{"command":"verb","ok":true,"summary":"one line","result":{"big":"9007199254740993","small":7,"text":"x"},"error":null}\n`,
      );
    }));

  it.effect("colour is for terminals, and for those who want it", () =>
    Effect.gen(function*() {
      const shown = (options: Parameters<typeof make>[0]) => {
        const { render, written } = make(options);
        return Effect.map(render.answer("verb", answer), () => written.stdout);
      };
      expect(yield* shown({ isTerminal: true })).toContain("\u001b[32m");
      expect(yield* shown({ isTerminal: true, colour: false })).toBe("for people\n");
      expect(yield* shown({ isTerminal: false })).toBe("for people\n");
    }));
});

describe("failures", () => {
  it.effect("name what, why and what to do, each once", () =>
    Effect.gen(function*() {
      const { render, written } = make();
      yield* render.failure(
        "run",
        new UsageError({ reason: "flag", detail: "no such flag", remedy: "did you mean --keep?" }),
      );
      const disk = {
        connection: "db",
        reason: "Environment",
        code: "SQLITE_FULL",
        detail: "the disk is full",
      } as const;
      yield* render.failure("run", new SqlError({ ...disk, remedy: "free some space" }));
      expect(written.stderr).toBe(
        "error  usage/flag  no such flag\n    → did you mean --keep?\n"
          + "error  sql/environment  database db (SQLITE_FULL): the disk is full\n    → free some space\n",
      );
      expect(written.stdout).toBe("");
    }));

  it.effect("Invariant 9: a password in a URL that comes from below is not shown", () =>
    Effect.gen(function*() {
      const { render, written } = make({ json: true });
      yield* render.broken("run", "pipeline/defect", "it broke", "Error: postgres://ncps:hunter2@db/ncps refused");
      const cause = { connection: "db", reason: "Unusable", detail: "redis://:hunter2@host gone" } as const;
      yield* render.failure("run", new SqlError({ ...cause, reason: "Environment", code: "X" }));
      expect(written.stdout + written.stderr).not.toContain("hunter2");
    }));

  it.effect("a remedy that says how a URL is written stays readable", () =>
    Effect.gen(function*() {
      const { render, written } = make();
      const remedy = "write it like mysql://user:<password>@host:3306/ncps";
      yield* render.failure("run", new UsageError({ reason: "flag", detail: "no such flag", remedy }));
      expect(written.stderr).toContain(remedy);
    }));
});
