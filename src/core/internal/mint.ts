import type { Origin, Receipt } from "../Item.ts";

/** Invariant 1: the one place a receipt comes from. Only `engine/` may import this module (checked by the linter). */
export const mint = (key: string, origin: Origin, outcome: Receipt["outcome"]): Receipt =>
  Object.freeze({ key, origin, outcome }) as Receipt;
