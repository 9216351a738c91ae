/** Damerau-Levenshtein distance (optimal string alignment): insert, delete, replace, swap neighbours. */
const distance = (a: string, b: string): number => {
  let beforeLast: Array<number> = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = last[column - 1]! + (a[row - 1] === b[column - 1] ? 0 : 1);
      const swapped = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]
        ? beforeLast[column - 2]! + 1
        : Infinity;
      current.push(Math.min(last[column]! + 1, current[column - 1]! + 1, replaced, swapped));
    }
    [beforeLast, last] = [last, current];
  }
  return last[b.length]!;
};

/** What was probably meant: the nearest known word, case aside, if it is at most a third of its letters away. */
export const nearest = (word: string, known: Iterable<string>): string | undefined => {
  let best: string | undefined;
  let bestDistance = Infinity;
  for (const candidate of known) {
    const away = distance(word.toLowerCase(), candidate.toLowerCase());
    const near = Math.max(1, Math.floor(Math.max(word.length, candidate.length) / 3));
    if (away <= near && away < bestDistance) [best, bestDistance] = [candidate, away];
  }
  return best;
};
