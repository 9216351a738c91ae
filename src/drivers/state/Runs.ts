import { Clock, DateTime, Duration, Effect } from "effect";
import { randomBytes } from "node:crypto";
import type { Checkpoints, RunRecord, RunStatus, State } from "../../core/State.ts";
import { fault } from "./fault.ts";
import * as Owner from "./Owner.ts";
import type { Query, Session } from "./Session.ts";

type Port = State["Type"];

/** Runs of a pipeline that are kept: years of daily runs, and a listing that stays a page or two of the file. */
const KEPT_RUNS = 1_000;

interface Row {
  readonly seq: number;
  readonly id: string;
  readonly environment: string;
  readonly pipeline: string;
  readonly kind: RunRecord["kind"];
  readonly plan_hash: string;
  readonly post_steps: string;
  readonly status: RunStatus;
  readonly started_at: number;
  readonly finished_at: number | null;
  readonly leased_until: number;
  readonly host: string;
  readonly pid: number;
  readonly machine: string | null;
  readonly process_started: string | null;
  readonly report: string | null;
}

/** Sorts by start, to the second; random beyond that. */
const makeId = (now: number): string => {
  const second = new Date(now).toISOString().replace(/[-:]|\.\d+/g, "");
  return `${second}-${randomBytes(3).toString("hex")}`;
};

/** What a run is now: one whose lease is over, or whose process has ended without a word, is abandoned. */
const statusOf = (row: Row, now: number, self: Owner.Owner): RunStatus => {
  if (row.status !== "running") return row.status;
  const owner = { host: row.host, pid: row.pid, machine: row.machine, started: row.process_started };
  return row.leased_until <= now || Owner.hasEnded(owner, self) ? "abandoned" : "running";
};

const toRecord = (row: Row, status: RunStatus): RunRecord => ({
  id: row.id,
  environment: row.environment,
  pipeline: row.pipeline,
  kind: row.kind,
  planHash: row.plan_hash,
  postSteps: row.post_steps,
  status,
  startedAt: DateTime.unsafeMake(row.started_at),
  finishedAt: row.finished_at === null ? undefined : DateTime.unsafeMake(row.finished_at),
  host: row.host,
  pid: row.pid,
  report: row.report === null ? undefined : JSON.parse(row.report),
});

const toJson = (value: unknown): string | null => JSON.stringify(value) ?? null;

const markAbandoned = (query: Query, environment: string, pipeline: string, now: number, self: Owner.Owner) =>
  Effect.gen(function*() {
    const running = yield* query<Row>(
      "SELECT * FROM runs WHERE environment = ? AND pipeline = ? AND status = 'running'",
      environment,
      pipeline,
    );
    const ended = running.filter((row) => statusOf(row, now, self) === "abandoned").map((row) => row.seq);
    if (ended.length === 0) return;
    yield* query(
      "UPDATE runs SET status = 'abandoned' WHERE seq IN (SELECT value FROM json_each(?))",
      JSON.stringify(ended),
    );
  });

