/**
 * Writes a batch beside any number of other writers, under READ COMMITTED. Full rows are only looked at. Stubs are locked before they
 * are judged, so that they stay stubs until they are filled. Rows that are not there are inserted, and counted: where a rival's came
 * first, the insert is undone and the look repeated, which now sees the rival's row.
 */
import type { Program, Script, Value } from "../../core/Sql.ts";
import * as Fold from "../Fold.ts";
import type { Table } from "../Layout.ts";
import type { Batch } from "../Rows.ts";
import type { Asking } from "../Sightings.ts";
import * as StubExtras from "../StubExtras.ts";
import type { Fate } from "../Upsert.ts";
import * as Asked from "./Asked.ts";
import * as PerRows from "./PerRows.ts";
import type { Cells } from "./PerRows.ts";
import type { Statements, TableStatements } from "./Statements.ts";

export const program: Program<Statements, Batch, ReadonlyArray<Fate>> = {
  name: "mysql/upsert",
  script: function*(statements, batch) {
    const { fates, ids } = yield* writeRoots(statements, batch);
    yield* writeOthers(statements, batch, fates, ids);
    return fates;
  },
};

/** Every column of a table as it goes into the database: literals repeated, parents by id; of the clock's nothing. */
const cellsOf = (table: Table, columns: Cells, size: number, ids: Cells): Cells =>
  table.columns.map(({ source }, at) => {
    switch (source._tag) {
      case "Path":
        return columns[at]!;
      case "Literal":
        return new Array<Value>(size).fill(source.value);
      case "Now":
        return [];
      case "Parent":
        return idsOf(columns[at]!, ids[source.table]!);
    }
  });

/** Plain loops in functions that outlive a batch, here and below: they run for every row. */
const idsOf = (rows: ReadonlyArray<Value>, ids: ReadonlyArray<Value>): ReadonlyArray<Value> => {
  const found = new Array<Value>(rows.length);
  for (let at = 0; at < rows.length; at++) found[at] = ids[Number(rows[at])]!;
  return found;
};

const boundOf = ({ bound }: TableStatements, cells: Cells): Cells => bound.map((column) => cells[column]!);

interface Roots {
  readonly fates: ReadonlyArray<Fate>;
  readonly ids: ReadonlyArray<Value>;
}

const writeRoots = function*(statements: Statements, batch: Batch): Script<Roots> {
  const root = statements.layout.tables[0]!;
  const texts = statements.tables[0]!;
  const cells = cellsOf(root, batch.tables[0]!.columns, batch.size, []);
  const key = root.key.map((column) => cells[column]!);
  const bound = boundOf(texts, cells);
  const fates = new Array<Fate>(batch.size).fill("wrote");
  const ids = new Array<Value>(batch.size).fill(null);

  let open: ReadonlyArray<number> = fates.map((_, place) => place);
  let isFirstLook = true;
  while (open.length > 0) {
    const { full, odd, stubs } = yield* look(texts, key, open);
    // Invariant 5: a full row is found, and stays as it is.
    for (const place of full) fates[place] = "found";
    for (const place of odd) {
      fates[place] = {
        conflict: "a stub has this key but for what its collation ignores (letter case, accents, trailing spaces)",
      };
    }
    for (const [place, conflict] of yield* StubExtras.refusals(asking(statements), batch, stubs)) {
      fates[place] = { conflict };
    }
    const filled = [...stubs.keys()].filter((place) => fates[place] === "wrote");
    for (const place of filled) ids[place] = stubs.get(place)!;
    if (texts.fill !== undefined) {
      yield* PerRows.run(texts.fill, root.id === undefined ? bound : [ids, ...bound], filled);
    }

    const absent = absentAmong(open, fates, stubs);
    const hasRival = yield* insertRoots(texts, bound, absent, !isFirstLook && absent.length === open.length);
    if (!hasRival) {
      if (root.id !== undefined) {
        for (const [n, id] of yield* Asked.ask(texts.find!, key, absent)) ids[Number(n)] = id!;
      }
      break;
    }
    open = absent;
    isFirstLook = false;
  }
  return { fates, ids };
};

const absentAmong = (
  places: ReadonlyArray<number>,
  fates: ReadonlyArray<Fate>,
  stubs: Looked["stubs"],
): ReadonlyArray<number> => {
  const absent: Array<number> = [];
  for (const place of places) if (fates[place] === "wrote" && !stubs.has(place)) absent.push(place);
  return absent;
};

const asking = ({ facets, layout, tables }: Statements): Asking => ({
  layout,
  facets,
  actual: (table, cells, rows) => Asked.ask(tables[table]!.actual!, cells.slice(1), rows),
});

interface Looked {
  readonly full: ReadonlyArray<number>;
  /** Stubs whose key is the same under its collation only. */
  readonly odd: ReadonlyArray<number>;
  /** Locked, by place, with their ids. */
  readonly stubs: ReadonlyMap<number, Value>;
}

/**
 * Enough of a batch to tell a cache full of stubs, where looking before locking would seek each row twice. The price: a full row among them
 * that somebody has locked is waited for.
 */
const probed = 16;

