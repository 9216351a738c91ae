/** What `doctor` asks of the place of the state file; Invariant 10: nothing is made. */
import { Effect } from "effect";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Check } from "../../core/Check.ts";
import * as Disk from "../Disk.ts";
import * as networkFilesystem from "./networkFilesystem.ts";
import * as StateFile from "./StateFile.ts";

/** Runs and quarantine take a kilobyte per record: a hundred thousand rejects fit. */
const scarceBytes = 256 * 1024 ** 2;

const may = (path: string, mode: number): Effect.Effect<boolean> =>
  Effect.tryPromise(() => access(path, mode)).pipe(Effect.as(true), Effect.orElseSucceed(() => false));

const writable = (path: string): Effect.Effect<Check> =>
  Effect.gen(function*() {
    const { W_OK, X_OK } = constants;
    const file = yield* Effect.option(Effect.tryPromise(() => stat(path)));
    const folder = yield* Effect.promise(() => Disk.nearest(dirname(path)));
    const isWritable = (yield* may(folder, W_OK | X_OK)) && (file._tag === "None" || (yield* may(path, W_OK)));
    return isWritable
      ? {
        name: "state/writable",
        status: "pass",
        detail: file._tag === "None" ? `${path} would be made by the first run` : path,
      }
      : {
        name: "state/writable",
        status: "fail",
        detail: `this user may not write ${file._tag === "None" ? `in ${folder}` : `${path} or its folder`}`,
        remedy: "Name another file with --state, or grant access",
      };
  });

export const checkup = (path: string): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function*() {
    const opened = yield* Effect.scoped(Effect.either(StateFile.open(path, "read")));
    const disk = yield* Disk.look(path);
    const network = yield* networkFilesystem.check(path);
    return [
      yield* writable(path),
      ...(opened._tag === "Right" ? [] : [{
        name: "state/readable",
        status: "fail" as const,
        detail: opened.left.detail,
        ...(opened.left.remedy === undefined ? {} : { remedy: opened.left.remedy }),
      }]),
      ...network.map(({ message, suggestion }): Check => ({
        name: "state/file-system",
        status: "warn",
        detail: message,
        ...(suggestion === undefined ? {} : { remedy: suggestion }),
      })),
      ...(disk === undefined ? [] : [
        disk.freeBytes >= scarceBytes
          ? { name: "state/free-space", status: "pass" as const, detail: `${Disk.inUnits(disk.freeBytes)} free` }
          : {
            name: "state/free-space",
            status: disk.freeBytes < Disk.fullBytes ? "fail" as const : "warn" as const,
            detail: `${Disk.inUnits(disk.freeBytes)} free`,
            remedy: "Make room, or name a file on another disk with --state",
          },
      ]),
    ];
  });
