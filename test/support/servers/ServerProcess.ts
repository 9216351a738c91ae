/** A server in a temporary folder, as a child that does not outlive this process. */
import type { Scope } from "effect";
import { Effect } from "effect";
import { execFile, spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chownSync, closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import * as Install from "./Install.ts";

interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** Servers refuse root, and wrong permissions do not stop it: where this process may choose, they run as nobody. */
export const account: Account | undefined = (() => {
  if (process.getuid?.() !== 0) return undefined;
  const entry = /^nobody:[^:]*:(\d+):(\d+):/m.exec(readFileSync("/etc/passwd", "utf8"));
  return entry === null ? undefined : { uid: Number(entry[1]), gid: Number(entry[2]) };
})();

/** Gives files that this process has written to the account of the servers. */
export const give = (...paths: ReadonlyArray<string>): void => {
  if (account !== undefined) { for (const path of paths) chownSync(path, account.uid, account.gid); }
};

/** Runs a program as the servers are run; fails with what it said. */
export const run = (program: string, args: ReadonlyArray<string>, cwd: string): Promise<{ readonly stdout: string }> =>
  promisify(execFile)(program, args, { cwd, ...account });

/** A temporary folder that belongs to the servers. */
export const folder = (name: string): Effect.Effect<string, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const path = mkdtempSync(join(tmpdir(), `ncps-${name}-`));
      give(path);
      return path;
    }),
    (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 })),
  );

/** Below 32768, from where Linux takes the ports of connections: a server that restarts finds its port free. */
const ports = { from: 20_000, to: 32_000 };

const isFree = async (port: number): Promise<boolean> => {
  const server = createServer();
  const hasBound = await new Promise<boolean>((resolve) => {
    server.once("error", () => resolve(false)).listen(port, "127.0.0.1", () => resolve(true));
  });
  if (!hasBound) return false;
  server.close();
  await once(server, "close");
  return true;
};

export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = ports.from + Math.floor(Math.random() * (ports.to - ports.from));
    if (await isFree(port)) return port;
  }
};

/** A port that is free together with the one so far above it, which is below those of connections too. */
export const freePortPair = async (distance: number): Promise<number> => {
  for (;;) {
    const port = await freePort() - distance;
    if (await isFree(port)) return port;
  }
};

/** Whether something accepts connections there. */
export const accepts = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("close", () => resolve(false)).once("connect", () => socket.destroy());
  });

export interface Recipe {
  readonly folder: string;
  readonly program: string;
  readonly args: ReadonlyArray<string>;
  readonly env?: Readonly<Record<string, string>>;
  /** Given what the server has logged since it was started. */
  readonly isReady: (log: string) => boolean | Promise<boolean>;
  /** Orderly, without waiting for clients. */
  readonly stopSignal: NodeJS.Signals;
  /** At once, as in a crash, yet leaving nothing behind in the system. */
  readonly abortSignal: NodeJS.Signals;
}

/** `stop` is an orderly end; `kill` is SIGKILL to it and its children; `pause` stops all of them in their tracks. */
export interface ServerProcess {
  readonly start: Effect.Effect<void>;
  readonly stop: Effect.Effect<void>;
  readonly kill: Effect.Effect<void>;
  readonly pause: Effect.Effect<void>;
  readonly resume: Effect.Effect<void>;
  readonly restart: (how?: "stop" | "kill") => Effect.Effect<void>;
  /** Everything that the server has logged. */
  readonly log: Effect.Effect<string>;
}

const living = new Map<ChildProcess, NodeJS.Signals>();
process.on("exit", () => {
  for (const [child, signal] of living) {
    child.kill("SIGCONT");
    child.kill(signal);
  }
});

/** Shorter than a test's time, so that why it did not start is said. */
const startDeadlineMillis = 15_000;
const pauseDeadlineMillis = 5000;
const pollMillis = 10;

/** Linux only, as are the tests that pause servers of many processes. */
const childrenOf = (pid: number): ReadonlyArray<number> => {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").trim();
    return children === "" ? [] : children.split(" ").map(Number);
  } catch {
    return [];
  }
};

const signalAll = (pid: number, signal: NodeJS.Signals): void => {
  for (const one of [pid, ...childrenOf(pid)]) {
    try {
      process.kill(one, signal);
    } catch {
      // Ended meanwhile.
    }
  }
};

