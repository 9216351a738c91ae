/** Walks of folders in byte order of the full key, resumable, with one folder's names per level in memory (Invariant 4). */
import { isUtf8 } from "node:buffer";
import * as fs from "node:fs";
import type { Entry } from "../../core/Storage.ts";
import * as Folders from "./LocalFolders.ts";

export interface Listing {
  readonly prefix: string;
  readonly suffix: string;
  readonly after?: string;
}

type Odd = NonNullable<Entry["odd"]>;

/** Ends of a name are compared as bytes; a folder to descend into ends with `/`, and so sorts among full keys. */
interface Child {
  readonly name: string;
  readonly odd?: Odd;
}

type Kind = "file" | "folder" | "symlink" | "other";

const kindOf = (entry: fs.Dirent | fs.Stats): Kind =>
  entry.isFile() ? "file" : entry.isDirectory() ? "folder" : entry.isSymbolicLink() ? "symlink" : "other";

interface Named {
  readonly name: string;
  readonly kind: Kind;
}

/** Names in one folder, as bytes, in no order. Throws an errno where the folder itself cannot be read. */
const namesIn = (root: Folders.Root, folder: string): ReadonlyArray<Named> => {
  const visit = new Folders.Visit(root);
  try {
    const base = visit.enter(folder);
    try {
      return fs.readdirSync(base, { withFileTypes: true, encoding: "latin1" })
        .map((entry) => ({ name: entry.name, kind: kindOf(entry) }));
    } catch (error) {
      // A file system that tells no types makes Node ask for each; a name that goes meanwhile must not hide the others.
      if ((error as NodeJS.ErrnoException).syscall !== "lstat") throw error;
      return fs.readdirSync(base, { encoding: "latin1" }).flatMap((name) => {
        const stat = fs.lstatSync(Folders.toPath(base + name), { throwIfNoEntry: false });
        return stat === undefined ? [] : [{ name, kind: kindOf(stat) }];
      });
    }
  } finally {
    visit.close();
  }
};

/** `./` is in no other key, so what follows may be escaped and stay unique. */
const escapeName = (name: string): string =>
  `./${
    name.replace(/[\\\x00-\x1f\x7f-\xff]/g, (byte) =>
      byte === "\\" ? "\\\\" : `\\x${byte.charCodeAt(0).toString(16).padStart(2, "0")}`)
  }`;

const rejected = (code: string, reason: string): Odd => ({ outcome: "rejected", code, reason });

const symlink = rejected(
  "storage/symlink",
  "it is a symbolic link, which is never followed; put what it points to in its place",
);
const notAFile = rejected("storage/not-a-file", "it is a FIFO, a socket or a device, and was not opened");
const folderWithSuffix = rejected(
  "storage/folder-with-suffix",
  "it is a folder, though named like an object; it was not entered",
);
const badName = rejected("storage/bad-name", "its name is not UTF-8; rename it (bytes are shown escaped after `./`)");

/** What a name means to a listing; `undefined` where it is none of its business. */
const childOf = ({ name, kind }: Named, suffix: string): Child | undefined => {
  const hasSuffix = name.endsWith(suffix);
  // A link without the suffix may stand for a whole folder of keys: whether it does, only following it could tell.
  if (!hasSuffix && kind !== "folder" && kind !== "symlink") return undefined;
  const bad = !isUtf8(Buffer.from(name, "latin1"));
  const shown = bad ? escapeName(name) : name;
  if (kind === "symlink") return { name: shown, odd: symlink };
  if (kind === "other") return { name: shown, odd: notAFile };
  if (bad) return { name: shown, odd: badName };
  if (kind === "file") return { name };
  return hasSuffix && suffix !== "" ? { name, odd: folderWithSuffix } : { name: `${name}/` };
};

const unlisted = (root: Folders.Root, folder: string, error: unknown): Odd => {
  const path = `${root.path}/${Folders.toText(folder)}`;
  if (Folders.isDiverted(error)) return symlink;
  return Folders.isDenied(error)
    ? {
      outcome: "failed",
      code: "storage/denied",
      reason: `the folder ${path} may not be listed, so what it holds is unknown; run as the user that owns it`,
    }
    : {
      outcome: "failed",
      code: "storage/io",
      reason: `the folder ${path} cannot be listed, so what it holds is unknown: ${String(error)}`,
    };
};

const isWithin = (key: string, prefix: string): boolean =>
  key.startsWith(prefix) || (key.endsWith("/") && prefix.startsWith(key));

/** Whether the key, or for a folder any key in it, comes after `after`. */
const isAhead = (key: string, after: string): boolean => key > after || (key.endsWith("/") && after.startsWith(key));

const byName = (a: Child, b: Child): number => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);

