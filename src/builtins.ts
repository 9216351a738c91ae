import * as Registry from "./core/Registry.ts";
import * as NixHash from "./formats/NixHash.ts";
import { deleteObjects } from "./poststeps/deleteObjects.ts";
import { sqlUpsert } from "./sinks/sqlUpsert.ts";
import { storageObjects } from "./sources/storageObjects.ts";
import { parseNarinfo } from "./transforms/parseNarinfo.ts";
import { parseNdjson } from "./transforms/parseNdjson.ts";
import { validateNarinfo } from "./transforms/validateNarinfo.ts";

/** Every component and comparator that is shipped; a new one is a line here. */
export const registry: Registry.Registry = Registry.make(
  [storageObjects, parseNarinfo, validateNarinfo, parseNdjson, sqlUpsert, deleteObjects],
  { "nix-hash": NixHash.equal },
);
