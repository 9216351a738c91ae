/** Temporary folders where the benchmark was told to put things. */
import type { Scope } from "effect";
import { Effect } from "effect";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";

/** A new folder below `parent`, removed with the scope. */
export const make = (parent: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => mkdtempSync(join(parent, "ncps-pipeline-bench-"))),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
  );

/** Starts a test server whose folder is below `parent`: test servers take the system's folder for temporary files. */
export const within = <A>(
  parent: string,
  server: Effect.Effect<A, never, Scope.Scope>,
): Effect.Effect<A, never, Scope.Scope> =>
  Effect.suspend(() => {
    const before = process.env["TMPDIR"];
    process.env["TMPDIR"] = parent;
    return Effect.ensuring(
      server,
      Effect.sync(() => {
        if (before === undefined) delete process.env["TMPDIR"];
        else process.env["TMPDIR"] = before;
      }),
    );
  });
