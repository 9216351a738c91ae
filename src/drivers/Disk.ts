/** What lies under a path: its file system and the room there; asked without blocking, since a mount may hang. */
import { Effect } from "effect";
import { access, statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";

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

/** Its name where the `f_type` is one of these; unsigned 32 bits, because the field's width and sign differ between platforms. */
export const networkName = (type: number): string | undefined => names.get(type >>> 0);

export interface Disk {
  /** `f_type` of statfs(2). */
  readonly type: number;
  readonly freeBytes: number;
}

/** The path, or the nearest folder above it that exists. */
export const nearest = async (path: string): Promise<string> => {
  const full = resolve(path);
  return await access(full).then(() => true, () => false) || dirname(full) === full ? full : nearest(dirname(full));
};

/** Where the path lies, or would lie; `undefined` where that cannot be told. */
export const look = (path: string): Effect.Effect<Disk | undefined> =>
  Effect.tryPromise(async () => {
    const { bavail, bsize, type } = await statfs(await nearest(path));
    return { type, freeBytes: bavail * bsize };
  }).pipe(Effect.orElseSucceed(() => undefined));

const MIB = 1024 ** 2;

/** `1.5 GiB`. */
export const inUnits = (bytes: number): string =>
  bytes >= 1024 * MIB ? `${(bytes / (1024 * MIB)).toFixed(1)} GiB` : `${Math.round(bytes / MIB)} MiB`;

/** Below, a run of some minutes could fill it. */
export const scarceBytes = 1024 * MIB;
/** Below, the next batches could. */
export const fullBytes = 64 * MIB;
