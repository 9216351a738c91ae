/** Runs a statement for some rows of parallel arrays, in few runs of fixed lengths, so that each text is prepared once. */
import type { Script, Value } from "../../core/Sql.ts";

/** A statement for so many rows at once. */
export interface Sized {
  readonly rows: number;
  readonly text: string;
}

/** The longest first, the last for one row. */
export type PerRows = ReadonlyArray<Sized>;

export type Cells = ReadonlyArray<ReadonlyArray<Value>>;

interface Run {
  readonly text: string;
  readonly binds: ReadonlyArray<Value>;
  /** How many rows it is for; what is bound beyond them repeats the last one. */
  readonly rows: number;
}

/**
 * A rest is filled up with its last row where that adds so many at most, which cost less than one more way to the server and back, and no
 * more than a quarter of all rows, since each takes one of the table's next ids.
 */
const worthFilling = 32;

/** With `exact` no row is given twice, as it must be where a row that is given again would be changed. */
export const runs = (
  statement: PerRows,
  cells: Cells,
  rows: ReadonlyArray<number>,
  exact: boolean,
): ReadonlyArray<Run> => {
  const mostFilled = exact ? 0 : Math.min(worthFilling, rows.length / 4);
  const planned: Array<Run> = [];
  let from = 0;
  while (from < rows.length) {
    const left = rows.length - from;
    const fitting = statement.find((sized) => sized.rows <= left)!;
    const above = statement.findLast((sized) => sized.rows >= left);
    const { rows: length, text } = above !== undefined && above.rows - left <= mostFilled ? above : fitting;
    const count = Math.min(length, left);
    const binds: Array<Value> = [];
    for (let at = 0; at < length; at++) {
      const row = rows[from + Math.min(at, count - 1)]!;
      for (let column = 0; column < cells.length; column++) binds.push(cells[column]![row]!);
    }
    planned.push({ text, binds, rows: count });
    from += count;
  }
  return planned;
};

export const run = function*(
  statement: PerRows,
  cells: Cells,
  rows: ReadonlyArray<number>,
  exact = false,
): Script<void> {
  for (const { binds, text } of runs(statement, cells, rows, exact)) yield { text, binds: [binds], rows: false };
};

/** Whether each row was inserted: one that was there already, or is given twice, counts as none. */
export const runCounted = function*(
  statement: PerRows,
  cells: Cells,
  rows: ReadonlyArray<number>,
): Script<boolean> {
  for (const { binds, rows: wanted, text } of runs(statement, cells, rows, false)) {
    const [[inserted] = []] = yield { text, binds: [binds], rows: true };
    if (inserted !== BigInt(wanted)) return false;
  }
  return true;
};
