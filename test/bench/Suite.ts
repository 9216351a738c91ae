/** The cases of the benchmark, round by round, so that a disturbance of the machine meets all of them alike. */
import { Effect, type Scope } from "effect";
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";
import * as Catalogue from "./Catalogue.ts";
import type { ParserOutput, SinkOutput } from "./Children.ts";
import type { Counts, Database, Loaded } from "./Engine.ts";
import { Figures, type Measure } from "./Figures.ts";
import * as Growth from "./Growth.ts";
import * as Machine from "./Machine.ts";
import type { Case, Options } from "./Options.ts";
import * as Process from "./Process.ts";
import * as Profile from "./Profile.ts";
import * as RawRows from "./RawRows.ts";
import type { BareReads, Cache } from "./Storage.ts";
import * as WholeJob from "./WholeJob.ts";

/** Plain JSON. */
export interface Results {
  readonly startedAt: string;
  readonly options: Options;
  readonly machine: Machine.Machine;
  /** Documents per transaction where the sink ran alone. */
  readonly sinkBatch: number | undefined;
  readonly measures: ReadonlyArray<Measure>;
  readonly marks: ReadonlyArray<Growth.Mark>;
  readonly profile: ReadonlyArray<Profile.Thread>;
}

/** The raw limit of one round, to which the round's other figures are related. */
interface Raw extends Loaded {
  readonly rate: number;
  readonly counts: Counts;
}

const startsMeasured = 10;
/** The parser has no need of more. */
const parsedAtMost = 100_000;
const sampleRowsEveryMillis = 500;

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

const perSecond = (items: number, millis: number): number => items * 1000 / millis;

/** Runs with what is opened first, and closes it. */
const using = <A, B>(open: Effect.Effect<A, never, Scope.Scope>, use: (opened: A) => Promise<B>): Promise<B> =>
  open.pipe(Effect.flatMap((opened) => Effect.promise(() => use(opened))), Effect.scoped, Effect.runPromise);

/** A run that wrote other rows than the raw load did is no measurement. */
const sameCounts = async (database: Database, { counts }: Raw): Promise<void> => {
  const found = JSON.stringify(await database.counts());
  const expected = JSON.stringify(counts);
  if (found !== expected) throw new Error(`rows: ${found}, but the raw load made ${expected}`);
};

const openDatabase = ({ engine, folder }: Options, stubs: ReadonlyArray<string> = []) =>
  Catalogue.engines[engine].open(folder, stubs);
const openCache = ({ files, storage }: Options) => Catalogue.storages[storage].open(files);

const measureRaw = (options: Options, figures: Figures): Promise<Raw> =>
  using(openDatabase(options), async (database) => {
    say("raw limit");
    const { engine, items } = options;
    const before = database.cpuMillis();
    const loaded = await Process.child<Loaded>("raw", { engine, items, url: database.url });
    const rate = perSecond(items, loaded.millis);
    figures.add("raw", rate, {
      limit: rate,
      cpuMicros: loaded.cpuMillis * 1000 / items,
      serverMicros: { database: (database.cpuMillis() - before) * 1000 / items },
    });
    return { ...loaded, rate, counts: await database.counts() };
  });

/** Whose stubs the tables hold, by number, in the order in which they were made. */
const stubsIn = {
  sink: () => [],
  stubs: (items: number) => RawRows.inKeyOrder(items),
  scattered: (items: number) => Array.from({ length: items }, (_, number) => number),
} as const;

/** Answers the size of its batches. */
const measureSink = (options: Options, figures: Figures, raw: Raw, id: keyof typeof stubsIn): Promise<number> => {
  const { items, sets } = options;
  const stubs = stubsIn[id](items).map((number) => ValidNarinfos.at(number, items).hash);
  return using(openDatabase(options, stubs), async (database) => {
    say(figures.nameOf(id));
    const before = database.cpuMillis();
    const { batch, cpuMillis, millis, wrote } = await Process.child<SinkOutput>("sink", {
      items,
      url: database.url,
      sets,
    });
    const server = database.cpuMillis() - before;
    if (wrote !== items) throw new Error(`wrote ${wrote} of ${items}`);
    await sameCounts(database, raw);
    figures.add(id, perSecond(items, millis), {
      limit: raw.rate,
      cpuMicros: cpuMillis * 1000 / items,
      serverMicros: { database: server * 1000 / items },
    });
    return batch;
  });
};

/** Bare reads of a filled cache, where the storage has such a limit. */
const measureBare = async (
  { items, storage }: Options,
  figures: Figures,
  cache: Cache,
): Promise<number | undefined> => {
  if (cache.bare === undefined) return undefined;
  say("bare reads");
  const before = cache.cpuMillis();
  const { cpuMillis, millis } = await Process.child<BareReads>("bare", { storage, bare: { ...cache.bare, items } });
  const rate = perSecond(items, millis);
  figures.add("bare", rate, {
    limit: rate,
    cpuMicros: cpuMillis * 1000 / items,
    serverMicros: { storage: (cache.cpuMillis() - before) * 1000 / items },
  });
  return rate;
};

