/** The built CLI as a child process. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

export const packageRoot = fileURLToPath(new URL("../..", import.meta.url));
const bin = fileURLToPath(new URL("../../dist/bin.js", import.meta.url));

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves when the text has been written to stdout or stderr; rejects when the process ends without. */
  readonly says: (text: string) => Promise<void>;
}

interface Where {
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
}

interface Options {
  readonly env?: Readonly<Record<string, string>>;
  /** As another user, where this process may choose. */
  readonly uid?: number;
}

/** Variables of ncps, of the tool and of terminals that the one who runs the tests may have set say nothing here. */
const inherited = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(CACHE_|PIPELINE_|NCPS_|NO_COLOR|FORCE_COLOR)/.test(name)),
);

export const start = (where: Where, args: ReadonlyArray<string>, options: Options = {}): Running => {
  const child = spawn(process.execPath, [bin, ...args], {
    cwd: where.root,
    env: { ...inherited, ...where.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
  });
  onTestFinished(() => {
    child.kill("SIGKILL");
  });
  const texts = { stdout: "", stderr: "" };
  const waiting = new Set<() => void>();
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      texts[name] += text;
      for (const look of waiting) look();
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code, signal, ...texts }));
  });
  const says = (text: string) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (!`${texts.stdout}${texts.stderr}`.includes(text)) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void ended.then(({ stderr }) => reject(new Error(`ended without saying ${text}: ${stderr}`)), reject);
    });
  return { child, ended, says };
};

/** Runs to the end. */
export const pipeline = (where: Where, args: ReadonlyArray<string>, options?: Options): Promise<Ended> =>
  start(where, args, options).ended;

/** Replaces what differs from run to run, so that the rest can be compared letter by letter. */
export const masked = (text: string, root: string): string =>
  text
    .replaceAll(root, "ROOT")
    .replaceAll(packageRoot.replace(/\/$/, ""), "PACKAGE")
    .replace(/\b\d{8}T\d{6}Z-[0-9a-f]{6}\b/g, "RUN-ID")
    .replace(/\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\dZ/g, "INSTANT")
    .replace(/\b[0-9a-f]{64}\b|\b[0-9a-f]{12}(?=…|\b)/g, "HASH")
    .replace(/\bsqlite3? \d[\d.]*/gi, "SQLite VERSION")
    .replace(/\bncps-pipeline \d+\.\d+\.\d+/g, "ncps-pipeline VERSION")
    .replace(/^pipeline \d+\.\d+\.\d+/gm, "pipeline VERSION")
    .replace(/\b(?:\d+h)?(?:\d+m)?\d+(?:\.\d+)?m?s\b(?!=)/g, "TIME")
    .replace(/\b[\d,]+(?:\.\d+)?\/s\b/g, "RATE")
    .replace(/\brate=[\d.]+/g, "rate=RATE")
    .replace(/^progress .*$/gm, "progress …")
    .replace(/ on \S+ \(pid \d+\)/g, " on HOST (pid PID)");
