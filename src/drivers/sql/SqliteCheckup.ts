/** What `doctor` asks of a SQLite file: Invariant 10, nothing is written and no lock is taken. */
import { Effect } from "effect";
import { constants } from "node:fs";
import { access, stat } from "node:fs/promises";
import { dirname } from "node:path";
import type { Check } from "../../core/Check.ts";
import type { SqlNeeds } from "../../core/Sql.ts";
import type { Catalog } from "../../sql/Catalog.ts";
import * as Disk from "../Disk.ts";

/** A WAL this long shows that something has kept it from being checkpointed: SQLite starts at 4 MiB, our own writer at 16 MiB. */
const longWalBytes = 256 * 1024 ** 2;

const sizeOf = (path: string): Effect.Effect<number | undefined> =>
  Effect.tryPromise(() => stat(path)).pipe(Effect.map(({ size }) => size), Effect.orElseSucceed(() => undefined));

const mayWrite = (path: string, mode: number): Effect.Effect<boolean> =>
  Effect.tryPromise(() => access(path, mode)).pipe(Effect.as(true), Effect.orElseSucceed(() => false));

/** SQLite puts its `-wal` and `-shm`, or its journal, beside the file: the folder counts as much. */
const writable = (path: string): Effect.Effect<Check> =>
  Effect.gen(function*() {
    const { R_OK, W_OK, X_OK } = constants;
    const lacking = [
      ...((yield* mayWrite(path, R_OK | W_OK)) ? [] : [path]),
      ...((yield* mayWrite(dirname(path), R_OK | W_OK | X_OK)) ? [] : [`its folder ${dirname(path)}`]),
    ];
    return lacking.length === 0
      ? { name: "sql/writable", status: "pass", detail: "this user may write the file and its folder" }
      : {
        name: "sql/writable",
        status: "fail",
        detail: `this user may not write ${lacking.join(" and ")}`,
        remedy: "Run as the user of ncps, or grant it write access to the file and its folder",
      };
  });

const journal = (mode: string): Check =>
  mode === "wal"
    ? { name: "sql/journal-mode", status: "pass", detail: "WAL: readers and the writer do not wait for each other" }
    : {
      name: "sql/journal-mode",
      status: "warn",
      detail: `${mode}: whoever reads waits while a batch is written`,
      remedy: "ncps sets WAL when it starts; start it once on this file",
    };

const schema = ({ tables }: SqlNeeds, catalog: Catalog): Check => {
  const missing = tables.filter((table) => !catalog.tables.some(({ name }) => name === table));
  return missing.length === 0
    ? { name: "sql/tables", status: "pass", detail: `all ${tables.length} tables are there` }
    : {
      name: "sql/tables",
      status: "fail",
      detail: `there is no table ${missing.join(", ")}`,
      remedy: "Create them with the program that owns the database (`ncps migrate up`); none is ever created here",
    };
};

const disk = (path: string): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function*() {
    const found = yield* Disk.look(path);
    if (found === undefined) return [];
    const size = (yield* sizeOf(path)) ?? 0;
    const free = `${Disk.inUnits(found.freeBytes)} free beside a database of ${Disk.inUnits(size)}`;
    const network = Disk.networkName(found.type);
    return [
      network === undefined
        ? { name: "sql/file-system", status: "pass", detail: "on a local disk" }
        : {
          name: "sql/file-system",
          status: "warn",
          detail: `on ${network}, where SQLite's locks and shared memory do not hold between hosts`,
          remedy: "Run on the host that ncps runs on, or move the database to a local disk",
        },
      found.freeBytes >= Disk.scarceBytes
        ? { name: "sql/free-space", status: "pass", detail: free }
        : {
          name: "sql/free-space",
          status: found.freeBytes < Disk.fullBytes ? "fail" : "warn",
          detail: free,
          remedy: "Make room first: a full disk stops the run, and ncps with it",
        },
    ];
  });

const wal = (path: string): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.map(sizeOf(`${path}-wal`), (size) =>
    size === undefined || size < longWalBytes ? [] : [{
      name: "sql/wal-size",
      status: "warn",
      detail: `the WAL has grown to ${Disk.inUnits(size)}: some reader keeps it from being written back`,
      remedy: "Look for a process that has had the database open for long, a backup say",
    }]);

/** `catalog` fails where the schema cannot be read. */
export const checkup = <E extends { readonly message: string }>(options: {
  readonly path: string;
  readonly version: string;
  readonly journalMode: string;
  readonly durability: string;
  readonly needs: SqlNeeds;
  readonly catalog: Effect.Effect<Catalog, E>;
}): Effect.Effect<ReadonlyArray<Check>> =>
  Effect.gen(function*() {
    const { catalog, durability, journalMode, needs, path, version } = options;
    return [
      { name: "sql/reachable", status: "pass", detail: `SQLite ${version}, ${path}` },
      ...(needs.access === "write" ? [yield* writable(path)] : []),
      journal(journalMode),
      { name: "sql/durability", status: "pass", detail: `our commits survive a power loss: ${durability}` },
      yield* Effect.match(catalog, {
        onSuccess: (found) => schema(needs, found),
        onFailure: ({ message }): Check => ({ name: "sql/tables", status: "fail", detail: message }),
      }),
      ...(yield* disk(path)),
      ...(yield* wal(path)),
    ];
  });
