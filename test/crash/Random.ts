/** Deterministic and seedable: a failing seed can be run again. */

export type Random = (below: number) => number;

/** Whole numbers from 0. The lowest bits of such a generator repeat soon: the highest are used. */
export const from = (seed: number): Random => {
  let state = seed >>> 0;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor(state / 2 ** 32 * below);
  };
};

export const seed = Number(process.env["CRASH_SEED"] ?? 20_261_121);
