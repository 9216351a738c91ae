/** What the command line of `npm run bench` asks for. */
import { tmpdir } from "node:os";
import { resolve } from "node:path";
import { parseArgs } from "node:util";
import * as Catalogue from "./Catalogue.ts";
import * as Locks from "./Locks.ts";

const cases = ["sink", "stubs", "kept", "whole", "startup", "parser", "growth"] as const;
export type Case = (typeof cases)[number];

export interface Options {
  readonly engine: Catalogue.EngineName;
  readonly storage: Catalogue.StorageName;
  /** Of the whole job. */
  readonly locks: Locks.LockType;
  /** Narinfos per run. */
  readonly items: number;
  readonly runs: number;
  readonly cases: ReadonlyArray<Case>;
  /** Holds the database, the locks and the state. */
  readonly folder: string;
  /** Holds the narinfos. */
  readonly files: string;
  /** Settings of the pipeline that replace the shipped ones, as the tool's own `--set` takes them. */
  readonly sets: ReadonlyArray<string>;
  readonly json: string | undefined;
  /** Where CPU profiles of one more whole job go. */
  readonly profile: string | undefined;
}

/** From here on a run is about growth: it takes minutes, and one says enough. */
const manyItems = 500_000;

const names = <Of extends object>(of: Of) =>
  Object.keys(of) as ReadonlyArray<string> as ReadonlyArray<keyof Of & string>;

const choices = {
  engine: names(Catalogue.engines),
  storage: names(Catalogue.storages),
  locks: names(Locks.locks),
};

const usage = `npm run bench -- [--engine ${choices.engine.join("|")}] [--storage ${
  choices.storage.join("|")
}] [--locks ${choices.locks.join("|")}]
  [--items 100000] [--runs 3] [--only ${cases.join("|")}]… [--folder DIR] [--files DIR] [--json FILE]
  [--profile DIR] [--set PATH=VALUE]…`;

/** What a run of usual length measures: bare reads and the job without deletes belong to storages on servers. */
const usualCases = (engine: Catalogue.EngineName, storage: Catalogue.StorageName): ReadonlyArray<Case> => {
  if (storage !== "local") return ["kept", "whole"];
  return engine === "sqlite" ? ["sink", "stubs", "whole", "startup", "parser"] : ["sink", "stubs", "whole"];
};

/** The options, or what to tell who gave wrong ones. */
export const parse = (args: ReadonlyArray<string>): Options | string => {
  let values;
  try {
    ({ values } = parseArgs({
      args: [...args],
      options: {
        engine: { type: "string", default: "sqlite" },
        storage: { type: "string", default: "local" },
        locks: { type: "string", default: "local" },
        items: { type: "string", default: "100000" },
        runs: { type: "string", default: "3" },
        only: { type: "string", multiple: true },
        folder: { type: "string", default: tmpdir() },
        files: { type: "string" },
        set: { type: "string", multiple: true, default: [] },
        json: { type: "string" },
        profile: { type: "string" },
      },
    }));
  } catch (error) {
    return `${(error as Error).message}\n\n${usage}`;
  }
  const items = Number(values.items);
  const runs = Number(values.runs);
  const wanted = values.only?.flatMap((text) => text.split(","));
  const unknown = wanted?.find((text) => !cases.some((name) => name === text));
  if (!(items >= 1 && runs >= 1)) return `--items and --runs are numbers from 1\n\n${usage}`;
  if (unknown !== undefined) return `there is no case ${unknown}\n\n${usage}`;
  const engine = choices.engine.find((name) => name === values.engine);
  const storage = choices.storage.find((name) => name === values.storage);
  const locks = choices.locks.find((name) => name === values.locks);
  if (engine === undefined || storage === undefined || locks === undefined) {
    return `there is no such engine, storage or lock\n\n${usage}`;
  }
  const usual = items >= manyItems ? ["growth"] : usualCases(engine, storage);
  return {
    engine,
    storage,
    locks,
    items,
    runs,
    cases: cases.filter((name) => (wanted ?? usual).includes(name)),
    folder: resolve(values.folder),
    files: resolve(values.files ?? values.folder),
    sets: values.set,
    json: values.json === undefined ? undefined : resolve(values.json),
    profile: values.profile === undefined ? undefined : resolve(values.profile),
  };
};
