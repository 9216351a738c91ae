import { Effect, type Scope } from "effect";
import * as fs from "node:fs";
import * as os from "node:os";
import * as path from "node:path";

/** A folder of one's own that anyone may enter, gone with the scope. */
export const folder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => {
    const made = fs.realpathSync(fs.mkdtempSync(path.join(os.tmpdir(), "ncps-pipeline-")));
    fs.chmodSync(made, 0o755);
    return made;
  }),
  (made) => Effect.sync(() => fs.rmSync(made, { recursive: true, force: true })),
);

export const put = (root: string) => (key: string, content: Uint8Array | string = key): void => {
  fs.mkdirSync(path.dirname(path.join(root, key)), { recursive: true });
  fs.writeFileSync(path.join(root, key), content);
};

const nobody = 65534;

/** Runs as a user whom file modes bind: root, to whom they mean nothing, becomes nobody meanwhile, in every thread of the process. */
export const unprivileged = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  process.getuid!() !== 0
    ? effect
    : Effect.acquireUseRelease(
      Effect.sync(() => process.seteuid!(nobody)),
      () => effect,
      () => Effect.sync(() => process.seteuid!(0)),
    );

/** Gives a tree to the user that `unprivileged` runs as. */
export const giveAway = (root: string): void => {
  if (process.getuid!() !== 0) return;
  for (const name of [".", ...fs.readdirSync(root, { recursive: true }) as Array<string>]) {
    fs.lchownSync(path.join(root, name), nobody, nobody);
  }
};
