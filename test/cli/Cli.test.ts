import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem";
import * as NodePath from "@effect/platform-node/NodePath";
import * as NodeTerminal from "@effect/platform-node/NodeTerminal";
import { it } from "@effect/vitest";
import { Effect, Layer } from "effect";
import { tmpdir } from "node:os";
import { fileURLToPath } from "node:url";
import { expect } from "vitest";
import * as Cli from "../../src/cli/Cli.ts";
import { Host } from "../../src/cli/Host.ts";

const node = Layer.mergeAll(NodeFileSystem.layer, NodePath.layer, NodeTerminal.layer);

/** A process in which nothing works but what a test says. */
const run = (argv: ReadonlyArray<string>, host: Partial<Host["Type"]>) => {
  const written = { stdout: "", stderr: "" };
  const output = (name: "stdout" | "stderr") => ({
    isTerminal: false,
    write: (text: string) => {
      written[name] += text;
    },
  });
  return Cli.main(argv).pipe(
    Effect.scoped,
    Effect.provideService(Host, {
      version: "0.0.0",
      packageRoot: fileURLToPath(new URL("../..", import.meta.url)),
      workingFolder: tmpdir(),
      variables: {},
      stdout: output("stdout"),
      stderr: output("stderr"),
      isInteractive: false,
      stop: Effect.never,
      interrupted: Effect.never,
      registry: Effect.dieMessage("no registry"),
      connections: () => Layer.die("no connections"),
      state: () => Layer.die("no state"),
      checkState: () => Effect.succeed([]),
      checkupState: () => Effect.succeed([]),
      ...host,
    }),
    Effect.provide(node),
    Effect.map((code) => ({ code, ...written })),
  );
};

it.effect("a bug of ours ends with 1, with its cause on stderr, and under --json with an envelope too", () =>
  Effect.gen(function*() {
    const human = yield* run(["list"], {});
    expect(human).toMatchObject({ code: 1, stdout: "" });
    expect(human.stderr).toContain("this is a bug of ncps-pipeline");
    expect(human.stderr).toContain("no registry");
    const json = yield* run(["list", "--json"], {});
    expect(JSON.parse(json.stdout)).toMatchObject({ command: "list", ok: false, error: { code: "pipeline/defect" } });
  }));

it.effect("a signal ends a verb that hangs before anything began", () =>
  Effect.gen(function*() {
    const hanging = { registry: Effect.never, interrupted: Effect.succeed("SIGTERM") };
    const ended = yield* run(["validate"], hanging);
    expect(ended).toMatchObject({ code: 143, stdout: "" });
    expect(ended.stderr).toContain("signal/sigterm");
  }));

it.effect("help, version and usage errors need nothing of the process", () =>
  Effect.gen(function*() {
    expect(yield* run(["--version"], {})).toEqual({ code: 0, stdout: "0.0.0\n", stderr: "" });
    expect(yield* run(["run", "--help"], {})).toMatchObject({ code: 0, stderr: "" });
    expect(yield* run(["nope"], {})).toMatchObject({ code: 2, stdout: "" });
  }));
