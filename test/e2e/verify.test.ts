import Database from "better-sqlite3";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import * as Cache from "./Cache.ts";
import { pipeline } from "./Pipeline.ts";

const verify = async (cache: Cache.Cache, ...args: ReadonlyArray<string>) => {
  const { code, stderr, stdout } = await pipeline(cache, ["verify", "narinfo-to-db", "--json", ...args]);
  return { code, stderr, ...JSON.parse(stdout) };
};

const hashOf = (number: number): string => /([^/]+)\.narinfo$/.exec(Cache.narinfo(number).key)![1]!;

/** As ncps leaves them for narinfos it has not migrated. */
const addStubs = (cache: Cache.Cache, hashes: ReadonlyArray<string>) => {
  const database = new Database(cache.database);
  const insert = database.prepare("INSERT INTO narinfos (hash, created_at) VALUES (?, '2026-01-01 00:00:00+00:00')");
  database.transaction(() => hashes.forEach((hash) => insert.run(hash)))();
  database.close();
};

const strangers = (count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, at) => String(at).padStart(32, "0"));

describe("verify", () => {
  it("tells what is missing, differs, is broken or only waits to be deleted, and writes nothing (Invariant 10)", async () => {
    const cache = Cache.make({ narinfos: 12, broken: [Cache.withUnknownKey] });
    await pipeline(cache, ["run", "narinfo-to-db", "--keep"]);
    const database = new Database(cache.database);
    database.prepare("DELETE FROM narinfos WHERE hash IN (?, ?)").run(hashOf(1), hashOf(2));
    database.prepare("UPDATE narinfos SET nar_size = nar_size + 1 WHERE hash = ?").run(hashOf(3));
    database.close();
    addStubs(cache, [hashOf(1)]);
    const before = [Cache.fingerprint(cache.storage), Cache.fingerprint(join(cache.root, ".ncps-pipeline"))];
    const { code, error, result } = await verify(cache);
    expect({ code, error }).toMatchObject({ code: 1, error: { code: "verify/unclean" } });
    expect(result).toMatchObject({
      sample: null,
      examined: 13,
      counts: { missing: 2, undeleted: 9, differing: 1, rejected: 1, failed: 0, accepted: 0, skipped: 0 },
      orphans: { stubs: 1, orphans: 0 },
    });
    expect([Cache.fingerprint(cache.storage), Cache.fingerprint(join(cache.root, ".ncps-pipeline"))]).toEqual(before);

    const human = await pipeline(cache, ["verify", "narinfo-to-db"]);
    expect(human.code).toBe(1);
    for (const text of ["2 missing", "1 differing", "1 rejected", Cache.narinfo(1).key, "(exit 1)", "--keep"]) {
      expect(human.stdout).toContain(text);
    }
    expect(human.stdout).toMatch(/^progress .*percent=100\.00%$/m);
  });

  it("lists rows that wait for a file which is not there, and fails nothing for them", async () => {
    const cache = Cache.make({ narinfos: 3, broken: [Cache.truncated] });
    // More than a page of them; of one the file is there, though nobody could accept it.
    addStubs(cache, [...strangers(2_500), hashOf(3)]);
    await pipeline(cache, ["run", "narinfo-to-db", "--keep"]);
    await pipeline(cache, ["quarantine", "accept", "--all", "--note", "known"]);
    const { code, result } = await verify(cache);
    expect(code).toBe(0);
    expect(result).toMatchObject({
      counts: { undeleted: 3, accepted: 1, missing: 0 },
      orphans: { stubs: 2_501, orphans: 2_500 },
    });
    const { count, samples } = result.incidents.find(({ outcome }: { outcome: string }) => outcome === "orphan");
    expect(count).toBe(2_500);
    expect(samples).toHaveLength(20);
    expect(samples[0].key).toBe(`store/narinfo/0/00/${strangers(1)[0]}.narinfo`);
  });

  it("has nothing to say after a run that deleted everything, and after none at all says that all is missing", async () => {
    const cache = Cache.make({ narinfos: 5 });
    expect(await verify(cache)).toMatchObject({ code: 1, result: { counts: { missing: 5 } } });
    expect(await pipeline(cache, ["run", "narinfo-to-db"])).toMatchObject({ code: 0 });
    expect(await verify(cache)).toMatchObject({ code: 0, result: { examined: 0 } });
  });

  it("looks at a sample: the same keys for the same seed, others for another", async () => {
    const cache = Cache.make({ narinfos: 400 });
    const seen = async (...args: ReadonlyArray<string>) => {
      const { result } = await verify(cache, ...args);
      const [missing] = result.incidents;
      return {
        examined: result.examined,
        sample: result.sample,
        keys: missing.samples.map(({ key }: { key: string }) => key).sort(),
      };
    };
    const fifteen = await seen("--sample", "15");
    expect(fifteen).toMatchObject({ examined: 15, sample: { count: 15, seed: 1 } });
    expect(await seen("--sample", "15")).toEqual(fifteen);
    expect((await seen("--sample", "15", "--seed", "2")).keys).not.toEqual(fifteen.keys);
    expect(await seen("--sample", "9999")).toMatchObject({ examined: 400 });
    const quarter = await seen("--sample", "25%");
    expect(quarter.examined).toBeGreaterThan(60);
    expect(quarter.examined).toBeLessThan(140);
    expect(await pipeline(cache, ["verify", "narinfo-to-db", "--sample", "some"])).toMatchObject({ code: 2 });
  });

  it("cannot reach what it compares with: exit 3", async () => {
    const cache = Cache.make({ narinfos: 1 });
    rmSync(cache.database);
    expect(await pipeline(cache, ["verify", "narinfo-to-db"])).toMatchObject({ code: 3 });
  });
});
