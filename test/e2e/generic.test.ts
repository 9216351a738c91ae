/** What the tool does with data that nobody wrote code for: NDJSON into tables of one's own, by YAML alone. */
import { describe, expect, it } from "vitest";
import { pipeline, start } from "./Pipeline.ts";
import * as Shop from "./Shop.ts";

const range = (from: number, to: number) =>
  Array.from({ length: to - from }, (_, index) => Shop.customer(from + index));
const quarantined = async (shop: Shop.Shop): Promise<ReadonlyArray<Shop.Row>> =>
  JSON.parse((await pipeline(shop, ["quarantine", "list", "--json"])).stdout).result.items;

describe("NDJSON into parents, children, grandchildren and shared rows", () => {
  it("is planned, loaded and deleted; every line is there to the last digit, shared rows once", async () => {
    const shop = Shop.make();
    const extremes = [2n ** 63n - 1n, -(2n ** 63n), 2n ** 53n + 1n].map((number, index): Shop.Customer => ({
      ...Shop.customer(1000 + index),
      number,
      account: { credit: -number - 1n, rating: 0.1 },
    }));
    const all = [...range(0, 70), ...extremes];
    shop.write("inbox/a.ndjson", all.slice(0, 50));
    shop.write("inbox/b.ndjson", ["\uFEFF", ...all.slice(50, 60).map((one) => `${Shop.line(one)}\r`), "", "  "]);
    shop.write("inbox/c.ndjson", all.slice(60));
    shop.write("inbox/notes.txt", ["no line of ours"]);

    const plan = await pipeline(shop, ["plan", "orders"]);
    expect(plan, plan.stdout + plan.stderr).toMatchObject({ code: 0 });
    expect(plan.stdout).toContain("3 objects; of the first 73");
    const dryRun = await shop.run("orders", "--dry-run", "--json");
    expect(JSON.parse(dryRun.stdout).result.counts).toMatchObject({ "would-commit": 73, "would-delete": 73 });
    const { stderr } = await shop.run("orders", "--keep", "--json");
    expect(stderr).toContain("found=73");
    expect(stderr, "objects are not what is counted").not.toContain("percent=");
    expect(await shop.ledger(0, "orders")).toEqual({ listed: 73, already: 73, deleted: 73 });

    const sorted = all.toSorted((a, b) => a.number < b.number ? -1 : 1);
    expect(Shop.stored(shop)).toEqual(Shop.expected(sorted));
    expect(shop.query("SELECT count(*) AS n FROM products")).toEqual([{ n: 15n }]);
    expect(shop.files("inbox")).toEqual(["notes.txt"]);
    expect(await shop.ledger(0, "orders")).toEqual({});
  });

  it("a path that no line has is told of before the run: it would be NULL in every row, or one lock for all", async () => {
    const shop = Shop.make();
    shop.write("inbox/a.ndjson", range(1, 4));
    const slips = ["--set", "sink.tables[0].columns.rating=account.ratnig", "--set", "sink.lock.key=customer:{nmber}"];
    for (const words of [["plan", "orders"], ["run", "orders", "--dry-run"]]) {
      const { stdout } = await pipeline(shop, [...words, ...slips]);
      expect(stdout).toContain("warning  no item has a value for customers.rating: is a path in sink.tables misspelt?");
      expect(stdout).toContain('warning  all items share the lock key "customer:"');
      expect((await pipeline(shop, words)).stdout).not.toContain("warning  all items share");
      expect((await pipeline(shop, words)).stdout).not.toContain("customers.rating");
    }
  });

  it("a broken line costs itself: its siblings are loaded, its object stays, also once it is accepted", async () => {
    const shop = Shop.make();
    const [one, two, three] = range(1, 4);
    shop.write("inbox/bad.ndjson", [one, '{"number": 2, "name": "cut of', two]);
    shop.write("inbox/good.ndjson", [three]);
    shop.write("inbox/empty.ndjson", []);

    const dryRun = await shop.run("orders", "--dry-run", "--json");
    expect(JSON.parse(dryRun.stdout).result.counts).toMatchObject({
      "would-commit": 3,
      "would-reject": 1,
      "would-skip": 1,
      "would-delete": 1,
    });
    expect(await shop.ledger(1, "orders")).toEqual({
      listed: 5,
      committed: 3,
      rejected: 1,
      skipped: 1,
      kept: 2,
      deleted: 1,
    });
    expect(Shop.stored(shop)).toEqual(Shop.expected(range(1, 4)));
    expect(shop.files("inbox")).toEqual(["bad.ndjson", "empty.ndjson"]);
    expect(await quarantined(shop)).toMatchObject([{
      key: "inbox/bad.ndjson#2",
      code: "ndjson/syntax",
      reason: expect.stringMatching(/^line 2, column 23: a text has no end/),
    }]);

    expect(await pipeline(shop, ["quarantine", "accept", "inbox/bad.ndjson#2"])).toMatchObject({ code: 0 });
    expect(await shop.ledger(0, "orders")).toEqual({ listed: 4, already: 2, skipped: 2, kept: 2 });
    expect(shop.files("inbox")).toEqual(["bad.ndjson", "empty.ndjson"]);
  });

  it("a retry of one line reads its object again, and deletes it once every line is mended", async () => {
    const shop = Shop.make();
    const [one, two] = range(1, 3);
    shop.write("inbox/a.ndjson", [one, "{", "["]);
    await shop.ledger(1, "orders");
    shop.write("inbox/a.ndjson", [one, two, "["]);
    const retry = (...keys: ReadonlyArray<string>) => pipeline(shop, ["quarantine", "retry", ...keys, "--json"]);
    expect(JSON.parse((await retry("inbox/a.ndjson#2")).stdout).result.ledger).toMatchObject({
      listed: 3,
      already: 1,
      committed: 1,
      rejected: 1,
      kept: 2,
    });
    expect(await quarantined(shop)).toMatchObject([{ key: "inbox/a.ndjson#3" }]);
    shop.write("inbox/a.ndjson", [one, two, ""]);
    expect(JSON.parse((await retry("inbox/a.ndjson#3")).stdout).result.ledger).toMatchObject({
      already: 2,
      deleted: 2,
    });
    expect(await quarantined(shop)).toEqual([]);
    expect(shop.files("inbox")).toEqual([]);
  });

  it("two lines of one key: equal ones are one row, differing ones a conflict that keeps the object", async () => {
    const shop = Shop.make();
    const [one, two] = range(5, 7);
    shop.write("inbox/same.ndjson", [one, one]);
    expect(await shop.ledger(0, "orders")).toEqual({ listed: 2, committed: 1, already: 1, deleted: 2 });
    shop.write("inbox/other.ndjson", [two, { ...two!, name: "somebody else" }]);
    expect(await shop.ledger(1, "orders")).toEqual({ listed: 2, committed: 1, conflict: 1, kept: 1 });
    expect(shop.files("inbox")).toEqual(["other.ndjson"]);
    expect(Shop.stored(shop)).toEqual(Shop.expected(range(5, 7)));
    expect(await quarantined(shop)).toMatchObject([{ key: "inbox/other.ndjson#2", code: "conflict/different" }]);
  });

  it("what a column cannot hold is a reject of its line, never a rounded or shortened value", async () => {
    const shop = Shop.make();
    const base = Shop.customer(3);
    const credit = (value: unknown) => ({ ...base, account: { credit: value, rating: 1 } });
    shop.write("inbox/odd.ndjson", [
      { ...base, number: 2n ** 63n },
      credit(1.5),
      credit("many"),
      credit({ amount: 1 }),
      '{"number": 4, "name": "half \\ud83d"}',
      '{"number": 4, "name": "nul \\u0000"}',
      '{"name": "no number"}',
      '{"number": 4, "name": "too exact", "account": {"rating": 9007199254740993}}',
      '{"number": 4, "name": "too large", "account": {"rating": 1e999}}',
      '{"number": 4, "number": 5, "name": "two numbers"}',
      '{"number": 4, "__proto__": {"name": "inherited"}}',
      "7",
    ]);
    expect(await shop.ledger(1, "orders")).toEqual({ listed: 12, rejected: 12 });
    expect((await quarantined(shop)).map(({ code, key }) => `${String(key).split("#")[1]} ${String(code)}`).sort())
      .toEqual(
        [
          "1 sql/out-of-range",
          "2 sql/wrong-type",
          "3 sql/wrong-type",
          "4 sql/wrong-type",
          "5 sql/invalid-unicode",
          "6 sql/nul",
          "7 sql/null-value",
          "8 sql/wrong-type",
          "9 sql/wrong-type",
          "10 ndjson/duplicate-key",
          "11 sql/null-value",
          "12 ndjson/not-an-object",
        ].sort(),
      );
    expect(Shop.stored(shop)).toEqual([]);
  });
});

