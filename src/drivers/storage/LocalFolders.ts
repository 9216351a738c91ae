/**
 * Folders below a root, opened so that no symbolic link is ever followed, not even one that is swapped in meanwhile.
 *
 * Every component is opened by itself with O_NOFOLLOW, relative to the descriptor of its parent: Node has no `openat`, but Linux resolves
 * `/proc/self/fd/<n>/name` from the descriptor and not from a path. Where there is no such `/proc` the same steps run over the plain path:
 * links are still refused, only one swapped in between two of the steps could be followed (a delete compares the inode anyway).
 *
 * Names and keys in here are byte strings: one character per byte of their UTF-8. So a comparison by `<` is byte order, and names that are
 * no UTF-8 can be handled.
 */
import * as fs from "node:fs";
import type { StorageError } from "../../core/Errors.ts";

/** A fault of the whole storage; the driver's main side makes it a StorageError. */
export class StorageFault extends Error {
  readonly fields: FaultFields;
  constructor(fields: FaultFields) {
    super(fields.detail);
    this.fields = fields;
  }
}

export interface FaultFields {
  readonly reason: StorageError["reason"];
  readonly detail: string;
  readonly remedy?: string;
  readonly key?: string;
}

const notAscii = /[^\x00-\x7f]/;

export const toBytes = (text: string): string =>
  notAscii.test(text) ? Buffer.from(text, "utf8").toString("latin1") : text;
export const toText = (bytes: string): string =>
  notAscii.test(bytes) ? Buffer.from(bytes, "latin1").toString("utf8") : bytes;

/** What `fs` takes for the path that these bytes are. */
export const toPath = (bytes: string): string | Buffer => notAscii.test(bytes) ? Buffer.from(bytes, "latin1") : bytes;

export const codeOf = (error: unknown): string | undefined => (error as NodeJS.ErrnoException).code;

/** Whether the path led to nothing. */
export const isMissing = (error: unknown): boolean => codeOf(error) === "ENOENT";

/** Whether something on the way is no folder, or a symbolic link: O_DIRECTORY | O_NOFOLLOW says one or the other, by platform. */
export const isDiverted = (error: unknown): boolean => codeOf(error) === "ENOTDIR" || codeOf(error) === "ELOOP";

export const isDenied = (error: unknown): boolean => codeOf(error) === "EACCES" || codeOf(error) === "EPERM";

const ownerOf = (path: string): string => {
  const owner = fs.statSync(path, { throwIfNoEntry: false })?.uid;
  return owner === undefined ? "a user that may" : `the user that owns it (uid ${owner})`;
};

const deniedFault = (detail: string, path: string, key?: string): StorageFault =>
  new StorageFault({
    reason: "Denied",
    detail,
    remedy: `Run as ${ownerOf(path)}, or grant access`,
    ...(key === undefined ? {} : { key }),
  });

const folderFlags = fs.constants.O_RDONLY | fs.constants.O_DIRECTORY | fs.constants.O_NOFOLLOW;

export interface Root {
  /** Real path. */
  readonly path: string;
  /** Device and inode: another disk mounted there, or none, is another root. */
  readonly inode: string;
}

const inodeOf = (fd: number): string => {
  const stat = fs.fstatSync(fd, { bigint: true });
  return `${stat.dev}:${stat.ino}`;
};

/** Whether folders can be entered through their descriptors. */
const anchored = ((): boolean => {
  const fd = fs.openSync("/", folderFlags);
  try {
    return fs.statSync(`/proc/self/fd/${fd}/.`, { throwIfNoEntry: false })?.isDirectory() ?? false;
  } catch {
    return false;
  } finally {
    fs.closeSync(fd);
  }
})();

const rootFault = (path: string, error: unknown): StorageFault => {
  switch (codeOf(error)) {
    case "ENOENT":
      return new StorageFault({
        reason: "Missing",
        detail: `the folder ${path} does not exist`,
        remedy: "Correct the connection's path, or mount what belongs there",
      });
    case "ENOTDIR":
      return new StorageFault({
        reason: "Unusable",
        detail: `${path} is no folder`,
        remedy: "The connection's path must be a folder: the one that the keys start below",
      });
    case "EACCES":
    case "EPERM":
      return deniedFault(`the folder ${path} may not be read`, path);
    default:
      return new StorageFault({
        reason: "Unavailable",
        detail: `the folder ${path} cannot be opened: ${String(error)}`,
      });
  }
};

/** Resolves the root once, symbolic links included: it is the operator's word, what is below it is not. */
export const openRoot = (path: string): Root => {
  let fd: number | undefined;
  try {
    const real = fs.realpathSync.native(path);
    fd = fs.openSync(real, folderFlags);
    fs.accessSync(real, fs.constants.X_OK);
    return { path: real, inode: inodeOf(fd) };
  } catch (error) {
    throw rootFault(path, error);
  } finally {
    if (fd !== undefined) fs.closeSync(fd);
  }
};

/** Enters folders for one message's work and holds one descriptor, until closed. */
export class Visit {
  readonly #root: Root;
  #folder: string | undefined;
  #base = "";
  #fd: number | undefined;

  constructor(root: Root) {
    this.#root = root;
  }

  /**
   * What to put before a name in this folder (`""` or `a/b/`) to make a path. Throws the errno of the first component that cannot be
   * entered, and a StorageFault where it is the root.
   */
  enter(folder: string): string {
    if (folder === this.#folder) return this.#base;
    this.close();
    this.#enterRoot();
    for (const name of folder.split("/").slice(0, -1)) {
      this.#step(fs.openSync(toPath(this.#base + name), folderFlags), name);
    }
    this.#folder = folder;
    return this.#base;
  }

  close(): void {
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = undefined;
    this.#folder = undefined;
  }

  #enterRoot(): void {
    const { path, inode } = this.#root;
    let fd: number;
    try {
      fd = fs.openSync(path, folderFlags);
    } catch (error) {
      throw rootFault(path, error);
    }
    this.#base = "";
    this.#step(fd, toBytes(path));
    // An unmounted disk leaves an empty folder behind: what it held is not gone.
    if (inodeOf(fd) !== inode) {
      throw new StorageFault({
        reason: "Unavailable",
        detail: `${path} is another folder than when the run began`,
        remedy: "See whether its disk is still mounted, then run again",
      });
    }
  }

  #step(fd: number, name: string): void {
    const path = `${this.#base}${name}/`;
    if (this.#fd !== undefined) fs.closeSync(this.#fd);
    this.#fd = fd;
    this.#base = anchored ? `/proc/self/fd/${fd}/` : path;
  }
}

/** The folder part of a key or prefix, `""` or with its last slash. */
export const folderOf = (key: string): string => key.slice(0, key.lastIndexOf("/") + 1);

/** A fault for a folder that a listing begins at: nothing of what was asked for can be seen. */
export const startFault = (root: Root, folder: string, error: unknown): StorageFault => {
  const key = toText(folder);
  const path = `${root.path}/${key}`;
  if (isDenied(error)) return deniedFault(`the folder ${path} may not be read`, path, key);
  if (isDiverted(error)) {
    return new StorageFault({
      reason: "Unusable",
      detail: `${path} is, or lies behind, something that is no folder or is a symbolic link, which is never followed`,
      remedy: "Name the real folder as the connection's path",
      key,
    });
  }
  return new StorageFault({
    reason: "Unavailable",
    detail: `the folder ${path} cannot be read: ${String(error)}`,
    key,
  });
};