const look = function*({ find, lock }: TableStatements, key: Cells, places: ReadonlyArray<number>): Script<Looked> {
  const full: Array<number> = [];
  const odd: Array<number> = [];
  const stubs = new Map<number, Value>();
  const locked = new Set<number>();
  const lockStubs = function*(among: ReadonlyArray<number>): Script<void> {
    for (const [n, id, , sameBytes] of yield* Asked.ask(lock!, key, among)) {
      const place = Number(n);
      locked.add(place);
      if (sameBytes === 1n) stubs.set(place, id!);
      else odd.push(place);
    }
  };

  if (lock !== undefined) {
    const some = places.slice(0, probed);
    const seen = yield* Asked.ask(find!, key, some);
    if (seen.filter(([, , isStub]) => isStub === 1n).length > some.length / 2) yield* lockStubs(places);
  }
  const unlocked: Array<number> = [];
  const others = locked.size === 0 ? places : places.filter((place) => !locked.has(place));
  for (const [n, , isStub] of yield* Asked.ask(find!, key, others)) {
    (isStub === 1n ? unlocked : full).push(Number(n));
  }
  // One that is filled or gone by now is taken for absent: its insert is undone, and it is looked at again.
  if (lock !== undefined) yield* lockStubs(unlocked.sort((a, b) => a - b));
  return { full, odd, stubs };
};

/** Whether a rival's rows were there first; then nothing was inserted. */
const insertRoots = function*(
  { insert, insertNew }: TableStatements,
  bound: Cells,
  places: ReadonlyArray<number>,
  isUnexplained: boolean,
): Script<boolean> {
  if (places.length === 0) return false;
  if (isUnexplained) {
    // No row has these keys, and still something is in the way, as another unique index may be: the database says what.
    yield* PerRows.run(insertNew!, bound, places, true);
    return false;
  }
  yield { text: "SAVEPOINT before_insert", binds: [[]], rows: false };
  if (yield* PerRows.runCounted(insert, bound, places)) return false;
  yield { text: "ROLLBACK TO SAVEPOINT before_insert", binds: [[]], rows: false };
  return true;
};

/** Children and shared rows of the items that were written, parents before children. */
const writeOthers = function*(
  { layout, tables }: Statements,
  batch: Batch,
  fates: ReadonlyArray<Fate>,
  rootIds: ReadonlyArray<Value>,
): Script<void> {
  const ids: Array<ReadonlyArray<Value>> = [rootIds];
  for (let index = 1; index < layout.tables.length; index++) {
    const table = layout.tables[index]!;
    const texts = tables[index]!;
    const { columns, owners, size } = batch.tables[index]!;
    const written: Array<number> = [];
    for (let row = 0; row < size; row++) if (fates[owners[row]!] === "wrote") written.push(row);
    const cells = cellsOf(table, columns, size, ids);
    if (table.id === undefined) {
      ids.push([]);
      yield* PerRows.run(texts.insert, boundOf(texts, cells), byParent(table, cells, written), !texts.repeatable);
      continue;
    }
    const { distinct, first } = byKey(table, cells, written);
    yield* PerRows.run(texts.insert, boundOf(texts, cells), distinct, !texts.repeatable);
    const key = table.key.map((column) => cells[column]!);
    const own = new Array<Value>(size).fill(null);
    for (const [n, id] of yield* Asked.ask(texts.find!, key, distinct)) own[Number(n)] = id!;
    // Held off by something else than this key: the database says what.
    yield* PerRows.run(texts.insertNew!, boundOf(texts, cells), withoutId(distinct, own), true);
    for (const row of written) own[row] = own[first.get(row)!]!;
    ids.push(own);
  }
};

/** In the order of the index they go into: the ids of stubs are in no order, and each page is sought once. Other ids than numbers stay as they are. */
const byParent = (table: Table, cells: Cells, rows: ReadonlyArray<number>): ReadonlyArray<number> => {
  const parent = table.key.find((column) => table.columns[column]!.source._tag === "Parent");
  if (parent === undefined) return rows;
  const ids = Float64Array.from(cells[parent]!, Number);
  return isAscending(ids, rows) ? rows : rows.toSorted((a, b) => ids[a]! - ids[b]!);
};

const isAscending = (ids: Float64Array, rows: ReadonlyArray<number>): boolean => {
  for (let at = 1; at < rows.length; at++) if (ids[rows[at - 1]!]! > ids[rows[at]!]!) return false;
  return true;
};

const withoutId = (rows: ReadonlyArray<number>, ids: ReadonlyArray<Value>): ReadonlyArray<number> => {
  const without: Array<number> = [];
  for (const row of rows) if (ids[row] === null) without.push(row);
  return without;
};

/** Of rows with the same key, byte by byte, the first stands for all; sorted by key, so that writers lock shared rows in one order. */
const byKey = (table: Table, cells: Cells, rows: ReadonlyArray<number>) => {
  const known = new Map<string, number>();
  const first = new Map<number, number>();
  for (const row of rows) {
    const key = keyOf(table, cells, row);
    const earlier = known.get(key);
    if (earlier === undefined) known.set(key, row);
    first.set(row, earlier ?? row);
  }
  return { distinct: [...known].sort(byText).map(rowOf), first };
};

const keyOf = (table: Table, cells: Cells, row: number): string => {
  const parts: Array<string> = [];
  for (const column of table.key) parts.push(Fold.encode(cells[column]![row]!));
  return Fold.encodeAll(parts);
};

type Keyed = readonly [key: string, row: number];
const byText = ([a]: Keyed, [b]: Keyed): number => a < b ? -1 : 1;
const rowOf = ([, row]: Keyed): number => row;
