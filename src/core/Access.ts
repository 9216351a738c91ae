/** Invariant 10: `read` opens so that nothing can be written. */
export type Access = "read" | "write";
