import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as Cache from "./Cache.ts";
import { masked, pipeline } from "./Pipeline.ts";

const golden = (name: string) => `../golden/cli/${name}.txt`;
const broken = [Cache.truncated, Cache.withUnknownKey, Cache.withUnknownKey];

describe("pipeline run narinfo-to-db", () => {
  it("migrates a cache with ncps' own variables and nothing else, then has nothing to do", async () => {
    const cache = Cache.make({ narinfos: 30 });
    const first = await pipeline(cache, ["run", "narinfo-to-db"]);
    expect(first).toMatchObject({ code: 0, stderr: "" });
    expect(first.stdout).toContain("✔ narinfo-to-db succeeded: 30 of 30 items in the target");
    expect(cache.rows("narinfos")).toBe(30);
    expect(cache.files()).toEqual([]);
    const second = await pipeline(cache, ["run", "narinfo-to-db"]);
    expect(second).toMatchObject({ code: 0 });
    expect(second.stdout).toContain("nothing to do");
  });

  it("leaves what it cannot accept, says why, and ends with 1 until it is accepted", async () => {
    const cache = Cache.make({ narinfos: 20, broken });
    const files = cache.files();
    const dryRun = await pipeline(cache, ["run", "narinfo-to-db", "--dry-run"]);
    expect(dryRun.code).toBe(1);
    await expect(masked(dryRun.stdout, cache.root)).toMatchFileSnapshot(golden("dry-run"));
    expect(cache.files()).toEqual(files);
    const plan = await pipeline(cache, ["plan", "narinfo-to-db"]);
    expect(plan).toMatchObject({ code: 0, stderr: "" });
    await expect(masked(plan.stdout, cache.root)).toMatchFileSnapshot(golden("plan"));

    const run = await pipeline(cache, ["run", "narinfo-to-db"]);
    expect(run).toMatchObject({ code: 1, stderr: "" });
    await expect(masked(run.stdout, cache.root)).toMatchFileSnapshot(golden("run"));
    expect(cache.rows("narinfos")).toBe(20);
    expect(cache.files()).toHaveLength(broken.length);
    const status = await pipeline(cache, ["status"]);
    expect(status).toMatchObject({ code: 0 });
    await expect(masked(status.stdout, cache.root)).toMatchFileSnapshot(golden("status"));
    const list = await pipeline(cache, ["quarantine", "list"]);
    expect(list).toMatchObject({ code: 0 });
    await expect(masked(list.stdout, cache.root)).toMatchFileSnapshot(golden("quarantine-list"));

    const one = await pipeline(cache, ["quarantine", "accept", "--code", "narinfo/missing-field", "--note", "old"]);
    expect(one.stdout).toContain("1 item accepted");
    expect(await pipeline(cache, ["run", "narinfo-to-db"])).toMatchObject({ code: 1 });
    const rest = await pipeline(cache, ["quarantine", "accept", "--all"]);
    expect(rest.stdout).toContain("2 items accepted");
    const accepted = await pipeline(cache, ["run", "narinfo-to-db"]);
    expect(accepted).toMatchObject({ code: 0 });
    expect(accepted.stdout).toContain("3 skipped");
    expect(cache.files()).toHaveLength(broken.length);
  });

  it("retries mended files alone, and takes them out of quarantine", async () => {
    const cache = Cache.make({ narinfos: 3, broken: [Cache.withUnknownKey, Cache.truncated] });
    await pipeline(cache, ["run", "narinfo-to-db"]);
    const mended = Cache.narinfo(3);
    cache.write(mended.key, mended.text);
    const retried = await pipeline(cache, ["quarantine", "retry", mended.key]);
    expect(retried).toMatchObject({ code: 0 });
    expect(retried.stdout).toContain("1 of 1 item in the target");
    expect(cache.rows("narinfos")).toBe(4);
    const left = await pipeline(cache, ["quarantine", "list", "--json"]);
    expect(JSON.parse(left.stdout).result.items).toMatchObject([{ code: "narinfo/missing-field" }]);
  });

  it("Invariant 10: reading verbs and dry runs write nothing, anywhere", async () => {
    const cache = Cache.make({ narinfos: 5, broken });
    const before = Cache.fingerprint(cache.root);
    for (
      const args of [
        ["list"],
        ["validate"],
        ["explain", "narinfo-to-db"],
        ["plan", "narinfo-to-db"],
        ["run", "narinfo-to-db", "--dry-run"],
        ["status"],
        ["history"],
        ["quarantine", "list"],
      ]
    ) {
      const { code } = await pipeline(cache, args);
      expect([...args, code]).toEqual([...args, args.includes("--dry-run") ? 1 : 0]);
    }
    // SQLite's own -wal and -shm may come and go, and with them the folder's time.
    const ignoring = (paths: ReadonlyArray<string>) => paths.filter((path) => !/db\.sqlite-(wal|shm) /.test(path));
    expect(ignoring(Cache.fingerprint(cache.root))).toEqual(before);
  });

  it("Invariant 3: two runners at once do the work of one, and both end well", async () => {
    const cache = Cache.make({ narinfos: 1_500 });
    const both = await Promise.all([1, 2].map(() => pipeline(cache, ["run", "narinfo-to-db", "--json"])));
    const ledgers = both.map(({ code, stdout }) => ({ code, ...JSON.parse(stdout).result.ledger }));
    expect(ledgers).toMatchObject([{ code: 0 }, { code: 0 }]);
    expect(ledgers[0].committed + ledgers[1].committed).toBe(1_500);
    expect(cache.rows("narinfos")).toBe(1_500);
    expect(cache.files()).toEqual([]);
  });

  it("keeps the files with --keep, and a later run deletes them without writing rows again", async () => {
    const cache = Cache.make({ narinfos: 10 });
    const kept = await pipeline(cache, ["run", "narinfo-to-db", "--keep", "--json"]);
    expect(kept.code).toBe(0);
    expect(JSON.parse(kept.stdout).result.ledger).toMatchObject({ committed: 10, kept: 10, deleted: 0 });
    expect(cache.files()).toHaveLength(10);
    const later = await pipeline(cache, ["run", "narinfo-to-db", "--json"]);
    expect(later.code).toBe(0);
    expect(JSON.parse(later.stdout).result.ledger).toMatchObject({ already: 10, committed: 0, deleted: 10 });
    expect(cache.files()).toEqual([]);
  });

  it("runs the plan that was approved and no other", async () => {
    const cache = Cache.make({ narinfos: 2 });
    const { hash } = JSON.parse((await pipeline(cache, ["plan", "narinfo-to-db", "--json"])).stdout).result;
    const other = await pipeline(cache, [
      "run",
      "narinfo-to-db",
      "--plan-hash",
      hash,
      "--set",
      "sink.batch.items.max=7",
      "--set",
      "sink.batch.items.start=7",
    ]);
    expect(other.code).toBe(2);
    expect(other.stderr).toContain("usage/plan-changed");
    expect(await pipeline(cache, ["run", "narinfo-to-db", "--plan-hash", "beef"])).toMatchObject({ code: 2 });
    expect(cache.files()).toHaveLength(2);
    expect(await pipeline(cache, ["run", "--plan-hash", hash.slice(0, 12), "narinfo-to-db"])).toMatchObject({
      code: 0,
    });
  });

  it("asks for approval where the spec wants it, and refuses where nobody can answer", async () => {
    const cache = Cache.make({ narinfos: 2 });
    const args = ["run", "narinfo-to-db", "--set", "approve=required"];
    const refused = await pipeline(cache, args);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toContain("usage/approval");
    expect(cache.rows("narinfos")).toBe(0);
    expect(await pipeline(cache, [...args, "--yes"])).toMatchObject({ code: 0 });
  });

  it("tolerates as many as the spec says", async () => {
    const cache = Cache.make({ narinfos: 2, broken });
    expect(await pipeline(cache, ["run", "narinfo-to-db", "--set", "tolerate.rejected=2"])).toMatchObject({ code: 1 });
    expect(await pipeline(cache, ["run", "narinfo-to-db", "--set", "tolerate.rejected=3"])).toMatchObject({ code: 0 });
  });

  it("ends with 1 and says so when --max-runtime cuts it short", async () => {
    const cache = Cache.make({ narinfos: 2_000 });
    const cut = await pipeline(cache, ["run", "narinfo-to-db", "--json", "--max-runtime", "1ms"]);
    expect(cut.code).toBe(1);
    const { error, result } = JSON.parse(cut.stdout);
    expect(error.code).toBe("run/max-runtime");
    expect(result.imbalances).toEqual([]);
    expect(result.ledger.deleted + cache.files().length).toBe(2_000);
  });

  it("goes no faster than --max-rate, and says how long that made it wait", async () => {
    const cache = Cache.make({ narinfos: 90 });
    const paced = await pipeline(cache, ["run", "narinfo-to-db", "--json", "--max-rate", "30/s"]);
    expect(paced).toMatchObject({ code: 0 });
    const { result } = JSON.parse(paced.stdout);
    expect(result.ledger.deleted).toBe(90);
    expect(result.durationMillis).toBeGreaterThan(1_900);
    expect(result.pauses).toMatchObject([{ reason: "max-rate" }]);
    expect(result.locks.holds).toBeGreaterThanOrEqual(3);
    expect(paced.stderr).toContain("max-rate=30/s");
  });

  it("writes its closing account where --report says, and refuses early where it could not", async () => {
    const cache = Cache.make({ narinfos: 2 });
    const refused = await pipeline(cache, ["run", "narinfo-to-db", "--report", "missing/account.json"]);
    expect(refused.code).toBe(3);
    expect(cache.files()).toHaveLength(2);
    expect(await pipeline(cache, ["run", "narinfo-to-db", "--report", "account.json"])).toMatchObject({ code: 0 });
    const { readFileSync } = await import("node:fs");
    const account = JSON.parse(readFileSync(join(cache.root, "account.json"), "utf8"));
    expect(account).toMatchObject({ status: "succeeded", ledger: { listed: 2, deleted: 2 } });
  });

  it("reads the environment from --env, else from PIPELINE_ENV, and keeps their states apart", async () => {
    const cache = Cache.make({ narinfos: 2 });
    writeFileSync(
      join(cache.root, "ncps-pipeline.yaml"),
      `connections:
  cache-storage: { type: storage, path: nowhere }
  cache-database: { type: sql, url: "sqlite:db.sqlite" }
environments:
  here: { connections: { cache-storage: { path: cache } } }
`,
    );
    const bare = { root: cache.root, env: {} };
    expect(await pipeline(bare, ["run", "narinfo-to-db"])).toMatchObject({ code: 3 });
    expect(await pipeline(bare, ["run", "narinfo-to-db", "--env", "here"])).toMatchObject({ code: 0 });
    const history = async (env: Record<string, string>) =>
      JSON.parse((await pipeline(bare, ["history", "--json"], { env })).stdout).result.runs.length;
    expect(await history({ PIPELINE_ENV: "here" })).toBe(1);
    expect(await history({})).toBe(0);
    rmSync(join(cache.root, "db.sqlite"));
    const gone = await pipeline(bare, ["run", "narinfo-to-db"], { env: { PIPELINE_ENV: "here" } });
    expect(gone.code).toBe(3);
  });
});
