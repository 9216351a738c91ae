/** Reading, comparing and deleting single files, synchronously: runs in a worker thread. */
import type { Context } from "effect";
import { createHash, hash } from "node:crypto";
import * as fs from "node:fs";
import type { Faults } from "../../core/Faults.ts";
import type { DeleteOutcome, Target } from "../../core/Storage.ts";
import * as Folders from "./LocalFolders.ts";

/** Memory and time that one message may take: as large as the largest object by default, about 10 ms of reading and hashing. */
const messageBytes = 16 * 1024 * 1024;

/** What one file beyond its content counts for: a few system calls take as long as hashing this much. */
const fileBytes = 16 * 1024;

/** Narinfos are about 700 bytes; a chunk of them fits without growing. */
const slabBytes = 512 * 1024;

export type Answer =
  | {
    readonly _tag: "Read";
    readonly start: number;
    readonly end: number;
    readonly version: string;
    readonly sha256: string;
  }
  | { readonly _tag: "Gone" }
  | {
    readonly _tag: "Refused";
    readonly outcome: "rejected" | "failed";
    readonly code: string;
    readonly reason: string;
  };

/** Answers for the first keys asked, at least one; `content` holds what was read, end to end. */
export interface ReadPart {
  readonly content: ArrayBuffer;
  readonly answers: ReadonlyArray<Answer>;
}

/** The point at which a drill kills the process, and at which passing of it. */
export type Armed = Context.Tag.Service<typeof Faults>["armed"];

/** Never blocks on a FIFO, never follows a link in the last component. */
const fileFlags = fs.constants.O_RDONLY | fs.constants.O_NOFOLLOW | fs.constants.O_NONBLOCK | fs.constants.O_NOCTTY;

const versionOf = (stat: fs.BigIntStats): string =>
  `${stat.dev}:${stat.ino}:${stat.size}:${stat.mtimeNs}:${stat.ctimeNs}`;

/** As if by their versions, which cost more to spell than the system call does. */
const isSameVersion = (a: fs.BigIntStats, b: fs.BigIntStats): boolean =>
  a.ctimeNs === b.ctimeNs && a.mtimeNs === b.mtimeNs && a.size === b.size && a.ino === b.ino && a.dev === b.dev;

/** Whether a key names one place below the root and nothing else; `.`, `..` and empty components would give it other names. */
export const isKey = (key: string): boolean =>
  key !== "" && !key.includes("\0") && key.split("/").every((name) => name !== "" && name !== "." && name !== "..");

const refused = (outcome: "rejected" | "failed", code: string, reason: string): Answer => ({
  _tag: "Refused",
  outcome,
  code,
  reason,
});

const badKey = refused("rejected", "storage/bad-key", "it is no path below the root");
const notAFile = refused("rejected", "storage/not-a-file", "it is no regular file");
const changedWhileReading = refused(
  "failed",
  "storage/changed-while-reading",
  "it was written to while it was read; run again when its writer is done",
);
const diverted = refused(
  "rejected",
  "storage/symlink",
  "it is, or lies behind, a symbolic link or something that is no folder; links are never followed",
);

const unreadable = (error: unknown): Answer => {
  if (Folders.isMissing(error)) return { _tag: "Gone" };
  if (Folders.isDiverted(error)) return diverted;
  switch (Folders.codeOf(error)) {
    case "EACCES":
    case "EPERM":
      return refused("failed", "storage/denied", "permission denied; run as the user that owns it");
    // How a socket, or a device without a driver, answers to being opened.
    case "ENXIO":
    case "ENODEV":
    case "EOPNOTSUPP":
    case "EISDIR":
      return notAFile;
    default:
      return refused("failed", "storage/io", `it cannot be read: ${String(error)}`);
  }
};