/** Runs the whole job once, with deletes or without; answers how rate and memory went. */
const measureJob = (
  options: Options,
  figures: Figures,
  raw: Raw,
  cache: Cache,
  limit: number,
  id: "whole" | "kept",
  isSampled = false,
): Promise<ReadonlyArray<Growth.Mark>> =>
  using(WholeJob.place(options, cache), async (place) => {
    say(id === "whole" ? "whole job" : "whole job, objects kept");
    const { items, sets } = options;
    const samples: Array<Growth.Sample> = [{ narinfos: 0, millis: 0, peakRssMiB: 0 }];
    let asking: Promise<void> | undefined;
    const sample: Process.OnSample = (millis, { peakRssMiB }) => {
      const last = samples.at(-1)!;
      if (asking !== undefined || millis - last.millis < sampleRowsEveryMillis) return;
      asking = (async () => {
        const narinfos = await place.database.narinfosSoFar();
        // The first rows come when the tool has started.
        if (narinfos === 0) samples[0] = { narinfos, millis, peakRssMiB };
        else if (narinfos > last.narinfos) samples.push({ narinfos, millis, peakRssMiB });
        asking = undefined;
      })();
    };
    const { report, servers, used, wallMillis } = await WholeJob.run(place, items, sets, {
      args: id === "kept" ? ["--keep"] : [],
      onSample: isSampled ? sample : undefined,
    });
    await asking;
    await sameCounts(place.database, raw);
    figures.add(id, perSecond(items, report.durationMillis), {
      limit,
      cpuMicros: used && used.cpuMillis * 1000 / items,
      serverMicros: {
        database: servers.database * 1000 / items,
        storage: servers.storage * 1000 / items,
        locks: servers.locks * 1000 / items,
      },
    });
    if (id === "kept") return [];
    if (report.locks !== undefined) figures.add("hold", report.locks.heldMillis.max);
    figures.add("batch", report.tuning.batchItems);
    figures.add("writers", report.tuning.writers);
    figures.add("wall", perSecond(items, wallMillis), { limit });
    if (used !== undefined) figures.add("memory", used.peakRssMiB);
    if (!isSampled || used === undefined) return [];
    const marks = Growth.marks(
      [...samples.filter(({ narinfos }) => narinfos < items), {
        narinfos: items,
        millis: wallMillis,
        peakRssMiB: used.peakRssMiB,
      }],
      raw.marks,
    );
    if (marks[0] !== undefined) figures.add("growth", (used.peakRssMiB / marks[0].peakRssMiB - 1) * 100);
    return marks;
  });

const filled = async (cache: Cache, items: number): Promise<void> => {
  const begun = performance.now();
  await cache.fill(items);
  say(`storage filled in ${((performance.now() - begun) / 1000).toFixed(1)} s`);
};

/** What reads from storage, on one filling of it. */
const measureJobs = (
  options: Options,
  figures: Figures,
  raw: Raw,
  ids: ReadonlyArray<"whole" | "kept">,
  isSampled = false,
): Promise<ReadonlyArray<Growth.Mark>> =>
  using(openCache(options), async (cache) => {
    await filled(cache, options.items);
    const bare = await measureBare(options, figures, cache);
    const limit = bare ?? raw.rate;
    // What reading and writing can come to where all share the same cores.
    if (bare !== undefined) figures.add("both", 1 / (1 / bare + 1 / raw.rate), { limit });
    let marks: ReadonlyArray<Growth.Mark> = [];
    // Deleting ones last.
    for (const id of ids.toSorted()) marks = await measureJob(options, figures, raw, cache, limit, id, isSampled);
    return marks;
  });

const openPlace = (options: Options) => Effect.flatMap(openCache(options), (cache) => WholeJob.place(options, cache));

const measureStartup = (options: Options, figures: Figures): Promise<void> =>
  using(openPlace(options), async (place) => {
    say("start-up");
    for (let start = 0; start < startsMeasured; start++) {
      figures.add("help", (await WholeJob.pipeline(place, ["--help"])).wallMillis);
      figures.add("nothing", (await WholeJob.run(place, 0, options.sets)).wallMillis);
    }
  });

const measureParser = async ({ items, runs }: Options, figures: Figures): Promise<void> => {
  say("parser");
  const { parse, validate } = await Process.child<ParserOutput>("parser", {
    items: Math.min(items, parsedAtMost),
    runs,
  });
  for (const rate of parse) figures.add("parse", rate);
  for (const rate of validate) figures.add("validate", rate);
};

const profile = (options: Options, into: string): Promise<ReadonlyArray<Profile.Thread>> =>
  using(openPlace(options), async (place) => {
    mkdirSync(into, { recursive: true });
    const folder = mkdtempSync(join(into, "run-"));
    await filled(place.cache, options.items);
    say(`whole job, profiled into ${folder}`);
    await WholeJob.run(place, options.items, options.sets, { flags: ["--cpu-prof", `--cpu-prof-dir=${folder}`] });
    return Profile.read(folder);
  });

export const run = async (options: Options): Promise<Results> => {
  const startedAt = new Date().toISOString();
  const machine = Machine.describe(options.folder, options.files);
  const figures = new Figures(options);
  const has = (name: Case) => options.cases.includes(name);
  const jobs = (["kept", "whole"] as const).filter(has);
  let sinkBatch: number | undefined;
  for (let round = 1; (has("sink") || has("stubs") || jobs.length > 0) && round <= options.runs; round++) {
    say(`round ${round} of ${options.runs}`);
    const raw = await measureRaw(options, figures);
    if (has("sink")) sinkBatch = await measureSink(options, figures, raw, "sink");
    for (const id of has("stubs") ? ["stubs", "scattered"] as const : []) {
      sinkBatch = await measureSink(options, figures, raw, id);
    }
    if (jobs.length > 0) await measureJobs(options, figures, raw, jobs);
  }
  const marks = has("growth")
    ? await measureJobs(options, figures, await measureRaw(options, figures), ["whole"], true)
    : [];
  if (has("startup")) await measureStartup(options, figures);
  if (has("parser")) await measureParser(options, figures);
  const threads = options.profile === undefined ? [] : await profile(options, options.profile);
  return { startedAt, options, machine, sinkBatch, measures: figures.measures(), marks, profile: threads };
};
