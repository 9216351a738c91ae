import { describe, expect, it } from "@effect/vitest";
import Database from "better-sqlite3";
import { Duration, Effect } from "effect";
import { buildSync } from "esbuild";
import { execFileSync, spawn, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll } from "vitest";
import type { Access } from "../../../src/core/Access.ts";
import { State } from "../../../src/core/State.ts";
import * as SqlState from "../../../src/drivers/state/SqlState.ts";

const modules = fileURLToPath(new URL("../../../node_modules", import.meta.url));
const isRoot = process.getuid?.() === 0;
/** Root ignores modes: what modes forbid is tried as nobody. */
const unprivileged = isRoot ? { uid: 65_534, gid: 65_534 } : {};

let folder = "";
let path = "";
let program = "";

beforeAll(() => {
  program = join(mkdtempSync(join(tmpdir(), "ncps-state-program-")), "stateProcess.cjs");
  chmodSync(dirname(program), 0o755);
  buildSync({
    entryPoints: [fileURLToPath(new URL("stateProcess.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "cjs",
    external: ["better-sqlite3"],
    logLevel: "error",
  });
});
afterAll(() => rmSync(dirname(program), { recursive: true, force: true }));

/** A folder for one test, and the path of a state file in it. */
const inFolder = (test: () => Effect.Effect<void, unknown>) => () =>
  Effect.acquireUseRelease(
    Effect.sync(() => {
      folder = mkdtempSync(join(tmpdir(), "ncps-state-"));
      path = join(folder, "state.db");
    }),
    test,
    () => Effect.sync(() => rmSync(folder, { recursive: true, force: true })),
  );

const env = { ...process.env, NODE_PATH: modules };

const run = (args: ReadonlyArray<string>, options: { readonly uid?: number; readonly gid?: number } = {}): string =>
  spawnSync(process.execPath, [program, ...args], { env, encoding: "utf8", ...options }).stdout;

const use = <A, E>(access: Access, body: (state: State["Type"]) => Effect.Effect<A, E>) =>
  Effect.flatMap(State, body).pipe(Effect.provide(SqlState.layer({ path, access })));

const start = {
  environment: "prod",
  pipeline: "p",
  planHash: "h",
  postSteps: "[]",
  kind: "run" as const,
  lease: Duration.hours(1),
};

const listing = () =>
  readdirSync(folder, { recursive: true, encoding: "utf8" }).toSorted().map((name) => {
    const stat = statSync(join(folder, name), { bigint: true });
    return { name, mode: stat.mode, size: stat.size, mtime: stat.mtimeNs, ctime: stat.ctimeNs };
  });

/** Opening must fail so, and leave everything as it was. */
const refused = (access: Access, reason: string, message: RegExp) =>
  Effect.gen(function*() {
    const before = listing();
    const error = yield* Effect.flip(use(access, () => Effect.void));
    expect(error.reason).toBe(reason);
    expect(error.message).toMatch(message);
    expect(error.message).toContain(path);
    expect(listing()).toEqual(before);
  });

const sql = (statement: string) => {
  const database = new Database(path);
  database.exec(statement);
  database.close();
};

describe("a state file that is written", () => {
  it.live(
    "folder and file are made for their owner only",
    inFolder(() =>
      Effect.gen(function*() {
        path = join(folder, "a", "b", "state.db");
        yield* use("write", (state) => state.begin(start));
        expect(statSync(join(folder, "a")).mode & 0o777).toBe(0o700);
        expect(statSync(path).mode & 0o777).toBe(0o600);
        expect(readdirSync(dirname(path))).toEqual(["state.db"]);
      })
    ),
  );

  it.live(
    "an empty file is taken as new",
    inFolder(() =>
      Effect.gen(function*() {
        writeFileSync(path, "");
        yield* use("read", (state) =>
          Effect.map(state.runs({ environment: "prod", limit: 1 }), (runs) => expect(runs).toEqual([])));
        expect(statSync(path).size).toBe(0);
        yield* use("write", (state) =>
          state.begin(start));
        yield* use("read", (state) =>
          Effect.map(state.runs({ environment: "prod", limit: 1 }), (runs) =>
            expect(runs).toHaveLength(1)));
      })
    ),
  );

  it.live(
    "readers do not hold up writers: the file is in WAL mode",
    inFolder(() =>
      Effect.gen(function*() {
        yield* use("write", (state) => state.begin(start));
        const database = new Database(path);
        expect(database.pragma("journal_mode", { simple: true })).toBe("wal");
        database.close();
      })
    ),
  );
});

describe("a file that is not a state is refused and left as it is", () => {
  for (const access of ["read", "write"] as const) {
    it.live(
      `one of a newer version (${access})`,
      inFolder(() =>
        Effect.gen(function*() {
          yield* use("write", (state) => state.begin(start));
          sql("PRAGMA user_version = 3");
          yield* refused(
            access,
            "Version",
            /made by a newer ncps-pipeline \(format 3\)\. Use that version, or another --state/,
          );
        })
      ),
    );

    it.live(
      `a database of another program (${access})`,
      inFolder(() =>
        Effect.gen(function*() {
          sql("PRAGMA journal_mode = WAL; CREATE TABLE narinfos (id INTEGER PRIMARY KEY)");
          yield* refused(access, "Broken", /database of another program\. Name another file with --state/);
        })
      ),
    );

    it.live(
      `random bytes (${access})`,
      inFolder(() =>
        Effect.gen(function*() {
          writeFileSync(path, Uint8Array.from({ length: 5_000 }, (_, index) => (index * 7919) % 251));
          yield* refused(access, "Broken", /not an SQLite database\. Move the file aside.*no data/);
        })
      ),
    );

    it.live(
      `a file cut short (${access})`,
      inFolder(() =>
        Effect.gen(function*() {
          yield* use("write", (state) => state.begin(start));
          truncateSync(path, 4_096 * 3);
          const error = yield* Effect.flip(use(access, (state) => state.runs({ environment: "prod", limit: 1 })));
          expect(error.reason).toBe("Broken");
          expect(error.message).toMatch(/damaged.*Move the file aside/);
          expect(statSync(path).size).toBe(4_096 * 3);
        })
      ),
    );

    it.live(
      `a state whose table is missing (${access})`,
      inFolder(() =>
        Effect.gen(function*() {
          yield* use("write", (state) => state.begin(start));
          sql("DROP TABLE runs");
          const error = yield* Effect.flip(use(access, (state) => state.runs({ environment: "prod", limit: 1 })));
          expect(error.reason).toBe("Broken");
        })
      ),
    );

    it.live(
      `a folder (${access})`,
      inFolder(() =>
        Effect.gen(function*() {
          mkdirSync(path);
          yield* refused(access, "Unusable", /not a file/);
        })
      ),
    );

    it.live(
      `a path through a file (${access})`,
      inFolder(() =>
        Effect.gen(function*() {
          writeFileSync(join(folder, "file"), "");
          path = join(folder, "file", "deep", "state.db");
          yield* refused(access, "Unusable", /not a folder/);
        })
      ),
    );

    it.live(
      `a FIFO, which would hang whoever opens it (${access})`,
      inFolder(() =>
        Effect.gen(function*() {
          execFileSync("mkfifo", [path]);
          yield* refused(access, "Unusable", /not a file/);
        })
      ),
    );
  }
});

describe("Invariant 10: reading the state writes nothing", () => {
  const reads = (state: State["Type"]) =>
    Effect.all([
      state.runs({ environment: "prod", limit: 10 }),
      state.resumable(start),
      state.accepted([{ ...start, source: "s", key: "k", sha256: "", code: "x/y" }]),
      state.quarantined({ environment: "prod", limit: 10 }),
    ]);

  it.live(
    "a file that does not exist reads as empty and is not made, nor is its folder",
    inFolder(() =>
      Effect.gen(function*() {
        path = join(folder, "deep", "state.db");
        expect(yield* use("read", reads)).toEqual([[], new Map(), [false], []]);
        expect(readdirSync(folder)).toEqual([]);
        const error = yield* Effect.flip(use("read", (state) => state.begin(start)));
        expect(error.reason).toBe("Denied");
        expect(readdirSync(folder)).toEqual([]);
      })
    ),
  );

  it.live(
    "a file at rest is the same byte for byte afterwards, with nothing left beside it",
    inFolder(() =>
      Effect.gen(function*() {
        yield* use("write", (state) => state.begin(start));
        const before = listing();
        const [runs] = yield* use("read", reads);
        expect(runs).toHaveLength(1);
        expect(listing()).toEqual(before);
      })
    ),
  );

  it.live(
    "what a killed process left behind is read as it is",
    inFolder(() =>
      Effect.gen(function*() {
        yield* killAfter(5);
        expect(existsSync(`${path}-wal`)).toBe(true);
        const contents = () => ["", "-wal"].map((suffix) => readFileSync(`${path}${suffix}`));
        const before = contents();
        const [runs, checkpoints] = yield* use("read", reads);
        expect(runs[0]?.status).toBe("abandoned");
        expect(Number(checkpoints.get("part"))).toBeGreaterThanOrEqual(4);
        expect(contents()).toEqual(before);
      })
    ),
  );

  it.live(
    "a write through a reading state is refused",
    inFolder(() =>
      Effect.gen(function*() {
        yield* use("write", (state) => state.begin(start));
        const error = yield* Effect.flip(use("read", (state) => state.begin(start)));
        expect(error.reason).toBe("Denied");
      })
    ),
  );

  it.live(
    "where -wal and -shm cannot be made, reading ends with the remedy",
    inFolder(() =>
      Effect.gen(function*() {
        yield* use("write", (state) => state.begin(start));
        chmodSync(path, 0o444);
        chmodSync(folder, 0o555);
        const answer = run([path, "open", "read"], unprivileged);
        chmodSync(folder, 0o700);
        expect(JSON.parse(answer)).toMatchObject({
          reason: "Denied",
          message: expect.stringMatching(/-wal and -shm.*Run as the user who owns it/),
        });
      })
    ),
  );
});

/** Kills a writing process once it has written so many chunks. */
const killAfter = (chunks: number): Effect.Effect<number> =>
  Effect.async<number>((resume) => {
    const child = spawn(process.execPath, [program, path, "forever", "k"], {
      env,
      stdio: ["ignore", "pipe", "inherit"],
    });
    let last = -1;
    createInterface({ input: child.stdout }).on("line", (line) => {
      if (/^\d+$/.test(line)) last = Number(line);
      if (last >= chunks) child.kill("SIGKILL");
    });
    child.on("close", () => resume(Effect.succeed(last)));
  });

describe("a state file among processes", () => {
  it.live(
    "a process killed while it writes loses nothing that was acknowledged, and its run is abandoned at once (Invariant 3)",
    inFolder(() =>
      Effect.gen(function*() {
        for (const chunks of [1, 7, 20]) {
          const acknowledged = yield* killAfter(chunks);
          yield* use("write", (state) =>
            Effect.gen(function*() {
              const [last] = yield* state.runs({ environment: "prod", limit: 1 });
              expect(last?.status).toBe("abandoned");
              const checkpoint = Number((yield* state.resumable(start)).get("part"));
              expect(checkpoint).toBeGreaterThanOrEqual(acknowledged);
              const records = yield* state.quarantined({ environment: "prod", limit: 100_000 });
              expect(records.length).toBeGreaterThanOrEqual((acknowledged + 1) * 10);
            }));
          const database = new Database(path);
          expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
          database.close();
        }
      })
    ),
  );

  it.live(
    "a run of a live process is not taken for abandoned",
    inFolder(() =>
      Effect.gen(function*() {
        const child = spawn(process.execPath, [program, path, "forever", "k"], {
          env,
          stdio: ["ignore", "pipe", "inherit"],
        });
        yield* Effect.async<void>((resume) => {
          createInterface({ input: child.stdout }).once("line", () => resume(Effect.void));
        });
        const [live] = yield* use("read", (state) => state.runs({ environment: "prod", limit: 1 }));
        expect(live).toMatchObject({ status: "running", pid: child.pid });
        child.kill("SIGKILL");
      })
    ),
  );

  it.live(
    "writers at the same time queue, also when they make the file",
    inFolder(() =>
      Effect.gen(function*() {
        const names = ["a", "b", "c"];
        const answers = yield* Effect.forEach(
          names,
          (name) =>
            Effect.async<string>((resume) => {
              const child = spawn(process.execPath, [program, path, "40", name], {
                env,
                stdio: ["ignore", "pipe", "inherit"],
              });
              let out = "";
              child.stdout.setEncoding("utf8").on("data", (text: string) => (out += text));
              child.on("close", () => resume(Effect.succeed(out.trim().split("\n").at(-1) ?? "")));
            }),
          { concurrency: "unbounded" },
        );
        expect(answers).toEqual(["ended", "ended", "ended"]);
        yield* use("read", (state) =>
          Effect.gen(function*() {
            expect(yield* state.quarantined({ environment: "prod", limit: 10_000 })).toHaveLength(1_200);
            const runs = yield* state.runs({ environment: "prod", limit: 10 });
            expect(runs.map(({ status }) => status)).toEqual(["succeeded", "succeeded", "succeeded"]);
          }));
      })
    ),
    30_000,
  );

  it.live(
    "a file locked for longer than the wait is busy, and one locked for less is waited for",
    inFolder(() =>
      Effect.gen(function*() {
        yield* use("write", (state) => state.begin(start));
        const holder = new Database(path);
        holder.exec("BEGIN IMMEDIATE");
        const error = yield* Effect.flip(use("write", (state) => state.begin(start)));
        expect(error.reason).toBe("Busy");
        expect(error.message).toMatch(/locked.*Another process holds it/);
        yield* Effect.fork(Effect.delay(Effect.sync(() => holder.exec("COMMIT")), "300 millis"));
        yield* use("write", (state) => state.begin(start));
        holder.close();
      })
    ),
  );
});

describe("a state file that may not or cannot be written", () => {
  it.live(
    "a folder or file of someone else is denied, with the remedy",
    inFolder(() =>
      Effect.gen(function*() {
        chmodSync(folder, 0o555);
        expect(JSON.parse(run([path, "1"], unprivileged)).reason).toBe("Denied");
        chmodSync(folder, 0o700);
        yield* use("write", (state) => state.begin(start));
        chmodSync(folder, 0o755);
        chmodSync(path, 0o000);
        for (const access of ["write", "read"]) {
          const answer = JSON.parse(run([path, "open", access], unprivileged));
          expect(answer).toMatchObject({
            reason: "Denied",
            message: expect.stringMatching(/Run as the user who owns it/),
          });
        }
        chmodSync(path, 0o444);
        expect(JSON.parse(run([path, "1"], unprivileged)).reason).toBe("Denied");
      })
    ),
  );

  it.live.runIf(isRoot)(
    "a full disk is told as such, and what was written before is whole",
    inFolder(() =>
      Effect.gen(function*() {
        const mount = join(folder, "small");
        mkdirSync(mount);
        execFileSync("mount", ["-t", "tmpfs", "-o", "size=400k", "tmpfs", mount]);
        path = join(mount, "state.db");
        const answer = run([path, "10000", "k"]);
        expect(JSON.parse(answer.trim().split("\n").at(-1)!)).toMatchObject({
          reason: "NoSpace",
          message: expect.stringMatching(/disk is full.*Free some space/),
        });
        execFileSync("mount", ["-o", "remount,size=4m", mount]);
        yield* use("write", (state) => Effect.map(state.resumable(start), (marks) => expect(marks.size).toBe(1)));
        const database = new Database(path);
        expect(database.pragma("integrity_check", { simple: true })).toBe("ok");
        database.close();
        execFileSync("mount", ["-o", "remount,ro", mount]);
        const error = yield* Effect.flip(use("write", () => Effect.void));
        expect(error.reason).toBe("Denied");
      }).pipe(Effect.ensuring(Effect.sync(() => spawnSync("umount", [join(folder, "small")]))))
    ),
  );
});
