import type { SqlError } from "@effect/sql/SqlError";
import { Clock, DateTime, Effect } from "effect";
import { createHash } from "node:crypto";
import type { StateError } from "../../core/Errors.ts";
import type { QuarantineIdentity, QuarantineRecord, QuarantineScope as Scope, State } from "../../core/State.ts";
import { fault, isUniqueViolation } from "./fault.ts";
import type { Bind, Query, Session } from "./Session.ts";

type Port = State["Type"];

type Entry = Parameters<Port["quarantine"]>[1][number];

/** Hex digits of an id, tried in turn: 12 collide once in a million records with a chance of 0.2 %, all 64 never. */
const ID_LENGTHS = [12, 20, 64] as const;

/** Ends of pages that are remembered, so that paging goes on when the record a page ended with has been released. */
const REMEMBERED_PAGES = 64;

/** Records that one transaction of a sweep looks at: a few milliseconds, so that neither this process nor another runner stalls. */
const SWEPT_AT_ONCE = 1_000;

/** `#2` before `#10`: of one text before its last digits, fewer digits come first. No index has this order; all of a scope is looked at. */
const byTrailingNumber = "rtrim(key, '0123456789'), length(key), key";

const digest = (identity: QuarantineIdentity): string =>
  createHash("sha256").update(JSON.stringify([
    identity.environment,
    identity.pipeline,
    identity.source,
    identity.key,
    identity.sha256,
    identity.code,
  ])).digest("hex");

const byScope = <I extends Scope>(entries: ReadonlyArray<I>): Iterable<readonly [Scope, ReadonlyArray<I>]> => {
  const groups = new Map<string, [Scope, Array<I>]>();
  for (const entry of entries) {
    const name = JSON.stringify([entry.environment, entry.pipeline, entry.source]);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [entry, [entry]]);
    else group[1].push(entry);
  }
  return groups.values();
};

interface Row extends Scope {
  readonly scope: number;
  readonly key: string;
  readonly sha256: string;
  readonly code: string;
  readonly id: string;
  readonly kind: QuarantineRecord["kind"];
  readonly reason: string;
  readonly first_seen: number;
  readonly last_seen: number;
  readonly run_id: string;
  readonly accepted_at: number | null;
  readonly note: string | null;
}

const toRecord = (row: Row): QuarantineRecord => ({
  id: row.id,
  environment: row.environment,
  pipeline: row.pipeline,
  source: row.source,
  key: row.key,
  sha256: row.sha256,
  code: row.code,
  kind: row.kind,
  reason: row.reason,
  firstSeen: DateTime.unsafeMake(row.first_seen),
  lastSeen: DateTime.unsafeMake(row.last_seen),
  runId: row.run_id,
  accepted: row.accepted_at === null ? undefined : { at: DateTime.unsafeMake(row.accepted_at), note: row.note ?? "" },
});

const scopeId = (query: Query, { environment, pipeline, source }: Scope) =>
  Effect.gen(function*() {
    const find = query<{ readonly id: number }>(
      "SELECT id FROM scopes WHERE environment = ? AND pipeline = ? AND source = ?",
      environment,
      pipeline,
      source,
    );
    const [found] = yield* find;
    if (found !== undefined) return found.id;
    const [made] = yield* query<{ readonly id: number }>(
      "INSERT INTO scopes (environment, pipeline, source) VALUES (?, ?, ?) RETURNING id",
      environment,
      pipeline,
      source,
    );
    return made!.id;
  });

interface Sweep {
  readonly scope: number;
  readonly runId: string;
  readonly startedAt: number;
}

/** One record per key: another content or code replaces it, and with it the accept. */
const UPSERT = `
  INSERT INTO quarantine (scope, key, sha256, code, id, kind, reason, first_seen, last_seen, run_id)
  SELECT ?, value ->> 0, value ->> 1, value ->> 2, value ->> 3, value ->> 4, value ->> 5, ?, ?, ? FROM json_each(?) WHERE true
  ON CONFLICT (scope, key) DO UPDATE SET
    kind = excluded.kind, reason = excluded.reason, last_seen = excluded.last_seen, run_id = excluded.run_id,
    sha256 = excluded.sha256, code = excluded.code,
    id = iif(sha256 = excluded.sha256 AND code = excluded.code, id, excluded.id),
    first_seen = iif(sha256 = excluded.sha256 AND code = excluded.code, first_seen, excluded.first_seen),
    accepted_at = iif(sha256 = excluded.sha256 AND code = excluded.code, accepted_at, NULL),
    note = iif(sha256 = excluded.sha256 AND code = excluded.code, note, NULL)`;