const stateOf = (pid: number, thread: string): string => {
  try {
    return /^State:\s+(\S)/m.exec(readFileSync(`/proc/${pid}/task/${thread}/status`, "utf8"))?.[1] ?? "";
  } catch {
    // Ended meanwhile.
    return "X";
  }
};

const threadsOf = (pid: number): ReadonlyArray<string> => {
  try {
    return readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
};

/** Whether every thread stands: the kernel stops them one after the other, and a busy one may answer yet. */
const standsStill = (pid: number): boolean =>
  [pid, ...childrenOf(pid)].every((one) => threadsOf(one).every((thread) => "TtZX".includes(stateOf(one, thread))));

const hasEnded = (child: ChildProcess): boolean => child.exitCode !== null || child.signalCode !== null;

/** Starts it, and ends it with the scope. */
export const make = (recipe: Recipe): Effect.Effect<ServerProcess, never, Scope.Scope> =>
  Effect.gen(function*() {
    const logPath = join(recipe.folder, "server.log");
    const watchdog = Install.find("setpriv");
    const command = [
      // The kernel ends the server if this process dies in any way.
      ...(watchdog === undefined ? [] : [watchdog, "--pdeathsig", recipe.abortSignal.replace("SIG", "")]),
      recipe.program,
      ...recipe.args,
    ];
    let current: ChildProcess | undefined;

    const launch = (): ChildProcess => {
      const log = openSync(logPath, "a");
      const child = spawn(command[0]!, command.slice(1), {
        cwd: recipe.folder,
        env: { PATH: process.env["PATH"], HOME: recipe.folder, LC_ALL: "C", ...recipe.env },
        stdio: ["ignore", log, log],
        ...account,
      });
      closeSync(log);
      living.set(child, recipe.abortSignal);
      child.once("exit", () => living.delete(child));
      return child;
    };

    const start = async (): Promise<void> => {
      const deadline = Date.now() + startDeadlineMillis;
      for (;;) {
        const offset = statSync(logPath, { throwIfNoEntry: false })?.size ?? 0;
        const child = launch();
        current = child;
        while (!hasEnded(child) && Date.now() < deadline) {
          if (await recipe.isReady(readFileSync(logPath).subarray(offset).toString())) return;
          await sleep(pollMillis);
        }
        // A server that ends at once may have found remains of one that was killed: they are gone soon.
        if (Date.now() < deadline) {
          await sleep(100);
          continue;
        }
        throw new Error(`${recipe.program} did not start: ${readFileSync(logPath, "utf8").slice(-4000)}`);
      }
    };

    const end = async (signal: NodeJS.Signals): Promise<void> => {
      const child = current;
      if (child === undefined || hasEnded(child)) return;
      const ended = once(child, "exit");
      if (signal === "SIGKILL") signalAll(child.pid!, signal);
      else {
        signalAll(child.pid!, "SIGCONT");
        child.kill(signal);
      }
      await ended;
    };
    const signal = (name: NodeJS.Signals): void => {
      if (current !== undefined && !hasEnded(current)) signalAll(current.pid!, name);
    };
    const pause = async (): Promise<void> => {
      const deadline = Date.now() + pauseDeadlineMillis;
      for (;;) {
        // Again each time: a child may have been made while its parent was being stopped.
        signal("SIGSTOP");
        if (current === undefined || hasEnded(current) || standsStill(current.pid!)) return;
        if (Date.now() > deadline) throw new Error(`${recipe.program} does not stand still`);
        await sleep(pollMillis);
      }
    };

    const server: ServerProcess = {
      start: Effect.promise(start),
      stop: Effect.promise(() => end(recipe.stopSignal)),
      kill: Effect.promise(() => end("SIGKILL")),
      pause: Effect.promise(pause),
      resume: Effect.sync(() => signal("SIGCONT")),
      restart: (how = "stop") => Effect.zipRight(how === "kill" ? server.kill : server.stop, server.start),
      log: Effect.sync(() => readFileSync(logPath, "utf8")),
    };
    yield* Effect.addFinalizer(() => Effect.promise(() => end(recipe.abortSignal)));
    yield* server.start;
    return server;
  });
