/** The folder of type `file`: one holder file per lease, and per key a hard link to it. Synchronous; a call takes some 10 µs. */
import { createHash, randomUUID } from "node:crypto";
import {
  closeSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { hasEnded, type Owner } from "../state/Owner.ts";

/** What a holder file, and so each of its links, says. */
interface Record {
  readonly lease: string;
  readonly owner: Owner;
  /** By the wall clock, in milliseconds since 1970. */
  readonly expires: number;
}

export interface Holder {
  readonly lease: string;
  readonly path: string;
  /** Kept open, so that its links can be counted and its inode is not used again. */
  readonly descriptor: number;
  readonly inode: bigint;
}

const holderSuffix = ".holder";
const keySuffix = ".lock";
/** Of a file's name, in bytes, with room for suffixes; Linux and macOS allow 255. */
const longestName = 200;

/** Readable where the key allows it; any two keys have different names, also where upper and lower case are one. */
export const nameOf = (key: string): string =>
  (/^[a-z0-9][a-z0-9:._-]*$/.test(key) && key.length <= longestName
    ? key
    : `=${createHash("sha256").update(key).digest("hex")}`) + keySuffix;

const codeOf = (cause: unknown): string | undefined => (cause as NodeJS.ErrnoException).code;

/** `undefined` where the file is gone. */
const unlessGone = <A>(use: () => A): A | undefined => {
  try {
    return use();
  } catch (cause) {
    if (codeOf(cause) === "ENOENT") return undefined;
    throw cause;
  }
};

/** `undefined` where the file is gone or, in the moment before it is linked, empty. */
const read = (path: string): Record | undefined => {
  const text = unlessGone(() => readFileSync(path, "utf8")) ?? "";
  return text === "" ? undefined : JSON.parse(text) as Record;
};

/** Whether nobody stands behind it any more, as seen from `observer` at `now`. */
const isStale = ({ expires, owner }: Record, observer: Owner, now: number): boolean =>
  now >= expires || hasEnded(owner, observer) || hasRebooted(owner, observer);

/** The boot comes first in `machine`; what the same host's earlier boot has left is dead. */
const hasRebooted = (owner: Owner, observer: Owner): boolean => {
  const [before, now] = [owner, observer].map(({ machine }) => machine?.split("/")[0]);
  return owner.host === observer.host && before !== undefined && now !== undefined && before !== now;
};

export const hold = (folder: string, owner: Owner, expires: number): Holder => {
  const lease = randomUUID();
  const path = join(folder, lease + holderSuffix);
  const descriptor = openSync(path, "wx", 0o644);
  writeSync(descriptor, JSON.stringify({ lease, owner, expires } satisfies Record));
  return { lease, path, descriptor, inode: fstatSync(descriptor, { bigint: true }).ino };
};

/** link(2) is atomic and fails where the name exists: a key appears with its holder's record in it, or not at all. */
const link = (holder: Holder, path: string): boolean => {
  try {
    linkSync(holder.path, path);
    return true;
  } catch (cause) {
    if (codeOf(cause) === "EEXIST") return false;
    throw cause;
  }
};

export const take = (folder: string, holder: Holder, key: string, observer: Owner, now: number): boolean => {
  const path = join(folder, nameOf(key));
  return link(holder, path) || (clear(path, observer, now) && link(holder, path));
};

/**
 * Removes the key file of a holder that is no more. It is moved aside and looked at again first: a rival may have done the same
 * meanwhile and taken the key, and then gets it back; should a third have been quicker still, the rival's lease is not valid any more.
 */
const clear = (path: string, observer: Owner, now: number): boolean => {
  const record = read(path);
  if (record === undefined) return true;
  if (!isStale(record, observer, now)) return false;
  const aside = `${path}.${randomUUID()}`;
  if (unlessGone(() => (renameSync(path, aside), true)) === undefined) return true;
  const moved = read(aside);
  const mistaken = moved !== undefined && moved.lease !== record.lease;
  if (mistaken) {
    try {
      linkSync(aside, path);
    } catch (cause) {
      if (codeOf(cause) !== "EEXIST") throw cause;
    }
  }
  unlinkSync(aside);
  return !mistaken;
};

/** Whether every one of `count` keys still links to the holder: each that someone removed or took is a link less. */
export const isWhole = (holder: Holder, count: number): boolean => fstatSync(holder.descriptor).nlink === count + 1;

/** Unlinks the key unless it is someone else's by now. */
export const release = (folder: string, holder: Holder, key: string): void => {
  const path = join(folder, nameOf(key));
  unlessGone(() => {
    if (lstatSync(path, { bigint: true }).ino === holder.inode) unlinkSync(path);
  });
};

export const letGo = (holder: Holder): void => {
  unlessGone(() => unlinkSync(holder.path));
  closeSync(holder.descriptor);
};

/** Of a holder file that its process had no time to fill. */
const emptyForMillis = 60_000;

/** Removes what runners have left that were killed. */
export const sweep = (folder: string, observer: Owner, now: number): void => {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name);
    if (name.endsWith(keySuffix)) clear(path, observer, now);
    else if (name.endsWith(holderSuffix) || name.includes(`${keySuffix}.`)) {
      const record = read(path);
      const isLeft = record === undefined
        ? now - (unlessGone(() => lstatSync(path).mtimeMs) ?? now) > emptyForMillis
        : isStale(record, observer, now);
      if (isLeft) unlessGone(() => unlinkSync(path));
    }
  }
};