/** Yields entries in byte order, and `undefined` after each folder that was read, so that the caller can bound its work. */
export function* walk(root: Folders.Root, listing: Listing): Generator<Entry | undefined, void> {
  const prefix = Folders.toBytes(listing.prefix);
  const suffix = Folders.toBytes(listing.suffix);
  const after = Folders.toBytes(listing.after ?? "");

  const childrenOf = (folder: string): Array<Child> => {
    const children: Array<Child> = [];
    for (const named of namesIn(root, folder)) {
      const child = childOf(named, suffix);
      if (child === undefined) continue;
      const key = folder + child.name;
      if (isWithin(key, prefix) && (after === "" || isAhead(key, after))) children.push(child);
    }
    return children.sort(byName);
  };

  const start = Folders.folderOf(prefix);
  const levels: Array<{ readonly folder: string; readonly children: ReadonlyArray<Child>; next: number }> = [];
  try {
    levels.push({ folder: start, children: childrenOf(start), next: 0 });
  } catch (error) {
    if (error instanceof Folders.StorageFault) throw error;
    // ncps removes the folder with its last narinfo.
    if (Folders.isMissing(error)) return;
    throw Folders.startFault(root, start, error);
  }
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const child = level.children[level.next++];
    if (child === undefined) {
      levels.pop();
      continue;
    }
    const key = level.folder + child.name;
    if (child.odd !== undefined) {
      yield { key: Folders.toText(key), odd: child.odd };
    } else if (!child.name.endsWith("/")) {
      yield { key: Folders.toText(key) };
    } else {
      try {
        levels.push({ folder: key, children: childrenOf(key), next: 0 });
      } catch (error) {
        if (error instanceof Folders.StorageFault) throw error;
        // A folder that a rival has pruned holds nothing; any other failure is never taken for emptiness.
        if (!Folders.isMissing(error)) yield { key: Folders.toText(key), odd: unlisted(root, key, error) };
      }
      yield undefined;
    }
  }
}

/**
 * The prefix lengthened by each first character that follows it in a name: as prefixes they hold every key there is, stray files beside
 * the folders included, and their ranges follow one another in byte order.
 */
export const partitions = (root: Folders.Root, prefix: string): ReadonlyArray<string> => {
  const start = Folders.folderOf(prefix);
  let names: ReadonlyArray<Named>;
  try {
    names = namesIn(root, Folders.toBytes(start));
  } catch (error) {
    if (error instanceof Folders.StorageFault) throw error;
    if (Folders.isMissing(error)) return [prefix];
    throw Folders.startFault(root, Folders.toBytes(start), error);
  }
  const firsts = new Set<string>();
  for (const named of names) {
    const child = childOf(named, "");
    if (child === undefined) continue;
    const key = start + Folders.toText(child.name);
    if (key === prefix) return [prefix];
    if (key.startsWith(prefix)) firsts.add(String.fromCodePoint(key.codePointAt(prefix.length)!));
  }
  return firsts.size < 2
    ? [prefix]
    : [...firsts].map(Folders.toBytes).sort().map((first) => prefix + Folders.toText(first));
};

/**
 * Removes empty folders, deepest first, below the prefix and the prefix itself but never the root, nor what was listed as a folder with the
 * suffix; yields how many, folder by folder.
 */
export function* prune(root: Folders.Root, prefixText: string, suffixText: string): Generator<number, void> {
  const prefix = Folders.toBytes(prefixText);
  const suffix = Folders.toBytes(suffixText);
  const isOdd = (name: string): boolean => suffix !== "" && name.endsWith(suffix);

  const foldersIn = (folder: string): ReadonlyArray<string> => {
    try {
      return namesIn(root, folder)
        .filter(({ kind, name }) => kind === "folder" && !isOdd(name) && isWithin(`${folder}${name}/`, prefix))
        .map(({ name }) => name);
    } catch (error) {
      if (error instanceof Folders.StorageFault) throw error;
      return [];
    }
  };

  const removeFolder = (folder: string): number => {
    if (folder === "" || !folder.startsWith(prefix)) return 0;
    const parent = Folders.folderOf(folder.slice(0, -1));
    const visit = new Folders.Visit(root);
    try {
      fs.rmdirSync(Folders.toPath(visit.enter(parent) + folder.slice(parent.length, -1)));
      return 1;
    } catch (error) {
      if (error instanceof Folders.StorageFault) throw error;
      // Not empty, in use, gone or not ours to remove: it may stay.
      return 0;
    } finally {
      visit.close();
    }
  };

  const start = Folders.folderOf(prefix);
  const levels = [{ folder: start, children: foldersIn(start), next: 0 }];
  for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
    const child = level.children[level.next++];
    if (child === undefined) {
      levels.pop();
      yield removeFolder(level.folder);
    } else {
      const folder = `${level.folder}${child}/`;
      levels.push({ folder, children: foldersIn(folder), next: 0 });
    }
  }
}
