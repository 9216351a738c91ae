/** Every program by name: what a worker thread can be asked to run. */
import type { Program } from "../core/Sql.ts";
import * as Introspect from "./sqlite/Introspect.ts";
import * as ReadBack from "./sqlite/ReadBack.ts";
import * as Upsert from "./sqlite/Upsert.ts";
import * as Stubs from "./Stubs.ts";

export const programs: ReadonlyMap<string, Program<any, any, unknown>> = new Map(
  [Introspect.program, Upsert.program, ReadBack.program, Stubs.program].map((program) => [program.name, program]),
);