describe("rows that are there already", () => {
  it("stubs are filled, full rows kept, shared rows touched, and only those of documents that were written", async () => {
    const shop = Shop.make();
    shop.execute(`
      INSERT INTO packages (id, name, version, homepage) VALUES
        (1, 'stub', NULL, 'kept?'), (2, 'full', '2.0', 'theirs'), (3, 'other', '9.9', 'theirs');
      INSERT INTO package_tags VALUES (1, 'c', 7), (2, 'c', 1), (2, 'own', 2);
      INSERT INTO maintainers (mail, name, seen_at) VALUES ('a@x', 'A', 'long ago'), ('b@x', 'B', 'long ago');`);
    const maintainers = (mail: string) => [{ mail, name: "new name" }];
    shop.write("packages/all.ndjson", [
      { name: "stub", version: "1.0", homepage: "ours", tags: ["c", "js"], maintainers: maintainers("a@x") },
      { name: "full", version: "2.0", homepage: "ours", tags: ["c"], maintainers: maintainers("b@x") },
      { name: "other", version: "3.0", homepage: "ours", tags: [], maintainers: maintainers("b@x") },
      { name: "new", version: "4.0", tags: [], maintainers: maintainers("c@x") },
    ]);
    expect(await shop.ledger(1, "packages")).toEqual({ listed: 4, committed: 2, already: 1, conflict: 1, kept: 3 });
    expect(shop.query("SELECT name, version, homepage FROM packages ORDER BY name")).toEqual([
      { name: "full", version: "2.0", homepage: "theirs" },
      { name: "new", version: "4.0", homepage: null },
      { name: "other", version: "9.9", homepage: "theirs" },
      { name: "stub", version: "1.0", homepage: "ours" },
    ]);
    expect(shop.query("SELECT package_id, tag, weight FROM package_tags ORDER BY package_id, tag")).toEqual([
      { package_id: 1n, tag: "c", weight: 7n },
      { package_id: 1n, tag: "js", weight: null },
      { package_id: 2n, tag: "c", weight: 1n },
      { package_id: 2n, tag: "own", weight: 2n },
    ]);
    expect(shop.query("SELECT mail, name, seen_at = 'long ago' AS old FROM maintainers ORDER BY mail")).toEqual([
      { mail: "a@x", name: "A", old: 0n },
      { mail: "b@x", name: "B", old: 1n },
      { mail: "c@x", name: "new name", old: null },
    ]);
    expect(shop.files("packages")).toEqual(["all.ndjson"]);

    // Once the one that differs is out of the way, the object goes, and nothing is written again.
    const before = shop.query("SELECT * FROM packages UNION ALL SELECT id, mail, name, seen_at, '' FROM maintainers");
    shop.write("packages/all.ndjson", [{ name: "stub", version: "1.0", homepage: "ours", tags: ["js"] }]);
    expect(await shop.ledger(0, "packages")).toEqual({ listed: 1, already: 1, deleted: 1 });
    expect(shop.query("SELECT * FROM packages UNION ALL SELECT id, mail, name, seen_at, '' FROM maintainers")).toEqual(
      before,
    );
  });
});

