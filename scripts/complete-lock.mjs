/**
 * Adds to package-lock.json the optional platform packages (`@esbuild/darwin-x64`, …) that npm left out because the registry
 * at hand did not serve them: npm 11's `npm ci` refuses a lock file without them, even on platforms that never install them.
 * Their versions are those that their parents pin. With `--check`, only reports.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const lockPath = fileURLToPath(new URL("../package-lock.json", import.meta.url));
const operatingSystems = [
  "aix",
  "android",
  "darwin",
  "freebsd",
  "linux",
  "netbsd",
  "openbsd",
  "openharmony",
  "sunos",
  "win32",
];
const processors = ["arm", "arm64", "ia32", "loong64", "mips64el", "ppc64", "riscv64", "s390x", "wasm32", "x64"];

const lock = JSON.parse(readFileSync(lockPath, "utf8"));

/** `@rollup/rollup-linux-x64-musl` → os linux, cpu x64, libc musl; keys in npm's own order. */
const entryOf = (name, version, dev) => {
  const words = name.split(/[-/]/);
  const os = words.filter((word) => operatingSystems.includes(word));
  const cpu = words.filter((word) => processors.includes(word));
  const libc = words.some((word) => word.startsWith("musl"))
    ? ["musl"]
    : words.includes("glibc") || (os[0] === "linux" && words.some((word) => word.startsWith("gnu")))
    ? ["glibc"]
    : undefined;
  if (os.length !== 1 || cpu.length !== 1) throw new Error(`${name}: cannot tell its platform from its name`);
  return { version, cpu, dev, libc, optional: true, os };
};

const missing = Object.entries(lock.packages).flatMap(([parent, { dev, optionalDependencies = {} }]) =>
  Object.entries(optionalDependencies)
    .filter(([name]) =>
      !(`node_modules/${name}` in lock.packages) && !(`${parent}/node_modules/${name}` in lock.packages)
    )
    .map(([name, version]) => [`node_modules/${name}`, entryOf(name, version, dev)])
);

if (missing.length > 0 && process.argv.includes("--check")) {
  console.error(`package-lock.json lacks ${missing.length} platform packages: run node scripts/complete-lock.mjs`);
  process.exitCode = 1;
} else if (missing.length > 0) {
  const [root, ...packages] = Object.entries(lock.packages);
  const sorted = [...packages, ...missing].sort(([a], [b]) => a.localeCompare(b, "en"));
  lock.packages = Object.fromEntries([root, ...sorted]);
  writeFileSync(lockPath, `${JSON.stringify(lock, null, 2)}\n`);
}
