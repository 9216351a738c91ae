import { Effect } from "effect";
import { existsSync, statfsSync } from "node:fs";
import { dirname, resolve } from "node:path";
import type { Problem } from "../../core/Problem.ts";

/** `f_type` of file systems whose locks or shared memory do not hold between hosts: statfs(2). */
const names: ReadonlyMap<number, string> = new Map([
  [0x6969, "NFS"],
  [0x517b, "SMB"],
  [0xff534d42, "CIFS"],
  [0xfe534d42, "SMB"],
  [0x5346414f, "AFS"],
  [0x73757245, "Coda"],
  [0x00c36400, "Ceph"],
  [0x0bd00bd0, "Lustre"],
  [0x01021997, "9P"],
  [0x01161970, "GFS2"],
  [0x7461636f, "OCFS2"],
  [0x65735546, "FUSE"],
]);

const nearest = (path: string): string => existsSync(path) || dirname(path) === path ? path : nearest(dirname(path));

/** The finding for a file system of this `f_type`; unsigned 32 bits, because the field's width and sign differ between platforms. */
export const ofType = (type: number, path: string): ReadonlyArray<Problem> => {
  const name = names.get(type >>> 0);
  if (name === undefined) return [];
  return [{
    code: "state/network-filesystem",
    severity: "warning",
    path: [],
    message: `The state file ${path} would lie on ${name}, where SQLite's locks are not reliable.`,
    suggestion: "Name a file on a local disk with --state.",
  }];
};

/** A warning where the state file would not lie on a local disk; opens nothing, and says nothing where it cannot be told. */
export const check = (path: string): Effect.Effect<ReadonlyArray<Problem>> =>
  Effect.sync(() => ofType(statfsSync(nearest(resolve(path))).type, path)).pipe(
    Effect.catchAllDefect(() => Effect.succeed([])),
  );
