import { Clock, Duration, Effect, type Scope } from "effect";
import { accessSync, constants, existsSync, mkdirSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Check } from "../../core/Check.ts";
import { LockError } from "../../core/Errors.ts";
import type { Lease, Lock } from "../../core/Lock.ts";
import * as Disk from "../Disk.ts";
import * as Owner from "../state/Owner.ts";
import * as LockFiles from "./LockFiles.ts";

/** Keys between two yields of the main loop: some 5 ms on a slow disk. */
const slice = 256;

const remedies: Readonly<Record<string, string>> = {
  EACCES: "Let this user write to the folder",
  EROFS: "Name a folder that can be written to, in lock.path",
  EPERM: "Name a folder on a file system with hard links, in lock.path",
  ENOTSUP: "Name a folder on a file system with hard links, in lock.path",
  EMLINK: "Lower sink.batch.items.max: the file system counts no more links to one file",
  ENOSPC: "Free space, or inodes, on the disk of lock.path",
  EDQUOT: "Raise the quota of this user",
  ENOTDIR: "Name a folder in lock.path",
  EMFILE: "Raise the limit of open files (ulimit -n)",
};

const translate = (folder: string) => (cause: unknown): LockError => {
  const { code = "", message } = cause as NodeJS.ErrnoException;
  return new LockError({
    reason: remedies[code] === undefined || code === "EMFILE" ? "Unavailable" : "Unusable",
    connection: `folder ${folder}`,
    detail: message,
    remedy: remedies[code] ?? "Look into the folder's file system",
    cause,
  });
};

const networkName = (folder: string): Effect.Effect<string | undefined> =>
  Effect.map(Disk.look(folder), (disk) => disk === undefined ? undefined : Disk.networkName(disk.type));

const checkup = (folder: string): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function*() {
    const nearest = (path: string): string =>
      existsSync(path) || dirname(path) === path ? path : nearest(dirname(path));
    const network = yield* networkName(folder);
    const isWritable = yield* Effect.try(() => accessSync(nearest(folder), constants.W_OK | constants.X_OK)).pipe(
      Effect.as(true),
      Effect.orElseSucceed(() => false),
    );
    return [
      isWritable
        ? {
          name: "lock/file-folder",
          status: "pass",
          detail: existsSync(folder) ? `${folder} can be written to` : `${folder} will be made by the first run`,
        }
        : {
          name: "lock/file-folder",
          status: "fail",
          detail: `${folder} cannot be written to`,
          remedy: remedies["EACCES"]!,
        },
      network === undefined
        ? { name: "lock/file-system", status: "pass", detail: "it lies on a disk of this host" }
        : {
          name: "lock/file-system",
          status: "warn",
          detail:
            `it lies on ${network}: whether a holder on another host lives cannot be told, only when its time runs out`,
          remedy: "Use redis, postgres, mysql or etcd where runners are on several hosts",
        },
    ];
  });

/**
 * Keys as files in one folder, for runners of one host; other hosts' are told apart by their time to live only. A holder that was killed
 * keeps nobody out: its process, named in each file, is seen to be gone, and what it left is removed by the next runner.
 */
export const make = (path: string): Effect.Effect<Lock, never, Scope.Scope> =>
  Effect.gen(function*() {
    const folder = resolve(path);
    const self = yield* Owner.self;
    const attempt = <A>(use: () => A) => Effect.try({ try: use, catch: translate(folder) });
    const leases = new Set<Lease>();
    yield* Effect.addFinalizer(() => Effect.forEach([...leases], ({ release }) => release, { discard: true }));

    // Invariant 10: a lock that nobody takes makes no folder.
    const prepare = yield* Effect.once(Effect.gen(function*() {
      const network = yield* networkName(folder);
      if (network !== undefined) {
        yield* Effect.logWarning(
          `lock files lie on ${network}: holders on other hosts are told by their time to live only`,
        );
      }
      const now = yield* Clock.currentTimeMillis;
      yield* attempt(() => LockFiles.sweep(folder, self, now));
    }));

    const inSlices = (keys: ReadonlyArray<string>, use: (key: string) => void) =>
      Effect.gen(function*() {
        for (let from = 0; from < keys.length; from += slice) {
          if (from > 0) yield* Effect.yieldNow();
          yield* attempt(() => keys.slice(from, from + slice).forEach(use));
        }
      });

    const acquire = (keys: ReadonlyArray<string>, ttl: Duration.Duration) =>
      Effect.gen(function*() {
        yield* attempt(() => mkdirSync(folder, { recursive: true }));
        yield* prepare;
        const now = yield* Clock.currentTimeMillis;
        const deadline = (yield* Clock.currentTimeNanos) + Duration.unsafeToNanos(ttl);
        const holder = yield* attempt(() => LockFiles.hold(folder, self, now + Duration.toMillis(ttl)));
        const own = new Set<string>();
        const giveBack = Effect.suspend(() => inSlices([...own], (key) => LockFiles.release(folder, holder, key))).pipe(
          Effect.zipRight(attempt(() => LockFiles.letGo(holder))),
          Effect.catchAll((error) => Effect.logDebug(`lock files not removed, left to expire: ${error.message}`)),
        );
        yield* inSlices([...new Set(keys)], (key) => {
          if (LockFiles.take(folder, holder, key, self, now)) own.add(key);
        }).pipe(Effect.tapError(() => giveBack));
        let released = false;
        const lease: Lease = {
          taken: keys.map((key) => own.has(key)),
          valid: Effect.map(
            Clock.currentTimeNanos,
            (nanos) => !released && nanos < deadline && LockFiles.isWhole(holder, own.size),
          ),
          release: Effect.suspend(() => {
            if (released) return Effect.void;
            released = true;
            leases.delete(lease);
            return giveBack;
          }),
        };
        leases.add(lease);
        return lease;
      });

    return {
      kind: "file",
      shared: true,
      checkup: checkup(folder),
      acquire: (keys, ttl) => Effect.uninterruptible(acquire(keys, ttl)),
    };
  });
