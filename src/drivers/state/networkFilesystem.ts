import { Effect } from "effect";
import type { Problem } from "../../core/Problem.ts";
import * as Disk from "../Disk.ts";

/** The finding for a file system of this `f_type`. */
export const ofType = (type: number, path: string): ReadonlyArray<Problem> => {
  const name = Disk.networkName(type);
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
  Effect.map(Disk.look(path), (disk) => disk === undefined ? [] : ofType(disk.type, path));
