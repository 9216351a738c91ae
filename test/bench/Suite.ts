/** The cases of the benchmark, round by round, so that a disturbance of the machine meets all of them alike. */
import { mkdirSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { ParserOutput, SinkOutput } from "./Children.ts";
import * as Growth from "./Growth.ts";
import * as Machine from "./Machine.ts";
import type { Case, Options } from "./Options.ts";
import * as Process from "./Process.ts";
import * as Profile from "./Profile.ts";
import * as Sqlite from "./Sqlite.ts";
import * as WholeJob from "./WholeJob.ts";

/** One figure: the value of each run, in the order of the runs. */
export interface Measure {
  readonly name: string;
  readonly unit: "narinfos/s" | "ms" | "MiB" | "%";
  readonly values: ReadonlyArray<number>;
  /** Share of the raw limit, least or most value that is the goal. */
  readonly goal?: { readonly kind: "of raw" | "at least" | "at most"; readonly value: number };
}

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

/** Narinfos per second of ncps' own migration into SQLite, the middle of 701 and 733 measured. */
export const ncpsRate = 717;

const goals = {
  sink: { kind: "of raw", value: 0.75 },
  stubs: { kind: "of raw", value: 0.65 },
  whole: { kind: "of raw", value: 0.6 },
  memory: { kind: "at most", value: 450 },
  growth: { kind: "at most", value: 10 },
  help: { kind: "at most", value: 300 },
  nothing: { kind: "at most", value: 600 },
  parser: { kind: "at least", value: 150_000 },
} as const;

const startsMeasured = 10;
/** The parser has no need of more. */
const parsedAtMost = 100_000;
const sampleRowsEveryMillis = 500;

const say = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

const perSecond = (items: number, millis: number): number => items * 1000 / millis;

const sameCounts = (name: string, found: Sqlite.Counts, expected: Sqlite.Counts): void => {
  if (JSON.stringify(found) !== JSON.stringify(expected)) {
    throw new Error(`${name}: rows ${JSON.stringify(found)}, but the raw load made ${JSON.stringify(expected)}`);
  }
};

export const run = async (options: Options): Promise<Results> => {
  const { items, runs } = options;
  const startedAt = new Date().toISOString();
  const machine = Machine.describe(options.folder, options.files);
  const has = (name: Case) => options.cases.includes(name);
  const values = new Map<string, Array<number>>();
  const add = (name: string, value: number | undefined) => {
    if (value === undefined) return;
    values.set(name, [...values.get(name) ?? [], value]);
    say(`  ${name}: ${Math.round(value).toLocaleString("en-GB")}`);
  };
  let sinkBatch: number | undefined;
  let marks: ReadonlyArray<Growth.Mark> = [];
  let profile: ReadonlyArray<Profile.Thread> = [];

  const raw = () =>
    WholeJob.within(options, async ({ database }) => {
      const loaded = await Process.child<Sqlite.Loaded>("raw", { items, path: database });
      add("raw", perSecond(items, loaded.millis));
      return { ...loaded, counts: Sqlite.counts(database) };
    });
  const sink = (name: "sink" | "stubs", expected: Sqlite.Counts) =>
    WholeJob.within(options, async ({ database }) => {
      const { batch, millis, wrote } = await Process.child<SinkOutput>("sink", { items, path: database });
      if (wrote !== items) throw new Error(`${name}: wrote ${wrote} of ${items}`);
      sameCounts(name, Sqlite.counts(database), expected);
      sinkBatch = batch;
      add(name, perSecond(items, millis));
    }, name === "stubs" ? items : 0);
  const whole = (expected: Sqlite.Counts) =>
    WholeJob.within(options, async (place) => {
      WholeJob.fill(place, items);
      const { peakRssMiB, report, wallMillis } = await WholeJob.run(place, items);
      sameCounts("whole", Sqlite.counts(place.database), expected);
      add("whole", perSecond(items, report.durationMillis));
      add("wall", perSecond(items, wallMillis));
      add("memory", peakRssMiB);
    });

  const growth = ({ counts, marks: rawMarks }: Sqlite.Loaded & { readonly counts: Sqlite.Counts }) =>
    WholeJob.within(options, async (place) => {
      say(`  writing ${items.toLocaleString("en-GB")} files`);
      WholeJob.fill(place, items);
      const samples: Array<Growth.Sample> = [{ narinfos: 0, millis: 0, peakRssMiB: 0 }];
      const onSample = (millis: number, peakRssMiB: number) => {
        const last = samples.at(-1)!;
        if (millis - last.millis < sampleRowsEveryMillis) return;
        const narinfos = Sqlite.narinfosSoFar(place.database);
        // The first rows come when the tool has started.
        if (narinfos === 0) samples[0] = { narinfos, millis, peakRssMiB };
        else if (narinfos > last.narinfos) samples.push({ narinfos, millis, peakRssMiB });
      };
      const { peakRssMiB, report, wallMillis } = await WholeJob.run(place, items, { onSample });
      sameCounts("growth", Sqlite.counts(place.database), counts);
      add("whole", perSecond(items, report.durationMillis));
      add("wall", perSecond(items, wallMillis));
      add("memory", peakRssMiB);
      marks = Growth.marks(samples, rawMarks);
      const first = marks[0]?.peakRssMiB;
      if (first !== undefined && peakRssMiB !== undefined) add("growth", (peakRssMiB / first - 1) * 100);
    });

  const startup = () =>
    WholeJob.within(options, async (place) => {
      for (let start = 0; start < startsMeasured; start++) {
        add("help", (await WholeJob.pipeline(place, ["--help"])).wallMillis);
        add("nothing", (await WholeJob.run(place, 0)).wallMillis);
      }
    });
  const parser = async () => {
    const { parse, parseAndValidate } = await Process.child<ParserOutput>("parser", {
      items: Math.min(items, parsedAtMost),
      runs,
    });
    for (const rate of parse) add("parser", rate);
    for (const rate of parseAndValidate) add("validated", rate);
  };

  if (["sink", "stubs", "whole"].some((name) => has(name as Case))) {
    for (let round = 1; round <= runs; round++) {
      say(`round ${round} of ${runs}`);
      const { counts } = await raw();
      if (has("sink")) await sink("sink", counts);
      if (has("stubs")) await sink("stubs", counts);
      if (has("whole")) await whole(counts);
    }
  }
  if (has("growth")) await growth(await raw());
  if (has("startup")) await startup();
  if (has("parser")) await parser();
  if (options.profile !== undefined) {
    mkdirSync(options.profile, { recursive: true });
    const folder = mkdtempSync(join(options.profile, "run-"));
    say(`a profiled run, in ${folder}`);
    await WholeJob.within(options, async (place) => {
      WholeJob.fill(place, items);
      await WholeJob.run(place, items, { flags: ["--cpu-prof", `--cpu-prof-dir=${folder}`] });
    });
    profile = Profile.read(folder);
  }

  const shown: ReadonlyArray<Omit<Measure, "values"> & { readonly id: string }> = [
    { id: "raw", name: "raw limit", unit: "narinfos/s" },
    { id: "sink", name: "sink only, empty tables", unit: "narinfos/s", goal: goals.sink },
    { id: "stubs", name: "sink only, stubs present", unit: "narinfos/s", goal: goals.stubs },
    { id: "whole", name: "whole job, by its report", unit: "narinfos/s", goal: goals.whole },
    { id: "wall", name: "whole job, start-up and end included", unit: "narinfos/s" },
    { id: "memory", name: "whole job, peak RSS", unit: "MiB", goal: goals.memory },
    { id: "growth", name: "peak RSS, growth since 100,000", unit: "%", goal: goals.growth },
    { id: "help", name: "pipeline --help", unit: "ms", goal: goals.help },
    { id: "nothing", name: "run with nothing to do", unit: "ms", goal: goals.nothing },
    { id: "parser", name: "parse", unit: "narinfos/s", goal: goals.parser },
    { id: "validated", name: "parse and validate", unit: "narinfos/s" },
  ];
  return {
    startedAt,
    options,
    machine,
    sinkBatch,
    measures: shown.flatMap(({ id, ...measure }) => {
      const found = values.get(id);
      return found === undefined ? [] : [{ ...measure, values: found }];
    }),
    marks,
    profile,
  };
};
