/** The thread that does the file work of one local storage: so the main loop never waits for a disk. Bundled by itself. */
import { parentPort, workerData } from "node:worker_threads";
import type { Entry } from "../../core/Storage.ts";
import { pack, type Packed, unpack } from "../Packed.ts";
import { type FaultFields, openRoot, type Root, StorageFault } from "./LocalFolders.ts";
import * as Objects from "./LocalObjects.ts";
import * as Walk from "./LocalWalk.ts";

export interface WorkerData {
  /** A path to resolve, or the root that another worker of the same storage resolved. */
  readonly root: string | Root;
  readonly armed: Objects.Armed;
}

export interface Request {
  readonly id: number;
  readonly op: keyof Operations;
  readonly args: Packed;
}

export type Response =
  & { readonly id: number }
  & (
    | { readonly value: Packed }
    /** The storage itself is at fault. */
    | { readonly fault: FaultFields }
    /** A bug in here. */
    | { readonly defect: unknown }
  );

/** One message's share of a walk: about 10 ms of a warm disk. */
const entriesPerMessage = 512;

/** Reading one folder takes as long as yielding this many entries. */
const entriesPerFolder = 16;

const { root: given, armed } = workerData as WorkerData;

const serve = (root: Root) => {
  const walks = new Map<number, Generator<Entry | undefined, void>>();
  const prunes = new Map<number, Generator<number, void>>();

  return {
    ...Objects.make(root, armed),
    root: (): Root => root,
    partitions: (prefix: string) => Walk.partitions(root, prefix),

    list: (walk: number, listing: Walk.Listing): void => {
      walks.set(walk, Walk.walk(root, listing));
    },
    next: (walk: number): { readonly entries: ReadonlyArray<Entry>; readonly done: boolean } => {
      const generator = walks.get(walk)!;
      const entries: Array<Entry> = [];
      for (let share = entriesPerMessage; share > 0;) {
        const { done, value } = generator.next();
        if (done === true) return { entries, done };
        if (value !== undefined) entries.push(value);
        share -= value === undefined ? entriesPerFolder : 1;
      }
      return { entries, done: false };
    },
    end: (walk: number): void => {
      walks.delete(walk);
    },

    /** Called until `done`; the same `prune` names the same work. */
    prune: (prune: number, prefix: string, suffix: string): { readonly removed: number; readonly done: boolean } => {
      const generator = prunes.get(prune) ?? Walk.prune(root, prefix, suffix);
      prunes.set(prune, generator);
      let removed = 0;
      for (let share = entriesPerMessage; share > 0; share -= entriesPerFolder) {
        const { done, value } = generator.next();
        if (done === true) {
          prunes.delete(prune);
          return { removed, done };
        }
        removed += value;
      }
      return { removed, done: false };
    },
  };
};

export type Operations = ReturnType<typeof serve>;

let operations: Operations | undefined;

parentPort!.on("message", ({ id, op, args }: Request) => {
  const answer = (response: Response, transfer: ReadonlyArray<ArrayBuffer> = []) =>
    parentPort!.postMessage(response, [...transfer]);
  try {
    operations ??= serve(typeof given === "string" ? openRoot(given) : given);
    const value = (operations[op] as (...args: ReadonlyArray<unknown>) => unknown)(
      ...(unpack(args) as ReadonlyArray<unknown>),
    );
    answer({ id, value: pack(value) }, op === "read" ? [(value as Objects.ReadPart).content] : []);
  } catch (error) {
    answer(error instanceof StorageFault ? { id, fault: error.fields } : { id, defect: error });
  }
});
