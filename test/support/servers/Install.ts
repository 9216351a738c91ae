/** Finds the servers that tests start, and installs what is missing where that is possible. */
import { execFile } from "node:child_process";
import { accessSync, constants, existsSync, readdirSync } from "node:fs";
import { delimiter, join } from "node:path";
import { promisify } from "node:util";
import * as CacheFolder from "./CacheFolder.ts";

const exec = promisify(execFile);

/** Program → the package of Debian that has it. */
const packages = {
  postgres: "postgresql",
  initdb: "postgresql",
  mariadbd: "mariadb-server",
  "mariadb-install-db": "mariadb-server",
  "redis-server": "redis-server",
  etcd: "etcd-server",
  openssl: "openssl",
} as const;

export type Program = keyof typeof packages;

/** Debian keeps the programs of PostgreSQL off PATH, one folder per major version. */
const postgresFolders = (): ReadonlyArray<string> => {
  const parent = "/usr/lib/postgresql";
  if (!existsSync(parent)) return [];
  return readdirSync(parent).sort((a, b) => Number(b) - Number(a)).map((version) => join(parent, version, "bin"));
};

const isExecutable = (path: string): boolean => {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
};

/** The path of a program, or undefined where it is not installed. */
export const find = (name: string): string | undefined =>
  [...(process.env["PATH"] ?? "").split(delimiter), "/usr/sbin", "/usr/local/sbin", ...postgresFolders()]
    .map((folder) => join(folder, name))
    .find(isExecutable);

/** Fails with what to do where the program is not installed. */
export const path = (name: Program): string => {
  const found = find(name);
  if (found !== undefined) return found;
  throw new Error(
    `The tests need ${name}, which is neither on PATH nor could be installed. Install it: apt-get install ${
      packages[name]
    } (as root), or the package of that name on another system.`,
  );
};

const missing = (): ReadonlyArray<string> => [
  ...new Set(Object.entries(packages).filter(([name]) => find(name) === undefined).map(([, name]) => name)),
];

/** RUNLEVEL=1 keeps the packages from starting servers of their own. */
const quietly = { ...process.env, DEBIAN_FRONTEND: "noninteractive", RUNLEVEL: "1" };

/** Whether this process may install packages. */
export const canInstall = (): boolean => process.getuid?.() === 0 && find("apt-get") !== undefined;

/** Packages of Debian, where `canInstall`; one process at a time. */
export const install = (names: () => ReadonlyArray<string>): Promise<void> =>
  CacheFolder.locked("apt", async () => {
    const wanted = names();
    if (wanted.length === 0) return;
    process.stderr.write(`installing for the tests: ${wanted.join(" ")}\n`);
    await exec("apt-get", ["update"], { env: quietly });
    await exec("apt-get", ["install", "-y", "--no-install-recommends", ...wanted], {
      env: quietly,
      maxBuffer: 64 * 1024 * 1024,
    });
  });

/** Installs the servers that are missing, where this process may; else it leaves that to `path` to say. */
export const ensure = async (): Promise<void> => {
  // Asked again under the lock: another process may have installed them meanwhile.
  if (missing().length > 0 && canInstall()) await install(missing);
};
