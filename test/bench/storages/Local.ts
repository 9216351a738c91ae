/** A folder. */
import { Effect } from "effect";
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import * as ValidNarinfos from "../../support/ValidNarinfos.ts";
import * as Folders from "../Folders.ts";
import type { Storage } from "../Storage.ts";

export const storage: Storage = {
  open: (folder) =>
    Effect.map(Folders.make(folder), (root) => {
      mkdirSync(join(root, "store", "narinfo"), { recursive: true });
      return {
        env: { CACHE_STORAGE_LOCAL: root },
        fill: async (items) => {
          ValidNarinfos.write(root, 0, items, items);
          spawnSync("sync");
        },
        left: async () =>
          readdirSync(root, { recursive: true }).filter((name) => String(name).endsWith(".narinfo")).length,
        cpuMillis: () => 0,
        bare: undefined,
      };
    }),
};