it("what an older table has no column for is a reject with the spec's own code, a whole map included", async () => {
  const shop = Shop.make();
  const [text, map] = ["MIT", { name: "MIT" }].map((licence, index) => ({ name: `p${index}`, version: "1", licence }));
  shop.write("packages/a.ndjson", [text, map, { name: "p2", version: "1", licence: null }]);
  expect(await shop.ledger(1, "packages")).toEqual({ listed: 3, rejected: 2, committed: 1, kept: 1 });
  expect((await quarantined(shop)).map(({ code }) => code)).toEqual(["packages/licence", "packages/licence"]);
  shop.execute("ALTER TABLE packages ADD COLUMN licence TEXT");
  shop.write("packages/a.ndjson", [text]);
  expect(await shop.ledger(0, "packages")).toEqual({ listed: 1, committed: 1, deleted: 1 });
  expect(shop.query("SELECT licence FROM packages WHERE name = 'p0'")).toEqual([{ licence: "MIT" }]);
});

describe("an archive brought back into tables", () => {
  it("restores every row that was lost, and running twice equals running once", async () => {
    const shop = Shop.make();
    const all = range(0, 90);
    const parts = [all.slice(0, 40), all.slice(40, 41), all.slice(41)];
    parts.forEach((part, index) => shop.write(`archive/${index}.ndjson`, part));
    const archive = shop.files("archive").map((name) => shop.read(`archive/${name}`));
    parts.forEach((part, index) => shop.write(`inbox/${index}.ndjson`, part));
    await shop.ledger(0, "orders");
    const before = Shop.stored(shop);
    expect(before).toEqual(Shop.expected(all));

    shop.execute(`
      DELETE FROM order_items; DELETE FROM orders; DELETE FROM products; DELETE FROM customers WHERE number % 3 > 0;
      DELETE FROM customers;`);
    expect(await shop.ledger(0, "restore")).toEqual({ listed: 90, committed: 90, kept: 90 });
    expect(Shop.stored(shop)).toEqual(before);
    const touched = shop.query("SELECT * FROM products ORDER BY id");
    expect(await shop.ledger(0, "restore")).toEqual({ listed: 90, already: 90, kept: 90 });
    expect(Shop.stored(shop)).toEqual(before);
    expect(shop.query("SELECT * FROM products ORDER BY id")).toEqual(touched);

    // A part that was lost comes back beside what is still there.
    shop.execute("DELETE FROM customers WHERE number BETWEEN 20 AND 49");
    expect(await shop.ledger(0, "restore")).toEqual({ listed: 90, committed: 30, already: 60, kept: 90 });
    expect(Shop.stored(shop)).toEqual(before);
    expect(shop.files("archive").map((name) => shop.read(`archive/${name}`))).toEqual(archive);
  });

  it("rows that lost their children are named as incomplete, and not taken for restored", async () => {
    const shop = Shop.make();
    shop.write("archive/a.ndjson", range(1, 5));
    await shop.ledger(0, "restore");
    shop.execute("DELETE FROM order_items WHERE order_id IN (SELECT id FROM orders WHERE reference = '2-1')");
    expect(await shop.ledger(1, "restore")).toEqual({ listed: 4, already: 3, conflict: 1, kept: 3 });
    expect(await quarantined(shop)).toMatchObject([{ key: "archive/a.ndjson#2", code: "conflict/incomplete" }]);
  });
});

