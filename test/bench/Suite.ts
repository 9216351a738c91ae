/** The cases of the benchmark, round by round, so that a disturbance of the machine meets all of them alike. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { ParserOutput, SinkOutput } from "./Children.ts";
import { Figures, type Measure } from "./Figures.ts";
import * as Growth from "./Growth.ts";
import * as Machine from "./Machine.ts";
import type { Case, Options } from "./Options.ts";
import * as Process from "./Process.ts";
import * as Profile from "./Profile.ts";
import * as Sqlite from "./Sqlite.ts";
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
interface Raw extends Sqlite.Loaded {
  readonly rate: number;
  readonly counts: Sqlite.Counts;
}

const startsMeasured = 10;
/** The parser has no need of more. */
const parsedAtMost = 100_000;
const sampleRowsEveryMillis = 500;

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

const perSecond = (items: number, millis: number): number => items * 1000 / millis;

/** A run that wrote other rows than the raw load did is no measurement. */
const sameCounts = (path: string, { counts }: Raw): void => {
  const found = JSON.stringify(Sqlite.counts(path));
  const expected = JSON.stringify(counts);
  if (found !== expected) throw new Error(`rows: ${found}, but the raw load made ${expected}`);
};

const measureRaw = ({ items, ...options }: Options, figures: Figures): Promise<Raw> =>
  WholeJob.within(options, async ({ database }) => {
    say("raw limit");
    const loaded = await Process.child<Sqlite.Loaded>("raw", { items, path: database });
    const rate = perSecond(items, loaded.millis);
    figures.add("raw", rate, { raw: rate, cpuMicros: loaded.cpuMillis * 1000 / items });
    return { ...loaded, rate, counts: Sqlite.counts(database) };
  });

/** Answers the size of its batches. */
const measureSink = (
  { items, ...options }: Options,
  figures: Figures,
  raw: Raw,
  id: "sink" | "stubs",
): Promise<number> =>
  WholeJob.within(options, async ({ database }) => {
    say(id === "sink" ? "sink only" : "sink only, stubs present");
    const { batch, cpuMillis, millis, wrote } = await Process.child<SinkOutput>("sink", {
      items,
      path: database,
      sets: options.sets,
    });
    if (wrote !== items) throw new Error(`wrote ${wrote} of ${items}`);
    sameCounts(database, raw);
    figures.add(id, perSecond(items, millis), { raw: raw.rate, cpuMicros: cpuMillis * 1000 / items });
    return batch;
  }, id === "stubs" ? items : 0);

/** Answers how rate and memory went. */
const measureWhole = (
  { items, ...options }: Options,
  figures: Figures,
  raw: Raw,
  isSampled: boolean,
): Promise<ReadonlyArray<Growth.Mark>> =>
  WholeJob.within(options, async (place) => {
    const begun = performance.now();
    WholeJob.fill(place, items);
    say(`whole job (its files were written in ${((performance.now() - begun) / 1000).toFixed(1)} s)`);
    const samples: Array<Growth.Sample> = [{ narinfos: 0, millis: 0, peakRssMiB: 0 }];
    const sample: Process.OnSample = (millis, { peakRssMiB }) => {
      const last = samples.at(-1)!;
      if (millis - last.millis < sampleRowsEveryMillis) return;
      const narinfos = Sqlite.narinfosSoFar(place.database);
      // The first rows come when the tool has started.
      if (narinfos === 0) samples[0] = { narinfos, millis, peakRssMiB };
      else if (narinfos > last.narinfos) samples.push({ narinfos, millis, peakRssMiB });
    };
    const { report, used, wallMillis } = await WholeJob.run(place, items, options.sets, {
      onSample: isSampled ? sample : undefined,
    });
    sameCounts(place.database, raw);
    const context = { raw: raw.rate, cpuMicros: used && used.cpuMillis * 1000 / items };
    figures.add("whole", perSecond(items, report.durationMillis), context);
    figures.add("wall", perSecond(items, wallMillis), { raw: raw.rate });
    if (used !== undefined) figures.add("memory", used.peakRssMiB);
    if (!isSampled || used === undefined) return [];
    const marks = Growth.marks(
      [...samples, { narinfos: items, millis: wallMillis, peakRssMiB: used.peakRssMiB }],
      raw.marks,
    );
    if (marks[0] !== undefined) {
      figures.add("growth", (used.peakRssMiB / marks[0].peakRssMiB - 1) * 100);
    }
    return marks;
  });

const measureStartup = (options: Options, figures: Figures): Promise<void> =>
  WholeJob.within(options, async (place) => {
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

const profile = ({ items, ...options }: Options, into: string): Promise<ReadonlyArray<Profile.Thread>> =>
  WholeJob.within(options, async (place) => {
    mkdirSync(into, { recursive: true });
    const folder = mkdtempSync(join(into, "run-"));
    say(`whole job, profiled into ${folder}`);
    WholeJob.fill(place, items);
    await WholeJob.run(place, items, options.sets, { flags: ["--cpu-prof", `--cpu-prof-dir=${folder}`] });
    return Profile.read(folder);
  });

export const run = async (options: Options): Promise<Results> => {
  const startedAt = new Date().toISOString();
  const machine = Machine.describe(options.folder, options.files);
  const figures = new Figures();
  const has = (...names: ReadonlyArray<Case>) => names.some((name) => options.cases.includes(name));
  let sinkBatch: number | undefined;
  for (let round = 1; has("sink", "stubs", "whole") && round <= options.runs; round++) {
    say(`round ${round} of ${options.runs}`);
    const raw = await measureRaw(options, figures);
    if (has("sink")) sinkBatch = await measureSink(options, figures, raw, "sink");
    if (has("stubs")) sinkBatch = await measureSink(options, figures, raw, "stubs");
    if (has("whole")) await measureWhole(options, figures, raw, false);
  }
  const marks = has("growth") ? await measureWhole(options, figures, await measureRaw(options, figures), true) : [];
  if (has("startup")) await measureStartup(options, figures);
  if (has("parser")) await measureParser(options, figures);
  const threads = options.profile === undefined ? [] : await profile(options, options.profile);
  return { startedAt, options, machine, sinkBatch, measures: figures.measures(), marks, profile: threads };
};
