import type { Origin, Receipt } from "../Item.ts";

const minted = new WeakSet<object>();

/** Invariant 1: the one place a receipt comes from. Only `engine/` may import this module (checked by the linter). */
export const mint = (key: string, origin: Origin, outcome: Receipt["outcome"]): Receipt => {
  const receipt = Object.freeze({ key, origin, outcome }) as Receipt;
  minted.add(receipt);
  return receipt;
};

/** Whether this very object was minted here: what deletes something asks before it does. */
export const isReceipt = (candidate: object): candidate is Receipt => minted.has(candidate);