const undeleted = (error: unknown): DeleteOutcome => {
  const outcome = (code: string, reason: string): DeleteOutcome => ({ _tag: "Undeleted", code, reason });
  switch (Folders.codeOf(error)) {
    case "ENOENT":
      return { _tag: "Gone" };
    // Something else stands where it was, or on the way there.
    case "ELOOP":
    case "ENOTDIR":
    case "EISDIR":
    case "ENXIO":
      return { _tag: "Changed" };
    case "EACCES":
      return outcome("storage/denied", "permission denied; run as the user that owns its folder");
    case "EPERM":
      return outcome("storage/denied", "not permitted: it or its folder is immutable, append-only or another user's");
    case "EROFS":
      return outcome("storage/read-only", "the file system is mounted read-only; mount it writable and run again");
    case "EBUSY":
    case "ETXTBSY":
      return outcome("storage/busy", "it is in use by the system; run again later");
    default:
      return outcome("storage/io", `it cannot be deleted: ${String(error)}`);
  }
};

/** Reads `length` bytes into the buffer, fewer where the file ends before. */
const fill = (fd: number, into: Uint8Array, length: number): number => {
  let filled = 0;
  while (filled < length) {
    const got = fs.readSync(fd, into, filled, length - filled, null);
    if (got === 0) break;
    filled += got;
  }
  return filled;
};

/** SHA-256 of the rest of an open file, in pieces. */
const digest = (fd: number, scratch: Uint8Array, size: number): string => {
  if (size <= scratch.length) return hash("sha256", scratch.subarray(0, fill(fd, scratch, size)), "hex");
  const digester = createHash("sha256");
  for (let got = fill(fd, scratch, scratch.length); got > 0; got = fill(fd, scratch, scratch.length)) {
    digester.update(scratch.subarray(0, got));
  }
  return digester.digest("hex");
};