/** The part of the port that is about quarantine. */
export const make = (
  session: Session,
): Pick<Port, "quarantine" | "accepted" | "release" | "sweep" | "quarantined" | "accept"> => {
  const pageEnds = new Map<string, { readonly scope: number; readonly key: string }>();

  const quarantine: Port["quarantine"] = Effect.fn("State.quarantine")(function*(runId, records) {
    if (records.length === 0) return;
    const now = yield* Clock.currentTimeMillis;
    const upsert = (query: Query, [idLength, ...longer]: ReadonlyArray<number>): Effect.Effect<void, SqlError> =>
      Effect.forEach(byScope<Entry>(records), ([scope, entries]) =>
        Effect.gen(function*() {
          const rows = entries.map((entry) => [
            entry.key,
            entry.sha256,
            entry.code,
            digest(entry).slice(0, idLength),
            entry.kind,
            entry.reason,
          ]);
          yield* query(UPSERT, yield* scopeId(query, scope), now, now, runId, JSON.stringify(rows));
        }), { discard: true }).pipe(
          // A statement that violates a constraint undoes itself and leaves the transaction open.
          Effect.catchIf((error) => isUniqueViolation(error) && longer.length > 0, () => upsert(query, longer)),
        );
    yield* session.write((query) => upsert(query, ID_LENGTHS));
  });

  const accepted: Port["accepted"] = Effect.fn("State.accepted")(function*(identities) {
    const found = new Set<QuarantineIdentity>();
    yield* session.read((query) =>
      Effect.forEach(byScope(identities), ([scope, members]) =>
        Effect.gen(function*() {
          // The order is fixed: asked keys are few, records may be many.
          const rows = yield* query<{ readonly key: string; readonly sha256: string; readonly code: string }>(
            `SELECT q.key, q.sha256, q.code
             FROM scopes AS s CROSS JOIN json_each(?) AS asked CROSS JOIN quarantine AS q ON q.scope = s.id AND q.key = asked.value
             WHERE s.environment = ? AND s.pipeline = ? AND s.source = ? AND q.accepted_at IS NOT NULL`,
            JSON.stringify(members.map(({ key }) => key)),
            scope.environment,
            scope.pipeline,
            scope.source,
          );
          if (rows.length === 0) return;
          const byKey = new Map(rows.map((row) => [row.key, row]));
          for (const member of members) {
            const row = byKey.get(member.key);
            if (row !== undefined && row.sha256 === member.sha256 && row.code === member.code) found.add(member);
          }
        }), { discard: true })
    );
    return identities.map((identity) => found.has(identity));
  });

  const release: Port["release"] = Effect.fn("State.release")(function*({ environment, pipeline, source }, keys) {
    const where = `scope = (SELECT id FROM scopes WHERE environment = ? AND pipeline = ? AND source = ?)
      AND key IN (SELECT value FROM json_each(?))`;
    const binds = [environment, pipeline, source, JSON.stringify(keys)];
    // Nearly always there is nothing to release: then nothing is written, and no other runner waits.
    const [any] = yield* session.read((query) => query(`SELECT 1 FROM quarantine WHERE ${where} LIMIT 1`, ...binds));
    if (any !== undefined) yield* session.write((query) => query(`DELETE FROM quarantine WHERE ${where}`, ...binds));
  });

  const sweepFrom = (sweep: Sweep, after: string): Effect.Effect<void, StateError> =>
    session.write((query) =>
      Effect.gen(function*() {
        const [page] = yield* query<{ readonly last: string | null }>(
          `SELECT max(key) AS last FROM (SELECT key FROM quarantine WHERE scope = ? AND key > ? ORDER BY key LIMIT ${SWEPT_AT_ONCE})`,
          sweep.scope,
          after,
        );
        const last = page?.last ?? undefined;
        if (last !== undefined) {
          yield* query(
            "DELETE FROM quarantine WHERE scope = ? AND key > ? AND key <= ? AND last_seen < ? AND run_id <> ?",
            sweep.scope,
            after,
            last,
            sweep.startedAt,
            sweep.runId,
          );
        }
        return last;
      })
    ).pipe(
      Effect.zipLeft(Effect.yieldNow()),
      Effect.flatMap((last) => last === undefined ? Effect.void : sweepFrom(sweep, last)),
    );

  /** By time, for what a runner beside this one saw meanwhile is still there; and by run, for clocks are set back. */
  const sweep: Port["sweep"] = Effect.fn("State.sweep")(function*({ environment, pipeline, source }, runId) {
    const [found] = yield* session.read((query) =>
      query<{ readonly scope: number; readonly startedAt: number }>(
        `SELECT scopes.id AS scope, runs.started_at AS startedAt FROM scopes, runs
         WHERE scopes.environment = ? AND scopes.pipeline = ? AND scopes.source = ? AND runs.id = ?`,
        environment,
        pipeline,
        source,
        runId,
      )
    );
    if (found !== undefined) yield* sweepFrom({ ...found, runId }, "");
  });

  const pageStart = (query: Query, after: string) =>
    Effect.gen(function*() {
      const remembered = pageEnds.get(after);
      if (remembered !== undefined) return remembered;
      const [row] = yield* query<{ readonly scope: number; readonly key: string }>(
        "SELECT scope, key FROM quarantine WHERE id = ?",
        after,
      );
      return row;
    });

  const remember = (last: Row | undefined) => {
    if (last === undefined) return;
    pageEnds.set(last.id, { scope: last.scope, key: last.key });
    const oldest = pageEnds.keys().next();
    if (pageEnds.size > REMEMBERED_PAGES && !oldest.done) pageEnds.delete(oldest.value);
  };

  const quarantined: Port["quarantined"] = Effect.fn("State.quarantined")(function*(filter) {
    const rows = yield* session.read((query) =>
      Effect.gen(function*() {
        const start = filter.after === undefined ? { scope: 0, key: "" } : yield* pageStart(query, filter.after);
        if (start === undefined) return undefined;
        const scopes = yield* query<Scope & { readonly id: number }>(
          "SELECT * FROM scopes WHERE environment = ? AND pipeline = coalesce(?, pipeline) AND id >= ? ORDER BY id",
          filter.environment,
          filter.pipeline ?? null,
          start.scope,
        );
        const page: Array<Row> = [];
        for (const { id, ...scope } of scopes) {
          if (page.length >= filter.limit) break;
          const conditions: Array<string> = ["scope = ?"];
          const binds: Array<Bind> = [id];
          const add = (condition: string, ...values: ReadonlyArray<Bind>) => {
            conditions.push(condition);
            binds.push(...values);
          };
          if (id === start.scope) add("key > ?", start.key);
          if (filter.code !== undefined) add("code = ?", filter.code);
          if (filter.accepted !== undefined) add(`accepted_at IS ${filter.accepted ? "NOT NULL" : "NULL"}`);
          if (filter.match !== undefined) {
            const match = JSON.stringify(filter.match);
            // Ids are hex, so that those with a prefix end before the prefix with a "g"; the `+` makes SQLite look them up by id.
            add(
              `key IN (SELECT value FROM json_each(?) UNION
                 SELECT named.key FROM json_each(?) AS wanted CROSS JOIN quarantine AS named
                   ON named.id >= wanted.value AND named.id < wanted.value || 'g'
                 WHERE length(wanted.value) >= 6 AND +named.scope = ?)`,
              match,
              match,
              id,
            );
          }
          const found = yield* query<Omit<Row, keyof Scope>>(
            `SELECT * FROM quarantine WHERE ${conditions.join(" AND ")} ORDER BY ${
              filter.forPeople === true ? byTrailingNumber : "key"
            } LIMIT ?`,
            ...binds,
            filter.limit - page.length,
          );
          for (const row of found) page.push({ ...scope, ...row });
        }
        return page;
      })
    );
    if (rows === undefined) {
      return yield* fault(session.path, "Missing", `the record ${filter.after} is gone, where the page was to begin`, {
        remedy: "List again from the beginning",
      });
    }
    remember(rows.at(-1));
    return rows.map(toRecord);
  });

  const accept: Port["accept"] = Effect.fn("State.accept")(function*(ids, note) {
    const now = yield* Clock.currentTimeMillis;
    const changed = yield* session.write((query) =>
      Effect.zipRight(
        query(
          `UPDATE quarantine SET accepted_at = ?, note = ?
           WHERE accepted_at IS NULL AND id IN (SELECT value FROM json_each(?))`,
          now,
          note,
          JSON.stringify(ids),
        ),
        query<{ readonly count: number }>("SELECT changes() AS count"),
      )
    );
    return changed[0]?.count ?? 0;
  });

  return { quarantine, accepted, release, sweep, quarantined, accept };
};
