/** The results as text. */
import { type Measure, ncpsRate, type Results } from "./Suite.ts";

const count = (value: number): string => Math.round(value).toLocaleString("en-GB");
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

export const median = (values: ReadonlyArray<number>): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
};

/** Columns as wide as their widest cell, the first to the left, the others to the right. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  return rows
    .map((row) =>
      row.map((cell, column) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!)).join("  ")
    )
    .join("\n");
};

const verdict = ({ goal }: Measure, value: number, ofRaw: number | undefined): ReadonlyArray<string> => {
  if (goal === undefined) return ["", ""];
  switch (goal.kind) {
    case "of raw":
      return [`≥ ${goal.value.toFixed(2)} of raw`, ofRaw === undefined ? "" : ofRaw >= goal.value ? "yes" : "no"];
    case "at least":
      return [`≥ ${count(goal.value)}`, value >= goal.value ? "yes" : "no"];
    case "at most":
      return [`≤ ${count(goal.value)}`, value <= goal.value ? "yes" : "no"];
  }
};

const measures = ({ measures }: Results): string => {
  const raw = measures.find(({ name }) => name === "raw limit");
  const rows = measures.map((measure) => {
    const value = median(measure.values);
    const isLoad = measure.unit === "narinfos/s" && !measure.name.startsWith("parse");
    const ofRaw = raw !== undefined && isLoad ? value / median(raw.values) : undefined;
    return [
      measure.name,
      measure.unit,
      count(value),
      `${count(Math.min(...measure.values))}–${count(Math.max(...measure.values))}`,
      ofRaw?.toFixed(2) ?? "",
      isLoad ? `${(value / ncpsRate).toFixed(1)}` : "",
      ...verdict(measure, value, ofRaw),
    ];
  });
  return table([["", "unit", "median", "min–max", "of raw", "× ncps", "goal", "met"], ...rows]);
};

const growth = ({ marks }: Results): ReadonlyArray<string> =>
  marks.length === 0 ? [] : [
    "",
    "Per 100,000 narinfos",
    table([
      ["done", "narinfos/s", "raw narinfos/s, uncommitted", "peak RSS so far, MiB"],
      ...marks.map((
        { narinfos, peakRssMiB, rate, rawRate },
      ) => [count(narinfos), count(rate), count(rawRate), count(peakRssMiB)]),
    ]),
  ];

const profile = ({ profile }: Results): ReadonlyArray<string> =>
  profile.flatMap(({ busy, name, seconds, top }) => [
    "",
    `Thread ${name}: busy ${percent(busy)} of ${seconds.toFixed(1)} s; self time by function, as shares of all`,
    ...top.map((entry) => `  ${percent(entry.share).padStart(7)}  ${entry.function}`),
  ]);

export const text = (results: Results): string => {
  const { machine, options, sinkBatch, startedAt } = results;
  return [
    `${count(options.items)} narinfos, ${options.runs} runs, ${startedAt}`,
    `Node ${machine.node}, ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, load ${
      machine.load.toFixed(1)
    } before the first run`,
    `database on ${machine.folder}`,
    `files on ${machine.files}`,
    ...(sinkBatch === undefined ? [] : [`sink only: ${count(sinkBatch)} narinfos per transaction`]),
    "",
    measures(results),
    ...growth(results),
    ...profile(results),
  ].join("\n");
};