describe("Invariant 3: killed while objects are half-way in", () => {
  const all = range(0, 240);
  const objects = Array.from({ length: 6 }, (_, index) => all.slice(index * 40, (index + 1) * 40));

  /** What is neither in its file nor whole in the tables. */
  const lost = (shop: Shop.Shop): ReadonlyArray<unknown> => {
    const files = new Set(shop.files("inbox"));
    const there = new Set(Shop.stored(shop).map((row) => Shop.line(row)));
    return objects.flatMap((lines, index) =>
      files.has(`${index}.ndjson`) ? [] : Shop.expected(lines).filter((row) => !there.has(Shop.line(row)))
    );
  };

  it("no object goes before all its lines are in, and the next run completes to the row", async () => {
    const shop = Shop.make();
    objects.forEach((lines, index) => shop.write(`inbox/${index}.ndjson`, lines));
    for (
      const fault of [
        "after-commit:2",
        "before-commit:2",
        "after-read-back:3",
        "before-delete:1",
        "after-delete:1",
        "after-commit:4",
      ]
    ) {
      const { signal, stderr } = await start(shop, ["run", "orders"], { env: { NCPS_PIPELINE_FAULT: fault } }).ended;
      expect([fault, signal, stderr]).toEqual([fault, "SIGKILL", stderr]);
      expect(lost(shop)).toEqual([]);
    }
    const left = shop.files("inbox").length;
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(objects.length);
    const { already = 0, committed = 0, ...rest } = await shop.ledger(0, "orders");
    expect(already).toBeGreaterThan(0);
    expect(committed + already).toBe(left * 40);
    expect(rest).toEqual({ listed: left * 40, deleted: left * 40 });
    expect(Shop.stored(shop)).toEqual(Shop.expected(all));
    expect(shop.query("SELECT count(*) AS n FROM products")).toEqual([{ n: 15n }]);
    expect(shop.files("inbox")).toEqual([]);
  });
});
