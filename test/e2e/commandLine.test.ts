import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as Cache from "./Cache.ts";
import { masked, packageRoot, pipeline } from "./Pipeline.ts";

const golden = (name: string) => `../golden/cli/${name}.txt`;
const empty = () => ({ root: Cache.temporaryFolder(), env: {} });

describe("help", () => {
  it("names every verb, the exit codes and a first command", async () => {
    const help = await pipeline(empty(), ["--help"]);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    await expect(masked(help.stdout, "/none")).toMatchFileSnapshot(golden("help"));
    for (const args of [[], ["help"], ["-h"]]) expect(await pipeline(empty(), args)).toEqual(help);
  });

  it("has examples for every verb", async () => {
    const { stdout } = await pipeline(empty(), ["--help"]);
    const verbs = /\nVerbs\n([^]*?)\n\n/.exec(stdout)![1]!.split("\n").map((line) =>
      line.trim().split(/ {2}| [A-Z[]|(?<=completions|schema) /)[0]!
    );
    expect(verbs).toContain("quarantine accept");
    for (const verb of verbs) {
      const { code, stdout } = await pipeline(empty(), [...verb.split(" "), "--help"]);
      expect([verb, code, stdout.includes("Examples")]).toEqual([verb, 0, true]);
    }
  });

  it("starts in a fraction of a second: nothing is loaded that help does not need", async () => {
    const { stdout } = await pipeline(empty(), ["--help"], {
      env: { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(reportLoaded)}` },
    });
    expect(stdout).toContain("Verbs");
    expect(stdout).not.toMatch(/better.sqlite3|Worker\.js/);
  });
});

/** Prints at exit which native modules have been loaded: the costliest of what is imported lazily. */
const reportLoaded = `process.on("exit", () => {
  const { sharedObjects } = process.report.getReport();
  console.log(sharedObjects.join("\\n"));
})`;

describe("usage errors", () => {
  it.each([
    { args: ["rnu"], says: "did you mean pipeline run?" },
    { args: ["quarantine"], says: "quarantine needs a verb of its own: list, show, retry, accept" },
    { args: ["quarantine", "lst"], says: "did you mean pipeline quarantine list?" },
    { args: ["run"], says: "Missing argument <NAME>" },
    { args: ["run", "narinfo-to-db", "--kep"], says: "did you mean --keep?" },
    { args: ["run", "narinfo-to-db", "more"], says: `"more" is one argument too many` },
    { args: ["run", "narinfo-to-dv"], says: "did you mean narinfo-to-db?" },
    { args: ["run", "narinfo-to-db", "--max-runtime", "5"], says: "write it like 30m or 2h" },
    { args: ["run", "narinfo-to-db", "--max-rate", "500"], says: "write it like 500/s" },
    { args: ["history", "--limit", "0"], says: "--limit takes a whole number of at least 1" },
    { args: ["history", "--limit", "many"], says: "--limit takes a whole number of at least 1" },
    { args: ["list", "--project", "nowhere.yaml"], says: "the project file nowhere.yaml does not exist" },
    { args: ["list", "--env", "prod"], says: "there is no environment prod" },
    { args: ["explain", "narinfo-to-db", "sink.bach"], says: "did you mean sink.batch?" },
    { args: ["run", "narinfo-to-db", "--plan-hash", "xyz"], says: "--plan-hash takes the first 12 or more digits" },
    { args: ["verify", "narinfo-to-db", "--sample", "many"], says: "write it like 5000 or 2.5%" },
    { args: ["quarantine", "accept"], says: "which items?" },
    { args: ["quarantine", "show", "abcdef"], says: "nothing in quarantine is called abcdef" },
    { args: ["quarantine", "show", "abc"], says: "give the first 6 letters of an id, or more" },
    { args: ["quarantine", "retry", "--code", "a/b"], says: "nothing waiting in quarantine with code a/b" },
    { args: ["quarantine", "list", "--pipeline", "narinfo-to-dv"], says: "did you mean narinfo-to-db?" },
    { args: ["quarantine", "list", "narinfo-to-db"], says: "write --pipeline narinfo-to-db" },
    { args: ["completions", "csh"], says: "bash" },
  ])("$args ends with 2 and says what to write", async ({ args, says }) => {
    const human = await pipeline(empty(), args);
    expect(human).toMatchObject({ code: 2, stdout: "" });
    expect(human.stderr).toContain(says);
    const json = await pipeline(empty(), [...args, "--json"]);
    expect(json.code).toBe(2);
    expect(JSON.parse(json.stdout)).toMatchObject({
      ok: false,
      error: { code: expect.stringMatching(/^[a-z-]+\/[a-z-]+$/) },
    });
  });

  it("an unknown point of a crash drill ends with 2 before anything is touched", async () => {
    const ended = await pipeline(empty(), ["list"], { env: { NCPS_PIPELINE_FAULT: "after-comit:1" } });
    expect(ended).toMatchObject({ code: 2, stdout: "" });
    expect(ended.stderr).toContain("after-commit:1");
  });
});

describe("--json", () => {
  const args = [
    ["list"],
    ["validate"],
    ["explain", "narinfo-to-db"],
    ["plan", "narinfo-to-db"],
    ["run", "narinfo-to-db", "--dry-run"],
    ["run", "narinfo-to-db"],
    ["status"],
    ["history"],
    ["quarantine", "list"],
    ["quarantine", "accept", "--all"],
    ["schema", "pipeline"],
    ["completions", "bash"],
  ];
  it("prints one envelope and nothing else, whatever the verb", async () => {
    const cache = Cache.make({ narinfos: 3, broken: [Cache.truncated] });
    for (const words of args) {
      const { code, stdout } = await pipeline(cache, [...words, "--json"]);
      const envelope = JSON.parse(stdout);
      expect(stdout.trimEnd().split("\n")).toHaveLength(1);
      expect(Object.keys(envelope)).toEqual(["command", "ok", "summary", "result", "error"]);
      expect([words, envelope.ok, envelope.error === null]).toEqual([words, code === 0, code === 0]);
      expect(words.join(" ")).toContain(envelope.command);
    }
  });
});

describe("project files", () => {
  it("init writes what validate accepts, in a form that is found from folders below, and never overwrites", async () => {
    const cache = Cache.make({ narinfos: 2 });
    const written = await pipeline(cache, ["init"]);
    expect(written).toMatchObject({ code: 0, stderr: "" });
    await expect(masked(written.stdout, cache.root)).toMatchFileSnapshot(golden("init"));
    const below = { ...cache, root: cache.storage };
    const listed = JSON.parse((await pipeline(below, ["list", "--json"])).stdout).result;
    expect(listed.pipelines).toMatchObject([{ name: "narinfo-to-db", isPackaged: false }]);
    expect(await pipeline(cache, ["validate"])).toMatchObject({ code: 0 });
    expect(await pipeline(cache, ["run", "narinfo-to-db"])).toMatchObject({ code: 0 });
    writeFileSync(join(cache.root, "ncps-pipeline.yaml"), "# mine\n");
    const refused = await pipeline(cache, ["init"]);
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(readFileSync(join(cache.root, "ncps-pipeline.yaml"), "utf8")).toBe("# mine\n");
  });

  it("validate lists every finding with its place, and ends with 2", async () => {
    const cache = Cache.make({ narinfos: 0 });
    await pipeline(cache, ["init"]);
    const path = join(cache.root, "pipelines", "narinfo-to-db.yaml");
    writeFileSync(
      path,
      readFileSync(path, "utf8").replace("prefix:", "prefx:").replace("ttl: 10s", "ttl: 10").replace(
        "parse-narinfo",
        "parse-narinfos",
      ),
    );
    const found = await pipeline(cache, ["validate"]);
    expect(found).toMatchObject({ code: 2, stderr: "" });
    await expect(masked(found.stdout, cache.root)).toMatchFileSnapshot(golden("validate"));
    const run = await pipeline(cache, ["run", "narinfo-to-db"]);
    expect(run).toMatchObject({ code: 2, stdout: "" });
    expect(run.stderr).toContain("pipelines/narinfo-to-db.yaml:");
  });

  it("prints the schemas that are shipped", async () => {
    for (const kind of ["pipeline", "project"]) {
      const { stdout } = await pipeline(empty(), ["schema", kind]);
      expect(stdout).toBe(readFileSync(join(packageRoot, "schemas", `${kind}.schema.json`), "utf8"));
    }
  });
});

describe("options", () => {
  it("may stand before the verb, before arguments and after them", async () => {
    const cache = Cache.make({ narinfos: 1 });
    for (
      const args of [
        ["--json", "--set", "tolerate.rejected=3", "explain", "narinfo-to-db", "tolerate.rejected"],
        ["explain", "--set=tolerate.rejected=3", "narinfo-to-db", "--json", "tolerate.rejected"],
        ["explain", "narinfo-to-db", "tolerate.rejected", "--json", "--set", "tolerate.rejected=3"],
      ]
    ) {
      const { stdout } = await pipeline(cache, args);
      expect(JSON.parse(stdout).result.entries).toMatchObject([{
        path: "tolerate.rejected",
        origin: "--set tolerate.rejected",
      }]);
    }
  });

  it("Invariant 9: a password is shown nowhere, whatever supplied it", async () => {
    const cache = Cache.make({ narinfos: 1 });
    const env = {
      CACHE_DATABASE_URL: "postgresql://ncps:hunter2@db.example.org/ncps",
      CACHE_REDIS_PASSWORD: "hunter2",
    };
    for (
      const words of [["explain", "narinfo-to-db"], ["validate"], ["plan", "narinfo-to-db"], ["run", "narinfo-to-db"]]
    ) {
      for (const json of [[], ["--json"]]) {
        const { stderr, stdout } = await pipeline(cache, [...words, ...json, "--verbose"], { env });
        expect(stdout + stderr).not.toContain("hunter2");
      }
    }
  });

  it("completion scripts name the verbs", async () => {
    for (const shell of ["bash", "fish", "zsh"]) {
      const { code, stdout } = await pipeline(empty(), ["completions", shell]);
      expect([shell, code, stdout.includes("quarantine")]).toEqual([shell, 0, true]);
    }
  });
});
