/** A process that is measured from outside. */
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** From spawn to exit. */
  readonly wallMillis: number;
  /** Highest resident memory; undefined where there is no /proc. */
  readonly peakRssMiB: number | undefined;
}

/** The kernel keeps the high-water mark: only what is allocated in the last moments can be missed. */
const rssEveryMillis = 50;

const peakRss = (pid: number): number | undefined => {
  try {
    const [, kib] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return kib === undefined ? undefined : Number(kib) / 1024;
  } catch {
    return undefined;
  }
};

/** What the one who runs the benchmark has set must not steer it. */
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(CACHE_|PIPELINE_|NCPS_|NODE_OPTIONS$)/.test(name)),
);

/** Runs Node with these arguments to the end. `onSample` is called with the peak so far. */
export const node = (
  args: ReadonlyArray<string>,
  options: {
    readonly cwd: string;
    readonly env?: Readonly<Record<string, string>>;
    readonly onSample?: (elapsedMillis: number, peakRssMiB: number) => void;
  },
): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const begun = performance.now();
    const child = spawn(process.execPath, args, {
      cwd: options.cwd,
      env: { ...inherited, ...options.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let peakRssMiB: number | undefined;
    const timer = setInterval(() => {
      peakRssMiB = peakRss(child.pid!) ?? peakRssMiB;
      options.onSample?.(performance.now() - begun, peakRssMiB ?? 0);
    }, rssEveryMillis);
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
    child.on("close", (code) => resolve({ code, ...texts, wallMillis, peakRssMiB }));
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
