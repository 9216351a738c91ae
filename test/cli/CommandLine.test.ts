import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem";
import * as NodePath from "@effect/platform-node/NodePath";
import * as NodeTerminal from "@effect/platform-node/NodeTerminal";
import { it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { describe, expect } from "vitest";
import * as CommandLine from "../../src/cli/CommandLine.ts";

const node = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeTerminal.layer);

const parse = (...argv: ReadonlyArray<string>) => {
  const { rest, verb } = CommandLine.read(argv);
  return CommandLine.parse(verb!, rest).pipe(Effect.provide(node));
};

describe("reading a command line", () => {
  it.effect("flags mean the same wherever they stand", () =>
    Effect.gen(function*() {
      const expected = { set: ["a=b", "c=d=e"], environment: "prod", json: true, keep: true };
      for (
        const argv of [
          ["--env", "prod", "--json", "run", "--set", "a=b", "x", "--keep", "--set", "c=d=e"],
          ["--set=a=b", "--env=prod", "run", "x", "--set=c=d=e", "--json", "--keep"],
          ["run", "--keep", "--json", "--env", "prod", "--set", "a=b", "--set=c=d=e", "--", "x"],
        ]
      ) {
        const { args, values } = yield* parse(...argv);
        expect([argv, args, values]).toMatchObject([argv, "x", expected]);
      }
    }));

  it.effect("a value is never taken for a verb, nor a verb's name for anything but an argument", () =>
    Effect.gen(function*() {
      expect(yield* parse("--env", "run", "status", "run")).toMatchObject({
        args: "run",
        values: { environment: "run" },
      });
      expect(yield* parse("validate", "list", "run")).toMatchObject({ args: ["list", "run"] });
    }));

  it.effect("a value may hold equals signs, spaces and what looks like a flag after one", () =>
    Effect.gen(function*() {
      const { values } = yield* parse("quarantine", "accept", "--note", "a = b --all", "--code=x/y");
      expect(values).toMatchObject({ note: "a = b --all", code: "x/y", all: false });
    }));

  it.effect("what is unknown or too much is refused, with what was meant", () =>
    Effect.gen(function*() {
      const refused = (...argv: ReadonlyArray<string>) =>
        Effect.map(Effect.flip(parse(...argv)), ({ remedy }) => remedy);
      expect(yield* refused("run", "x", "--plan-hsh", "y")).toBe("did you mean --plan-hash?");
      expect(yield* refused("list", "x")).toBe("write pipeline list");
      expect(yield* refused("run", "x", "--set")).toBe("see pipeline run --help");
      expect(yield* refused("run", "x", "--plan-hash", "a", "--plan-hash=b")).toBe("give it once");
    }));
});
