/** A process that is measured from outside. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync, realpathSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From spawn to exit. */
  readonly wallMillis: number;
  /** Undefined where there is no /proc. */
  readonly used: Used | undefined;
}

/** What a process and its threads have used so far. */
export interface Used {
  /** Highest resident memory. */
  readonly peakRssMiB: number;
  readonly cpuMillis: number;
}

export type OnSample = (elapsedMillis: number, used: Used) => void;

/** The kernel keeps the high-water mark: only what is used in the last moments is missed. */
const lookEveryMillis = 50;

/** Of the times in /proc, to user space: 100 a second on every Linux. */
const tickMillis = 10;

/** From the third field of /proc/…/stat on: the name of the command, in parentheses, may hold spaces. */
const statOf = (pid: number | string): ReadonlyArray<string> =>
  readFileSync(`/proc/${pid}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");

const ticks = (fields: ReadonlyArray<string>, from: number, to: number): number =>
  fields.slice(from, to).reduce((sum, field) => sum + Number(field), 0) * tickMillis;

/** Processor time so far of the processes that work in this folder, with that of their children that have ended. */
export const cpuMillisIn = (folder: string): number => {
  const path = realpathSync(folder);
  const spent = (pid: string): number => {
    try {
      const cwd = readlinkSync(`/proc/${pid}/cwd`);
      return cwd === path || cwd.startsWith(`${path}/`) ? ticks(statOf(pid), 11, 15) : 0;
    } catch {
      // Ended, or somebody else's.
      return 0;
    }
  };
  return readdirSync("/proc").filter((name) => /^\d+$/.test(name)).reduce((sum, pid) => sum + spent(pid), 0);
};

const usedBy = (pid: number): Used | undefined => {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kib === undefined ? undefined : { peakRssMiB: Number(kib) / 1024, cpuMillis: ticks(statOf(pid), 11, 13) };
  } catch {
    return undefined;
  }
};

/** What the one who runs the benchmark has set must not steer it. */
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(CACHE_|PIPELINE_|NCPS_|NODE_OPTIONS$)/.test(name)),
);

/** Runs Node with these arguments to the end. `onSample` is called about twenty times a second. */
export const node = (
  args: ReadonlyArray<string>,
  options: {
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly onSample?: OnSample;
  },
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const begun = performance.now();
    const child = spawn(process.execPath, args, {
      cwd: options.cwd,
      env: { ...inherited, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let used: Used | undefined;
    const timer = setInterval(() => {
      used = usedBy(child.pid!) ?? used;
      if (used !== undefined) options.onSample?.(performance.now() - begun, used);
    }, lookEveryMillis);
    let wallMillis = 0;
    const texts = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name].setEncoding("utf8").on("data", (text: string) => {
        texts[name] += text;
      });
    }
    child.on("error", reject);
    child.on("exit", () => {
      wallMillis = performance.now() - begun;
      clearInterval(timer);
    });
    child.on("close", (code) => resolve({ code, ...texts, wallMillis, used }));
  });

/** Runs a function of `Children` in a process of its own. */
export const child = async <Output>(
  name: string,
  input: object,
  flags: ReadonlyArray<string> = [],
): Promise<Output> => {
  const main = fileURLToPath(new URL("main.js", import.meta.url));
  const { code, stderr, stdout } = await node([...flags, main, "child", name, JSON.stringify(input)], {
    cwd: process.cwd(),
  });
  if (code !== 0) throw new Error(`the child ${name} ended with ${code}: ${stderr}`);
  return JSON.parse(stdout);
};
