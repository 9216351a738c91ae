/**
 * Several runners at once on one cache, one database and one state file, while a process does to the same files what a serving ncps does.
 * No safety rests on locks (Invariant 7): those of `local` do not reach another process, those of `none` nobody.
 */
import Database from "better-sqlite3";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";
import * as Cache from "./Cache.ts";
import * as History from "./History.ts";
import * as Random from "./Random.ts";
import * as Rival from "./Rival.ts";
import { accountOf, locks, run, small } from "./Runner.ts";

let rivals: Rival.Program;
beforeAll(() => {
  rivals = Rival.build();
});
afterAll(() => rivals.remove());

/** Status of each run in the shared state file, in the order in which they began. */
const statuses = (cache: Cache.Cache): ReadonlyArray<string> => {
  const path = join(cache.folder, ".ncps-pipeline", "state.db");
  if (!existsSync(path)) return [];
  const state = new Database(path, { readonly: true });
  try {
    const isMade = state.prepare("SELECT 1 FROM sqlite_schema WHERE name = 'runs'").get() !== undefined;
    return isMade ? state.prepare("SELECT status FROM runs ORDER BY seq").pluck().all() as Array<string> : [];
  } finally {
    state.close();
  }
};

const begun = async (cache: Cache.Cache, runs: number): Promise<void> => {
  for (let waited = 0; statuses(cache).length < runs && waited < 600; waited++) await sleep(25);
};

/** From the first run's beginning to the last's all writers wait, so that none has done the work before the others have started. */
const startTogether = async (cache: Cache.Cache, runs: number): Promise<void> => {
  await begun(cache, 1);
  const gate = new Database(cache.database);
  gate.exec("BEGIN IMMEDIATE");
  await begun(cache, runs);
  gate.close();
};

const sum = (numbers: ReadonlyArray<number>): number => numbers.reduce((a, b) => a + b, 0);

/**
 * What must be true of disk and database after the last run: each narinfo is written once until the rival purges it, only the rival has
 * touched what was full, and every difference from the cache is the rival's doing. Answers how many rows the runners wrote, and how many
 * of those the rival has purged or rewritten at some time.
 */
const settled = (cache: Cache.Cache, total: number): { readonly written: number; readonly disturbed: number } => {
  const history = History.read(cache.database);
  expect(history.filter(({ actor, event }) => actor === "runner" && event !== "written")).toEqual([]);

  const last = new Map<string, History.Event["event"]>();
  const ours = new Set<string>();
  let disturbed = 0;
  for (const { actor, event, hash } of history) {
    const isThere = last.has(hash) && last.get(hash) !== "purged";
    expect(isThere, `${hash} was ${event} by ${actor} when it was ${last.get(hash)}`).toBe(event !== "written");
    if (event === "written" && actor === "runner") ours.add(hash);
    else if (ours.delete(hash)) disturbed++;
    last.set(hash, event);
  }

  const all = Array.from({ length: total }, (_, number) => ValidNarinfos.at(number, total));
  const rivalDid = all.flatMap(({ hash }) =>
    last.get(hash) === "purged"
      ? [`${hash} is lost: no file and no row`]
      : last.get(hash) === "rewritten"
      ? [`${hash} is torn: url, compression `]
      : []
  );
  expect(cache.damage()).toEqual(rivalDid);
  expect(cache.remaining()).toBe(0);
  const there = [...last.values()].filter((event) => event !== "purged").length;
  expect(cache.rows()).toMatchObject({
    narinfos: there,
    narinfo_signatures: there,
    nar_files: there,
    narinfo_nar_files: there,
  });
  return {
    written: history.filter(({ actor, event }) => actor === "runner" && event === "written").length,
    disturbed,
  };
};

/** A cache of `total` narinfos and a rival at work on it, both gone afterwards. */
const besideRival = async (
  total: number,
  seed: number,
  test: (cache: Cache.Cache, rival: Rival.Rival) => Promise<void>,
): Promise<void> => {
  const cache = Cache.make(total);
  try {
    History.begin(cache.database);
    const rival = rivals.start(cache, total, seed);
    await test(cache, rival).finally(rival.end);
  } finally {
    cache.remove();
  }
};

describe.each(locks)("runners at once beside a serving ncps, %s", (lock) => {
  it.each([2, 4, 8])("%i of them: no error shows, and their accounts add up to what happened", async (runners) => {
    const total = 1000;
    await besideRival(total, Random.seed + runners, async (cache, rival) => {
      const running = Array.from({ length: runners }, () => run(cache, [...small, lock], undefined));
      await startTogether(cache, runners);
      const ends = await Promise.all(running);
      const deeds = await rival.end();

      for (const { code, output } of ends) expect(code, output).toBe(0);
      expect(statuses(cache)).toEqual(ends.map(() => "succeeded"));
      const accounts = ends.map(accountOf);
      for (const { imbalances, ledger } of accounts) {
        expect(imbalances).toEqual([]);
        expect(ledger["listed"]).toBe(ledger["committed"]! + ledger["already"]! + ledger["skipped"]!);
      }
      const { disturbed, written } = settled(cache, total);
      const over = (name: string) => sum(accounts.map(({ ledger }) => ledger[name]!));
      // Each file by whoever unlinked it.
      expect(over("deleted") + deeds.deleted).toBe(total);
      // What the rival had changed before it was read back counts as its own.
      expect(over("committed")).toBeLessThanOrEqual(written);
      expect(over("committed")).toBeGreaterThanOrEqual(written - disturbed);
      expect(accounts.filter(({ ledger }) => ledger["committed"]! > 0).length).toBeGreaterThan(1);
      for (const [act, times] of Object.entries(deeds.done)) expect(times, act).toBeGreaterThan(0);
    });
  }, 120_000);
});

it("two runners killed over and over beside a serving ncps: nothing is lost, doubled or overwritten", async () => {
  const total = 3000;
  const random = Random.from(Random.seed);
  await besideRival(total, Random.seed, async (cache, rival) => {
    let deaths = 0;
    const dieRepeatedly = async (lock: string) => {
      for (let life = 0; life < 6 && cache.remaining() > total / 4; life++) {
        const { signal } = await run(cache, [...small, lock], { afterMillis: 500 + random(700) });
        if (signal === "SIGKILL") deaths++;
      }
    };
    await Promise.all(locks.map(dieRepeatedly));
    expect(deaths).toBeGreaterThan(1);
    // Larger batches: what is left need not last any more.
    const last = await run(cache, [], undefined);
    await rival.end();
    expect(last.code, last.output).toBe(0);
    expect(accountOf(last).imbalances).toEqual([]);
    settled(cache, total);
  });
}, 120_000);
