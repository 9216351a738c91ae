/** Where the whole job locks. */
import type { Scope } from "effect";
import { Effect } from "effect";
import * as Redis from "../support/servers/Redis.ts";
import * as Folders from "./Folders.ts";
import * as Process from "./Process.ts";

export interface Locks {
  readonly env: Readonly<Record<string, string>>;
  /** Processor time of the server so far; 0 where there is none. */
  readonly cpuMillis: () => number;
}

const own = (type: string): Effect.Effect<Locks> =>
  Effect.succeed({ env: { CACHE_LOCK_BACKEND: type }, cpuMillis: () => 0 });

/** `local` is what the shipped project does where no Redis is named. */
export const locks = {
  none: () => own("none"),
  local: () => own("local"),
  redis: (folder) =>
    Effect.map(Folders.within(folder, Redis.make()), ({ address, folder }) => ({
      env: { CACHE_LOCK_BACKEND: "redis", CACHE_REDIS_ADDRS: address },
      cpuMillis: () => Process.cpuMillisIn(folder),
    })),
} as const satisfies Readonly<Record<string, (folder: string) => Effect.Effect<Locks, never, Scope.Scope>>>;

export type LockType = keyof typeof locks;
