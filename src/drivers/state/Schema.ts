import { Effect } from "effect";
import type { Query } from "./Session.ts";

/** `PRAGMA application_id` of every state file, "ncpp" in ASCII: what tells it from any other SQLite database. */
export const APPLICATION_ID = 0x6e_63_70_70;

/** Format of the state file, kept as `PRAGMA user_version`; a file of a greater one is refused. */
export const FORMAT = 1;

// Times are Unix milliseconds, hence UTC. What is asked by chunk (quarantine) is clustered by key.
const tables = [
  `CREATE TABLE meta (
    name TEXT PRIMARY KEY,
    value TEXT NOT NULL
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    environment TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    kind TEXT NOT NULL,
    plan_hash TEXT NOT NULL,
    post_steps TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at INTEGER NOT NULL,
    finished_at INTEGER,
    lease INTEGER NOT NULL,
    leased_until INTEGER NOT NULL,
    host TEXT NOT NULL,
    pid INTEGER NOT NULL,
    machine TEXT,
    process_started TEXT,
    report TEXT
  ) STRICT`,
  "CREATE INDEX runs_of_pipeline ON runs (environment, pipeline, seq)",
  `CREATE TABLE checkpoints (
    run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
    part TEXT NOT NULL,
    position TEXT NOT NULL,
    PRIMARY KEY (run, part)
  ) STRICT, WITHOUT ROWID`,
  `CREATE TABLE scopes (
    id INTEGER PRIMARY KEY,
    environment TEXT NOT NULL,
    pipeline TEXT NOT NULL,
    source TEXT NOT NULL,
    UNIQUE (environment, pipeline, source)
  ) STRICT`,
  `CREATE TABLE quarantine (
    scope INTEGER NOT NULL REFERENCES scopes (id),
    key TEXT NOT NULL,
    sha256 TEXT NOT NULL,
    code TEXT NOT NULL,
    id TEXT NOT NULL UNIQUE,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    first_seen INTEGER NOT NULL,
    last_seen INTEGER NOT NULL,
    run_id TEXT NOT NULL,
    accepted_at INTEGER,
    note TEXT,
    PRIMARY KEY (scope, key)
  ) STRICT, WITHOUT ROWID`,
];

/** Makes the tables of an empty file; inside a transaction. */
export const create = (query: Query) =>
  Effect.gen(function*() {
    for (const table of tables) yield* query(table);
    yield* query("INSERT INTO meta (name, value) VALUES ('tool', 'ncps-pipeline'), ('format', ?)", String(FORMAT));
    yield* query(`PRAGMA application_id = ${APPLICATION_ID}`);
    yield* query(`PRAGMA user_version = ${FORMAT}`);
  });
