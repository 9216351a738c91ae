/**
 * Makes a fresh clone ready: installs what the lock file names, compiles better-sqlite3 for the Node that runs, builds dist.
 * Imports Node's own modules only, because nothing else is there yet. Quiet when there is nothing to do.
 */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("..", import.meta.url));
/** What undici (bundled) and the linter ask for. */
const oldestNode = [20, 19];

/** A failure whose message is all that a person needs to act. */
class BootstrapError extends Error {}

/** Runs `steps`; a BootstrapError is printed without a stack and ends the process with exit code 1. */
export const main = async (steps) => {
  try {
    await steps();
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    console.error(`\n${error.message}`);
    process.exitCode = 1;
  }
};

const readJson = (path) => {
  try {
    return JSON.parse(readFileSync(join(root, path), "utf8"));
  } catch {
    return undefined;
  }
};

const isOnPath = (command) =>
  (process.env.PATH ?? "").split(":").some((folder) => folder !== "" && existsSync(join(folder, command)));

/**
 * Headers that ship with the running Node are the right ones, whatever `nodedir` a user's npm settings name. They lie beside
 * its bin folder, or where the npm package `node` keeps them.
 */
const npmEnvironment = () => {
  const prefix = dirname(dirname(process.execPath));
  const ownHeaders = [prefix, join(prefix, "node_modules", `node-${process.platform}-${process.arch}`)].find(
    (nodedir) => {
      const header = join(nodedir, "include", "node", "node_version.h");
      return existsSync(header)
        && readFileSync(header, "utf8").includes(`#define NODE_MODULE_VERSION ${process.versions.modules}\n`);
    },
  );
  // Child scripts find `node` on the PATH: it must be this one.
  const PATH = `${dirname(process.execPath)}:${process.env.PATH ?? ""}`;
  return { ...process.env, PATH, ...(ownHeaders && { npm_config_nodedir: ownHeaders }) };
};

/** npm of the `npm run` that started us, so that it runs on this very Node; else the one on the PATH. */
const npm = (step, args) => {
  console.log(step);
  const viaNode = process.env.npm_execpath?.endsWith(".js");
  const [command, ...first] = viaNode ? [process.execPath, process.env.npm_execpath] : ["npm"];
  const { error, status, stdout, stderr } = spawnSync(command, [...first, ...args], {
    cwd: root,
    env: npmEnvironment(),
    encoding: "utf8",
    maxBuffer: 64 * 1024 * 1024,
    stdio: ["ignore", "pipe", "pipe"],
  });
  if (error?.code === "ENOENT") throw new BootstrapError("npm was not found: install Node.js with npm 10 or newer.");
  if (status === 0) return;
  const missing = ["python3", "make", "g++"].filter((tool) => !isOnPath(tool)).join(", ");
  const remedy = missing === ""
    ? "The lines above say why."
    : `better-sqlite3 is compiled where no prebuilt binary can be downloaded, and this machine lacks ${missing}: install `
      + "python3, make and a C++ compiler (Debian, Ubuntu: apt-get install python3 make g++), then run this command again.";
  const lastLines = `${stdout}${stderr}`.trimEnd().split("\n").slice(-40).join("\n");
  throw new BootstrapError(`${lastLines}\n\nnpm ${args.join(" ")} failed. ${remedy}`);
};

/** Whether node_modules holds every package of the lock file in its version (optional ones, for other platforms, aside). */
const isInstalled = () => {
  const wanted = readJson("package-lock.json");
  const installed = readJson("node_modules/.package-lock.json");
  if (wanted === undefined) throw new BootstrapError("package-lock.json is missing or broken: restore it with git.");
  return installed !== undefined
    && Object.entries(wanted.packages).every(([path, { optional, version }]) =>
      path === "" || optional || installed.packages[path]?.version === version
    );
};

/** Loaded in a process of its own: a native module that failed to load once cannot be loaded again after its rebuild. */
const sqliteLoads = () =>
  spawnSync(process.execPath, ["-e", 'new (require("better-sqlite3"))(":memory:")'], { cwd: root, stdio: "ignore" })
    .status === 0;

/** Installs what is missing or stale, and compiles better-sqlite3 again after a change of Node's major version. */
export const ensureInstalled = () => {
  const [major, minor] = process.versions.node.split(".").map(Number);
  if (major < oldestNode[0] || (major === oldestNode[0] && minor < oldestNode[1])) {
    throw new BootstrapError(`Node ${process.versions.node} is too old: ${oldestNode.join(".")} or newer is needed.`);
  }
  if (!isInstalled()) {
    npm("Installing dependencies (a minute where better-sqlite3 is compiled) …", ["ci", "--include=dev"]);
  }
  if (sqliteLoads()) return;
  npm(`Compiling better-sqlite3 for Node ${process.versions.node} (a minute) …`, [
    "rebuild",
    "better-sqlite3",
    "--ignore-scripts=false",
  ]);
  if (!sqliteLoads()) {
    throw new BootstrapError("better-sqlite3 still does not load: remove node_modules, then run this command again.");
  }
};

/** Builds dist; under a second, so it is done always. */
export const ensureBuilt = async () => {
  const { buildDist } = await import("./build.mjs");
  await buildDist();
};
