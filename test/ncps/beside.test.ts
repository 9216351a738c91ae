/** Two instances of a real ncps serve and pull, on S3, PostgreSQL and Redis, while two of our runners migrate their cache. */
import { describe, expect, it } from "@effect/vitest";
import { Effect } from "effect";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import * as Postgres from "../support/servers/Postgres.ts";
import * as Redis from "../support/servers/Redis.ts";
import * as S3 from "../support/servers/S3.ts";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";
import * as Ncps from "./Ncps.ts";

const bin = fileURLToPath(new URL("../../dist/bin.js", import.meta.url));

/** In the bucket, and only upstream. */
const stored = 600;
const upstreamOnly = 150;
const total = stored + upstreamOnly;
const clients = 4;

const all = Array.from({ length: total }, (_, number) => ValidNarinfos.at(number, total));

/** Serves the narinfos that are not in the bucket, and one byte for each NAR. */
const upstream = Effect.acquireRelease(
  Effect.promise(async () => {
    const texts = new Map(all.slice(stored).map(({ hash, text }) => [`/${hash}.narinfo`, text]));
    const server = createServer((request, response) => {
      const path = request.url ?? "";
      if (path === "/nix-cache-info") response.end("StoreDir: /nix/store\nWantMassQuery: 1\nPriority: 40\n");
      else if (texts.has(path)) response.end(texts.get(path));
      else if (path.startsWith("/nar/")) response.end("x");
      else response.writeHead(404).end();
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    return server;
  }),
  (server) => Effect.sync(() => server.close()),
);

const narKey = ({ nar }: ValidNarinfos.ValidNarinfo): string => `store/nar/${nar[0]}/${nar.slice(0, 2)}/${nar}.nar.xz`;

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly ledger: Readonly<Record<string, number>>;
  readonly imbalances: ReadonlyArray<string>;
}

const runner = async (variables: Readonly<Record<string, string>>): Promise<Ended> => {
  const folder = mkdtempSync(join(tmpdir(), "ncps-pipeline-beside-"));
  try {
    const child = spawn(
      process.execPath,
      [bin, "run", "narinfo-to-db", "--json", "--set", "sink.batch.items.start=50"],
      {
        cwd: folder,
        env: { PATH: process.env["PATH"], ...variables },
        stdio: ["ignore", "pipe", "pipe"],
      },
    );
    let output = "";
    let errors = "";
    child.stdout.on("data", (data) => output += String(data));
    child.stderr.on("data", (data) => errors += String(data));
    const [code] = await once(child, "close") as [number | null];
    const { result } = JSON.parse(output) as { readonly result?: Pick<Ended, "ledger" | "imbalances"> };
    return {
      code,
      output: output + errors,
      ledger: result?.ledger ?? {},
      imbalances: result?.imbalances ?? ["no report"],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

/** What a client needs of a narinfo; ncps adds nothing to it and leaves nothing out. */
const saysTheSame = (text: string, expected: ValidNarinfos.ValidNarinfo): boolean =>
  [
    `StorePath: ${expected.storePath}`,
    `NarHash: ${expected.narHash}`,
    `NarSize: ${expected.narSize}`,
    `References: ${expected.references.join(" ")}`,
    `Deriver: ${expected.deriver}`,
    `Sig: ${expected.signature}`,
  ].every((line) => text.split("\n").some((found) => found.trimEnd() === line.trimEnd()));

describe("beside real ncps instances on S3, PostgreSQL and Redis", () => {
  it.scopedLive(
    "no request fails, each narinfo is migrated once, both ledgers add up",
    () =>
      Effect.gen(function*() {
        const [postgres, redis, s3, origin] = yield* Effect.all([Postgres.make(), Redis.make(), S3.make(), upstream]);
        const bucket = yield* s3.bucket();
        const database = yield* postgres.database();
        yield* Ncps.migrateUp(database);
        yield* Effect.forEach(
          all.slice(0, stored),
          (one) => Effect.zip(s3.put(bucket, one.key, one.text), s3.put(bucket, narKey(one), "x")),
          { concurrency: 16, discard: true },
        );
        const stubs = all.slice(0, stored).filter((_, number) => number % 3 === 0);
        yield* postgres.query(
          `INSERT INTO narinfos (hash, url) VALUES ${
            stubs.map(({ hash }, number) => `('${hash}', ${number % 2 === 0 ? "NULL" : "''"})`).join(",")
          }`,
          new URL(database).pathname.slice(1),
        );
        const variables = {
          CACHE_STORAGE_S3_BUCKET: bucket,
          CACHE_STORAGE_S3_ENDPOINT: s3.endpoint,
          CACHE_STORAGE_S3_REGION: s3.region,
          CACHE_STORAGE_S3_ACCESS_KEY_ID: s3.accessKeyId,
          CACHE_STORAGE_S3_SECRET_ACCESS_KEY: s3.secretAccessKey,
          CACHE_STORAGE_S3_FORCE_PATH_STYLE: "true",
          CACHE_DATABASE_URL: database,
          CACHE_REDIS_ADDRS: redis.address,
        };
        const upstreamUrl = `http://127.0.0.1:${(origin.address() as AddressInfo).port}`;
        const serving = { ...variables, CACHE_UPSTREAM_URLS: upstreamUrl };
        const instances = [yield* Ncps.serve(serving), yield* Ncps.serve(serving)];

        const bad: Array<string> = [];
        let requests = 0;
        let isOver = false;
        const client = async (seed: number): Promise<void> => {
          for (let at = seed; !isOver; at += 7) {
            const one = all[at % total]!;
            const response = await fetch(`${instances[at % 2]!.url}/${one.hash}.narinfo`);
            const text = await response.text();
            requests++;
            if (response.status !== 200 || !saysTheSame(text, one)) {
              bad.push(
                `${one.hash} (${at % total < stored ? "stored" : "upstream"}) ${response.status} ${text.slice(0, 80)}`,
              );
            }
          }
        };
        const asking = Promise.all(Array.from({ length: clients }, (_, seed) => client(seed * 101)));
        const runs = yield* Effect.promise(() => Promise.all([runner(variables), runner(variables)]));
        isOver = true;
        yield* Effect.promise(() => asking);

        expect(bad).toEqual([]);
        expect(requests).toBeGreaterThan(clients);
        for (const { imbalances, ledger, output } of runs) {
          expect(imbalances, output).toEqual([]);
          expect(ledger["conflict"], output).toBe(0);
          expect(ledger["rejected"], output).toBe(0);
        }
        const committed = runs.reduce((sum, { ledger }) => sum + ledger["committed"]!, 0);
        expect(committed).toBeGreaterThan(stored / 2);
        expect(committed).toBeLessThanOrEqual(stored);
        // Whoever lost a race says so, and a further run finds nothing left to do but what was contended.
        const last = yield* Effect.promise(() => runner(variables));
        expect(last.code, last.output).toBe(0);
        const keys = yield* s3.keys(bucket);
        expect(keys.filter((key) => key.startsWith("store/narinfo/"))).toEqual([]);
        const name = new URL(database).pathname.slice(1);
        const [counts] = yield* postgres.query(
          "SELECT (SELECT count(*) FROM narinfos WHERE coalesce(url, '') <> '')::int AS full, (SELECT count(*) FROM narinfos WHERE coalesce(url, '') = '')::int AS stubs,"
            + " (SELECT count(DISTINCT hash) FROM narinfos)::int AS hashes, (SELECT count(*) FROM narinfo_signatures)::int AS signatures",
          name,
        );
        const expected = { stubs: 0, full: counts!["hashes"], signatures: counts!["hashes"] };
        expect(counts).toMatchObject(expected);
        expect(counts!["full"]).toBeGreaterThanOrEqual(stored);
        for (const one of all.slice(0, stored)) {
          const response = yield* Effect.promise(() => fetch(`${instances[0]!.url}/${one.hash}.narinfo`));
          const text = yield* Effect.promise(() => response.text());
          expect(saysTheSame(text, one), text).toBe(true);
        }
      }),
    120_000,
  );
});