/** The part of the port that is about runs. */
export const make = (
  session: Session,
  self: Owner.Owner,
): Pick<Port, "begin" | "heartbeat" | "finish" | "resumable" | "runs"> => {
  const begin: Port["begin"] = Effect.fn("State.begin")(function*(run) {
    const now = yield* Clock.currentTimeMillis;
    const id = makeId(now);
    const lease = Duration.toMillis(run.lease);
    yield* session.write((query) =>
      Effect.gen(function*() {
        yield* markAbandoned(query, run.environment, run.pipeline, now, self);
        yield* query(
          `INSERT INTO runs (id, environment, pipeline, kind, plan_hash, post_steps, status, started_at, lease, leased_until,
             host, pid, machine, process_started)
           VALUES (?, ?, ?, ?, ?, ?, 'running', ?, ?, ?, ?, ?, ?, ?)`,
          id,
          run.environment,
          run.pipeline,
          run.kind,
          run.planHash,
          run.postSteps,
          now,
          lease,
          now + lease,
          self.host,
          self.pid,
          self.machine,
          self.started,
        );
        yield* query(
          `DELETE FROM runs WHERE environment = ? AND pipeline = ? AND status <> 'running' AND seq <= (
             SELECT seq FROM runs WHERE environment = ? AND pipeline = ? ORDER BY seq DESC LIMIT 1 OFFSET ${KEPT_RUNS})`,
          run.environment,
          run.pipeline,
          run.environment,
          run.pipeline,
        );
      })
    );
    return id;
  });

  const missing = (runId: string) =>
    fault(session.path, "Missing", `it does not know run ${runId}`, {
      remedy: "The file was replaced while the run was under way; leave it in place",
    });

  /** A run that another took for abandoned, because its host slept, say, is alive when it speaks. */
  const heartbeat: Port["heartbeat"] = Effect.fn("State.heartbeat")(function*(runId, progress, checkpoints) {
    const now = yield* Clock.currentTimeMillis;
    const [run] = yield* session.write((query) =>
      Effect.gen(function*() {
        const updated = yield* query<Pick<Row, "seq">>(
          `UPDATE runs SET status = 'running', leased_until = ? + lease, report = ?
           WHERE id = ? AND status IN ('running', 'abandoned') RETURNING seq`,
          now,
          toJson(progress),
          runId,
        );
        if (updated[0] === undefined || checkpoints.size === 0) return updated;
        yield* query(
          `INSERT INTO checkpoints (run, part, position) SELECT ?, value ->> 0, value ->> 1 FROM json_each(?) WHERE true
           ON CONFLICT DO UPDATE SET position = excluded.position`,
          updated[0].seq,
          JSON.stringify([...checkpoints]),
        );
        return updated;
      })
    );
    if (run === undefined) return yield* missing(runId);
  });

  const finish: Port["finish"] = Effect.fn("State.finish")(function*(runId, status, report) {
    const now = yield* Clock.currentTimeMillis;
    const [run] = yield* session.write((query) =>
      Effect.gen(function*() {
        const updated = yield* query<Row>(
          "UPDATE runs SET status = ?, finished_at = ?, report = ? WHERE id = ? RETURNING *",
          status,
          now,
          toJson(report),
          runId,
        );
        const run = updated[0];
        if (run === undefined) return updated;
        // Its own, and those of earlier runs: a run that has finished since makes them void.
        yield* query(
          "DELETE FROM checkpoints WHERE run IN (SELECT seq FROM runs WHERE environment = ? AND pipeline = ? AND seq <= ?)",
          run.environment,
          run.pipeline,
          run.seq,
        );
        return updated;
      })
    );
    if (run === undefined) return yield* missing(runId);
  });

  const resumable: Port["resumable"] = Effect.fn("State.resumable")(function*(run) {
    const now = yield* Clock.currentTimeMillis;
    return yield* session.read((query) =>
      Effect.gen(function*() {
        // One that died before its first checkpoint says nothing; the one before it still holds.
        const candidates = yield* query<Row>(
          `SELECT * FROM runs AS run
           WHERE environment = ? AND pipeline = ? AND plan_hash = ? AND post_steps = ? AND kind = 'run'
             AND EXISTS (SELECT 1 FROM checkpoints WHERE checkpoints.run = run.seq)
             AND NOT EXISTS (
               SELECT 1 FROM runs AS later
               WHERE later.environment = run.environment AND later.pipeline = run.pipeline
                 AND later.seq > run.seq AND later.finished_at IS NOT NULL)
           ORDER BY seq DESC`,
          run.environment,
          run.pipeline,
          run.planHash,
          run.postSteps,
        );
        const last = candidates.find((row) => statusOf(row, now, self) === "abandoned");
        if (last === undefined) return new Map() as Checkpoints;
        const rows = yield* query<{ readonly part: string; readonly position: string }>(
          "SELECT part, position FROM checkpoints WHERE run = ?",
          last.seq,
        );
        return new Map(rows.map(({ part, position }) => [part, position])) as Checkpoints;
      })
    );
  });

  const runs: Port["runs"] = Effect.fn("State.runs")(function*({ environment, limit, pipeline }) {
    const now = yield* Clock.currentTimeMillis;
    const rows = yield* session.read((query) =>
      pipeline === undefined
        ? query<Row>("SELECT * FROM runs WHERE environment = ? ORDER BY seq DESC LIMIT ?", environment, limit)
        : query<Row>(
          "SELECT * FROM runs WHERE environment = ? AND pipeline = ? ORDER BY seq DESC LIMIT ?",
          environment,
          pipeline,
          limit,
        )
    );
    return yield* Effect.try({
      try: () => rows.map((row) => toRecord(row, statusOf(row, now, self))),
      catch: (cause) => fault(session.path, "Broken", "a report in it is not JSON", { cause }),
    });
  });

  return { begin, heartbeat, finish, resumable, runs };
};
