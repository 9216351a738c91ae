/** What the main thread and the thread that owns a SQLite connection say to each other. */
import type { Access } from "../../core/Access.ts";
import type { FaultPoint } from "../../core/Faults.ts";
import type { Packed } from "../Packed.ts";

export interface WorkerSettings {
  readonly path: string;
  readonly access: Access;
  readonly busyTimeoutMs: number;
  /** Open on the database file for as long as any connection of this process is: see `SqliteFile`. */
  readonly descriptor: number;
  /** For drills: the point and the passing at which the process kills itself. */
  readonly fault: { readonly point: FaultPoint; readonly passing: number } | undefined;
}

export type Request =
  /** Kept for the life of the worker; not answered. */
  | { readonly _tag: "Define"; readonly definition: number; readonly value: object }
  | {
    readonly _tag: "Run";
    readonly id: number;
    readonly program: string;
    readonly definition: number;
    readonly input: Packed;
  }
  | { readonly _tag: "Settle"; readonly id: number }
  | { readonly _tag: "Close" };

/** `Opened` comes once, first, or `Failed` with id 0. */
export type Reply =
  | { readonly _tag: "Opened"; readonly version: string; readonly journalMode: string; readonly synchronous: string }
  | { readonly _tag: "Done"; readonly id: number; readonly value: Packed }
  | ({ readonly _tag: "Failed"; readonly id: number } & Failure);

export interface Failure {
  /** SQLite's extended code or the system's; `BIND` where a value cannot be bound, `DEFECT` where a program threw. */
  readonly code: string;
  readonly message: string;
  readonly phase: "open" | "run" | "commit" | "settle";
}
