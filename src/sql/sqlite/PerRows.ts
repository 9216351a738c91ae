/** Runs a statement for some rows of parallel arrays: as many as fit per run, then one by one. */
import type { Row, Script, Value } from "../../core/Sql.ts";
import type { PerRows } from "./Statements.ts";

type Cells = ReadonlyArray<ReadonlyArray<Value>>;

const bindsOf = (cells: Cells, rows: ReadonlyArray<number>, from: number, to: number): Array<Value> => {
  const binds: Array<Value> = [];
  for (let at = from; at < to; at++) {
    const row = rows[at]!;
    for (let column = 0; column < cells.length; column++) binds.push(cells[column]![row]!);
  }
  return binds;
};

const calls = function*(
  statement: PerRows,
  cells: Cells,
  rows: ReadonlyArray<number>,
  wantsRows: boolean,
): Script<ReadonlyArray<Row>> {
  const { many, one, rowsPerRun } = statement;
  const full = rows.length - rows.length % rowsPerRun;
  const runs: Array<Array<Value>> = [];
  for (let at = 0; at < full; at += rowsPerRun) runs.push(bindsOf(cells, rows, at, at + rowsPerRun));
  const first = runs.length === 0 ? [] : yield { text: many, binds: runs, rows: wantsRows };
  if (full === rows.length) return first;
  const rest: Array<Array<Value>> = [];
  for (let at = full; at < rows.length; at++) rest.push(bindsOf(cells, rows, at, at + 1));
  const last = yield { text: one, binds: rest, rows: wantsRows };
  return first.length === 0 ? last : first.concat(last);
};

export const select = (statement: PerRows, cells: Cells, rows: ReadonlyArray<number>): Script<ReadonlyArray<Row>> =>
  calls(statement, cells, rows, true);

export const run = function*(statement: PerRows, cells: Cells, rows: ReadonlyArray<number>): Script<void> {
  yield* calls(statement, cells, rows, false);
};