export const make = (root: Folders.Root, armed: Armed) => {
  const scratch = new Uint8Array(slabBytes);
  let passings = 0;

  const drill = (point: "before-delete" | "after-delete"): void => {
    if (armed?.point === point && ++passings === armed.passing) process.kill(process.pid, "SIGKILL");
  };

  /**
   * Does `work` for the first of `all`, at least one, until a message's share is used up or it fails: what has been done is answered first,
   * and who asks for the rest meets the failure.
   */
  const firstOf = <A, B>(
    all: ReadonlyArray<A>,
    work: (one: A, visit: Folders.Visit, spend: (bytes: number) => void) => B,
  ): Array<B> => {
    const visit = new Folders.Visit(root);
    let budget = messageBytes;
    const spend = (bytes: number): void => {
      budget -= bytes;
    };
    try {
      const done: Array<B> = [];
      for (const one of all) {
        spend(fileBytes);
        try {
          done.push(work(one, visit, spend));
        } catch (error) {
          if (done.length === 0) throw error;
          break;
        }
        if (budget <= 0) break;
      }
      return done;
    } finally {
      visit.close();
    }
  };

  /** The path to use now. Throws what entering its folder throws. */
  const pathOf = (visit: Folders.Visit, key: string): string | Buffer => {
    const bytes = Folders.toBytes(key);
    const folder = Folders.folderOf(bytes);
    return Folders.toPath(visit.enter(folder) + bytes.slice(folder.length));
  };

  /**
   * Whether the name of what looks changed still leads to something. Who unlinks a file changes its ctime a moment before the name goes;
   * reading the folder waits for that moment, as it needs the folder's lock.
   */
  const isNamed = (visit: Folders.Visit, key: string): boolean => {
    const folder = visit.enter(Folders.folderOf(Folders.toBytes(key)));
    const entries = fs.opendirSync(Folders.toPath(folder), { bufferSize: 1 });
    try {
      entries.readSync();
    } finally {
      entries.closeSync();
    }
    return fs.lstatSync(pathOf(visit, key), { throwIfNoEntry: false }) !== undefined;
  };

  const read = (keys: ReadonlyArray<string>, maxBytes: number): ReadPart => {
    let slab = new Uint8Array(slabBytes);
    let end = 0;

    const reserve = (size: number): void => {
      if (end + size <= slab.length) return;
      const larger = new Uint8Array(Math.max(end + size, slab.length * 2));
      larger.set(slab.subarray(0, end));
      slab = larger;
    };

    const readOpen = (fd: number, spend: (bytes: number) => void): Answer => {
      const before = fs.fstatSync(fd, { bigint: true });
      if (!before.isFile()) return notAFile;
      if (before.size > maxBytes) {
        return refused(
          "rejected",
          "storage/too-large",
          `it has ${before.size} bytes, more than the ${maxBytes} allowed`,
        );
      }
      const size = Number(before.size);
      reserve(size);
      spend(size);
      const start = end;
      const content = slab.subarray(start, start + fill(fd, slab.subarray(start), size));
      if (content.length !== size || !isSameVersion(fs.fstatSync(fd, { bigint: true }), before)) {
        return changedWhileReading;
      }
      end += size;
      return { _tag: "Read", start, end, version: versionOf(before), sha256: hash("sha256", content, "hex") };
    };

    const answers = firstOf(keys, (key, visit, spend): Answer => {
      if (!isKey(key)) return badKey;
      let fd: number | undefined;
      try {
        fd = fs.openSync(pathOf(visit, key), fileFlags);
        const answer = readOpen(fd, spend);
        return answer !== changedWhileReading || isNamed(visit, key) ? answer : { _tag: "Gone" };
      } catch (error) {
        if (error instanceof Folders.StorageFault) throw error;
        return unreadable(error);
      } finally {
        if (fd !== undefined) fs.closeSync(fd);
      }
    });
    return { content: slab.buffer.slice(0, end), answers };
  };

  /** Anything but the very same file is `changed`, one that can no longer be asked included. */
  const check = (targets: ReadonlyArray<Target>): ReadonlyArray<"same" | "changed" | "gone"> =>
    firstOf(targets, ({ key, origin }, visit) => {
      if (!isKey(key)) return "changed";
      try {
        const now = fs.lstatSync(pathOf(visit, key), { bigint: true, throwIfNoEntry: false });
        return now === undefined
          ? "gone"
          : versionOf(now) === origin.version
          ? "same"
          : isNamed(visit, key)
          ? "changed"
          : "gone";
      } catch (error) {
        if (error instanceof Folders.StorageFault) throw error;
        return Folders.isMissing(error) ? "gone" : "changed";
      }
    });

  /**
   * Invariant 1: deletes a file only if it still is, by device, inode, size, times and content, what was read. POSIX has no conditional
   * unlink: what remains is the instant between two adjacent system calls, and ncps never replaces a narinfo.
   */
  const removeOne = (
    visit: Folders.Visit,
    { key, origin }: Target,
    spend: (bytes: number) => void,
  ): DeleteOutcome => {
    const path = pathOf(visit, key);
    const changed = (): DeleteOutcome => ({ _tag: isNamed(visit, key) ? "Changed" : "Gone" });
    const fd = fs.openSync(path, fileFlags);
    try {
      const stat = fs.fstatSync(fd, { bigint: true });
      if (!stat.isFile() || versionOf(stat) !== origin.version) return changed();
      spend(Number(stat.size));
      if (digest(fd, scratch, Number(stat.size)) !== origin.sha256) return { _tag: "Changed" };
      drill("before-delete");
      const named = fs.lstatSync(path, { bigint: true, throwIfNoEntry: false });
      if (named === undefined) return { _tag: "Gone" };
      if (!isSameVersion(named, stat)) return changed();
      fs.unlinkSync(path);
      drill("after-delete");
      return { _tag: "Deleted" };
    } finally {
      fs.closeSync(fd);
    }
  };

  const remove = (targets: ReadonlyArray<Target>): ReadonlyArray<DeleteOutcome> =>
    firstOf(targets, (target, visit, spend) => {
      if (!isKey(target.key)) {
        return { _tag: "Undeleted", code: "storage/bad-key", reason: "it is no path below the root" };
      }
      try {
        return removeOne(visit, target, spend);
      } catch (error) {
        if (error instanceof Folders.StorageFault) throw error;
        return undeleted(error);
      }
    });

  return { read, check, remove };
};
