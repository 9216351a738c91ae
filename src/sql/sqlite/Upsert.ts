/**
 * Writes a batch under SQLite's exclusive write lock: nobody else can write between the look and the insert, so rows that exist
 * are looked up once and ids are given out beforehand, without a round trip per row.
 */
import type { Program, Script, Value } from "../../core/Sql.ts";
import * as Fold from "../Fold.ts";
import type { Table } from "../Layout.ts";
import type { Batch } from "../Rows.ts";
import type { Asking } from "../Sightings.ts";
import * as StubExtras from "../StubExtras.ts";
import type { Fate } from "../Upsert.ts";
import * as PerRows from "./PerRows.ts";
import type { Statements } from "./Statements.ts";

export const program: Program<Statements, Batch, ReadonlyArray<Fate>> = {
  name: "sqlite/upsert",
  script: function*(statements, batch) {
    const now = (yield { text: statements.now, binds: [[]], rows: true })[0]![0]!;
    const fates = yield* writeRoots(statements, batch, now);
    return fates;
  },
};

type Cells = ReadonlyArray<ReadonlyArray<Value>>;

/** Every column of a table as it goes into the database: literals and the clock repeated, parents by id. */
const cellsOf = (
  table: Table,
  columns: Cells,
  size: number,
  now: Value,
  ids: ReadonlyArray<ReadonlyArray<Value>>,
): Cells =>
  table.columns.map(({ source }, at) => {
    switch (source._tag) {
      case "Path":
        return columns[at]!;
      case "Literal":
        return new Array<Value>(size).fill(source.value);
      case "Now":
        return new Array<Value>(size).fill(now);
      case "Parent":
        return columns[at]!.map((row) => ids[source.table]![Number(row)]!);
    }
  });

const writeRoots = function*(statements: Statements, batch: Batch, now: Value): Script<ReadonlyArray<Fate>> {
  const { layout } = statements;
  const texts = statements.tables[0]!;
  const root = layout.tables[0]!;
  const cells = cellsOf(root, batch.tables[0]!.columns, batch.size, now, []);
  const every = Array.from({ length: batch.size }, (_, row) => row);
  const key = root.key.map((column) => cells[column]!);

  // Invariant 5: a full row is found, and stays as it is.
  const fates = new Array<Fate>(batch.size).fill("wrote");
  const ids = new Array<Value>(batch.size).fill(null);
  const stubs = new Map<number, Value>();
  for (const [n, id, isStub, sameBytes] of yield* PerRows.select(texts.find!, [every, ...key], every)) {
    const place = Number(n);
    if (isStub !== 1n) fates[place] = "found";
    else if (sameBytes !== 1n) {
      fates[place] = { conflict: "a stub has this key but for letter case or trailing spaces" };
    } else stubs.set(place, id!);
    ids[place] = id!;
  }
  const asking: Asking = {
    layout,
    facets: statements.facets,
    actual: (table, cells, rows) => PerRows.select(statements.tables[table]!.actual!, cells, rows),
  };
  for (const [place, conflict] of yield* StubExtras.refusals(asking, batch, stubs)) fates[place] = { conflict };

  const inserted = every.filter((place) => fates[place] === "wrote" && !stubs.has(place));
  if (root.id !== undefined) yield* assignIds(texts.lastId!, inserted, ids);
  yield* PerRows.run(texts.insert, root.id === undefined ? cells : [ids, ...cells], inserted);
  if (texts.fill !== undefined && stubs.size > 0) {
    const binds: Array<Array<Value>> = [];
    for (const [place, id] of stubs) {
      if (fates[place] !== "wrote") continue;
      binds.push([
        ...statements.filled.map((column) => cells[column]![place]!),
        ...(root.id === undefined ? key.map((values) => values[place]!) : [id]),
      ]);
    }
    yield { text: texts.fill, binds, rows: false };
  }
  yield* writeOthers(statements, batch, now, fates, ids);
  return fates;
};

const assignIds = function*(lastId: string, rows: ReadonlyArray<number>, ids: Array<Value>): Script<void> {
  if (rows.length === 0) return;
  let last = BigInt((yield { text: lastId, binds: [[]], rows: true })[0]![0] as bigint);
  for (const row of rows) ids[row] = ++last;
};

/** Children and shared rows of the items that were written, parents before children. */
const writeOthers = function*(
  { layout, tables }: Statements,
  batch: Batch,
  now: Value,
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
    const cells = cellsOf(table, columns, size, now, ids);
    if (table.id === undefined) {
      ids.push([]);
      yield* PerRows.run(texts.insert, cells, written);
      continue;
    }
    const first = firstsOfKeys(table, cells, written);
    const distinct = written.filter((row) => first[row] === row);
    const own = new Array<Value>(size).fill(null);
    const numbers = own.map((_, row) => row);
    const existing: Array<Array<Value>> = [];
    for (
      const [n, id] of yield* PerRows.select(texts.find!, [
        numbers,
        ...table.key.map((column) => cells[column]!),
      ], distinct)
    ) {
      own[Number(n)] = id!;
      existing.push([...table.touch.map(() => now), id!]);
    }
    const inserted = distinct.filter((row) => own[row] === null);
    yield* assignIds(texts.lastId!, inserted, own);
    yield* PerRows.run(texts.insert, [own, ...cells], inserted);
    if (texts.touch !== undefined && existing.length > 0) yield { text: texts.touch, binds: existing, rows: false };
    for (const row of written) own[row] = own[first[row]!]!;
    ids.push(own);
  }
};

/** For each of these rows the first with its key, under its collation: it stands for all. */
const firstsOfKeys = (table: Table, cells: Cells, rows: ReadonlyArray<number>): ReadonlyArray<number | undefined> => {
  const folds = table.collations.map((name) => Fold.sqliteCollations.get(name)!);
  const known = new Map<string, number>();
  const firsts: Array<number | undefined> = [];
  for (const row of rows) {
    // No text that gets into a table holds a NUL.
    let key = "";
    for (let at = 0; at < table.key.length; at++) {
      key += `\0${Fold.folded(cells[table.key[at]!]![row]!, folds[at]!)}`;
    }
    const first = known.get(key);
    if (first === undefined) known.set(key, row);
    firsts[row] = first ?? row;
  }
  return firsts;
};
