/** What `doctor` asks of a folder, from a sample of it; Invariant 10: it looks at permissions and tries nothing. */
import { Effect } from "effect";
import { constants } from "node:fs";
import { access, opendir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Check } from "../../core/Check.ts";
import type { StorageNeeds } from "../../core/Storage.ts";

/** Looked at, breadth first: caches are made by one program, whose folders are alike. */
const sampledFolders = 200;
/** Per folder; whether a folder's files can be deleted is a matter of the folder. */
const sampledFiles = 5;

interface Seen {
  folders: number;
  files: number;
  /** What this user may not do, by what it is about: the first path, and how many. */
  readonly faults: Map<string, { readonly first: string; readonly remedy: string; count: number }>;
}

const { R_OK, W_OK, X_OK } = constants;
const sticky = 0o1000;

const may = (path: string, mode: number): Promise<string | undefined> =>
  access(path, mode).then(() => undefined, (error: NodeJS.ErrnoException) => error.code ?? "UNKNOWN");

const note = (seen: Seen, what: string, path: string, remedy: string): void => {
  const known = seen.faults.get(what);
  if (known === undefined) seen.faults.set(what, { first: path, remedy, count: 1 });
  else known.count++;
};

const ownerOf = (path: string): Promise<number | undefined> => stat(path).then(({ uid }) => uid, () => undefined);

const asOwner = async (path: string): Promise<string> =>
  `Run as the user that owns it (uid ${(await ownerOf(path)) ?? "?"}), or grant access`;

const lookAt = async (
  folder: string,
  deletes: boolean,
  uid: number | undefined,
  seen: Seen,
): Promise<ReadonlyArray<string>> => {
  seen.folders++;
  const unlistable = await may(folder, R_OK | X_OK);
  if (unlistable !== undefined) {
    note(seen, "list folders", folder, await asOwner(folder));
    return [];
  }
  const below: Array<string> = [];
  let files = 0;
  let firstFile: string | undefined;
  for await (const entry of await opendir(folder)) {
    if (entry.isDirectory() && below.length < sampledFolders) below.push(join(folder, entry.name));
    if (!entry.isFile() || files >= sampledFiles) continue;
    files++;
    const path = join(folder, entry.name);
    firstFile ??= path;
    if ((await may(path, R_OK)) !== undefined) note(seen, "read files", path, await asOwner(path));
  }
  seen.files += files;
  if (!deletes || firstFile === undefined) return below;
  const unwritable = await may(folder, W_OK | X_OK);
  if (unwritable === "EROFS") note(seen, "delete files", firstFile, "It is mounted read-only: mount it writable");
  else if (unwritable !== undefined) note(seen, "delete files", firstFile, await asOwner(folder));
  else {
    const { mode, uid: folderOwner } = await stat(folder);
    const isOwner = uid === 0 || uid === folderOwner || uid === (await ownerOf(firstFile));
    if ((mode & sticky) !== 0 && !isOwner) {
      note(seen, "delete files", firstFile, "The sticky bit of the folder leaves that to the owner of each file");
    }
  }
  return below;
};

const survey = async (folder: string, deletes: boolean, uid: number | undefined): Promise<Seen> => {
  const seen: Seen = { folders: 0, files: 0, faults: new Map() };
  const waiting = [folder];
  while (waiting.length > 0 && seen.folders < sampledFolders) {
    const below = await lookAt(waiting.shift()!, deletes, uid, seen);
    waiting.push(...below.slice(0, Math.max(0, sampledFolders - waiting.length)));
  }
  return seen;
};

const abilities = ({ faults, files, folders }: Seen, deletes: boolean): ReadonlyArray<Check> => {
  const failed = [...faults].map(([what, { count, first, remedy }]): Check => ({
    name: `storage/${what.replace(" ", "-")}`,
    status: "fail",
    detail: `this user may not ${what}: ${first}${count === 1 ? "" : ` and ${count - 1} more of those sampled`}`,
    remedy,
  }));
  return failed.length > 0 ? failed : [{
    name: deletes ? "storage/delete-files" : "storage/read-files",
    status: "pass",
    detail: `this user may read${deletes ? " and delete" : ""} what was sampled: ${folders} folders, ${files} files`,
  }];
};

const owner = async (root: string, uid: number | undefined): Promise<ReadonlyArray<Check>> => {
  const owned = await ownerOf(root);
  if (uid === undefined || owned === undefined || owned === uid) return [];
  return [{
    name: "storage/owner",
    status: "warn",
    detail: `the folder belongs to uid ${owned}, and this process runs as uid ${uid}`,
    remedy: "Run as the user of ncps: what either of them makes stays usable for the other",
  }];
};

/** Of a root that could be opened. */
export const checkup = (root: string, { deletes, prefix }: StorageNeeds): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.promise(async (): Promise<ReadonlyArray<Check>> => {
    const uid = process.getuid?.();
    const reachable: Check = { name: "storage/reachable", status: "pass", detail: root };
    const folder = join(root, prefix.slice(0, prefix.lastIndexOf("/") + 1));
    const missing = await may(folder, constants.F_OK);
    if (missing !== undefined) {
      return [reachable, {
        name: "storage/prefix",
        status: "warn",
        detail: `there is no folder ${folder}: nothing to read`,
        remedy: "Nothing is to be done if all has been migrated; else check the path of the storage",
      }, ...(await owner(root, uid))];
    }
    return [
      reachable,
      { name: "storage/prefix", status: "pass", detail: folder },
      ...abilities(await survey(folder, deletes, uid), deletes),
      ...(deletes
        ? [{
          name: "storage/conditional-delete",
          status: "pass" as const,
          detail: "each file is compared with what was read before it is deleted",
        }]
        : []),
      ...(await owner(root, uid)),
    ];
  }).pipe(
    Effect.catchAllDefect((cause) =>
      Effect.succeed([{
        name: "storage/readable",
        status: "fail" as const,
        detail: cause instanceof Error ? cause.message : String(cause),
      }])
    ),
  );
