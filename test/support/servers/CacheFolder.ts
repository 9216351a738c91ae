/** What is made once and used by every test run after: built programs, fresh data folders. */
import { existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

/** Servers of root run as nobody, who cannot look into root's home. */
export const path: string = join(
  process.env["XDG_CACHE_HOME"] ?? (process.getuid?.() === 0 ? "/var/cache" : join(homedir(), ".cache")),
  "ncps-pipeline-tests",
);

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (cause) {
    return (cause as NodeJS.ErrnoException).code === "EPERM";
  }
};

/** A holder writes its id right after it has made the folder; one that has died in between has none. */
const idlessAgeMillis = 5000;

const isAbandoned = (folder: string): boolean => {
  try {
    const holder = join(folder, "pid");
    return existsSync(holder)
      ? !isAlive(Number(readFileSync(holder, "utf8")))
      : Date.now() - statSync(folder).mtimeMs > idlessAgeMillis;
  } catch {
    return false;
  }
};

/** One process at a time; the lock of one that died is taken over. */
export const locked = async <A>(name: string, use: () => Promise<A>): Promise<A> => {
  mkdirSync(path, { recursive: true });
  const folder = join(path, `${name}.lock`);
  for (;;) {
    try {
      mkdirSync(folder);
      break;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== "EEXIST") throw cause;
      if (isAbandoned(folder)) rmSync(folder, { recursive: true, force: true });
      else await sleep(50);
    }
  }
  try {
    writeFileSync(join(folder, "pid"), String(process.pid));
    return await use();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
