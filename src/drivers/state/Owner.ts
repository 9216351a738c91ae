import { Effect } from "effect";
import { readFileSync, readlinkSync } from "node:fs";
import { hostname } from "node:os";

/** The process behind a run, told apart from a later one that got the same pid. */
export interface Owner {
  readonly host: string;
  readonly pid: number;
  /** Boot and pid namespace: only within one do pids say anything. `null` where the system does not tell (not Linux). */
  readonly machine: string | null;
  /** Start of the process in clock ticks since boot, from /proc/<pid>/stat; `null` like `machine`. */
  readonly started: string | null;
}

const attempt = <A>(read: () => A): A | undefined => {
  try {
    return read();
  } catch {
    return undefined;
  }
};

/** proc_pid_stat(5): fields count from the last `)`, because the command's name may hold anything. */
const processStat = (pid: number): { readonly state: string; readonly started: string } | undefined => {
  const fields = attempt(() => readFileSync(`/proc/${pid}/stat`, "latin1"))?.split(") ").at(-1)?.split(" ");
  const [state, started] = [fields?.[0], fields?.[19]];
  return state === undefined || started === undefined ? undefined : { state, started };
};

const machine = (): string | null => {
  const boot = attempt(() => readFileSync("/proc/sys/kernel/random/boot_id", "latin1").trim());
  const namespace = attempt(() => readlinkSync("/proc/self/ns/pid"));
  return boot === undefined || namespace === undefined ? null : `${boot}/${namespace}`;
};

export const self: Effect.Effect<Owner> = Effect.sync(() => ({
  host: hostname(),
  pid: process.pid,
  machine: machine(),
  started: processStat(process.pid)?.started ?? null,
}));

/** Whether the process has certainly ended, as seen from `observer`; false where that cannot be told. */
export const hasEnded = (owner: Owner, observer: Owner): boolean => {
  if (owner.machine === null || owner.machine !== observer.machine) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ESRCH") return true;
  }
  // Not visible with hidepid: then it lives, as far as we can tell.
  const stat = processStat(owner.pid);
  return stat !== undefined && (stat.state === "Z" || stat.state === "X" || stat.started !== owner.started);
};
