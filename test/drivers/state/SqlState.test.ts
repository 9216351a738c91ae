import { Effect } from "effect";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as SqlState from "../../../src/drivers/state/SqlState.ts";
import { stateContract } from "../../contract/state.ts";

const folder = Effect.acquireRelease(
  Effect.sync(() => mkdtempSync(join(tmpdir(), "ncps-state-"))),
  (path) => Effect.sync(() => rmSync(path, { recursive: true, force: true })),
);

stateContract(
  "SqlState",
  Effect.map(folder, (path) => SqlState.layer({ path: join(path, "deep", "state.db"), access: "write" })),
);
