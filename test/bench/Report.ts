/** The results as text. */
import type { Measure } from "./Figures.ts";
import type { Results } from "./Suite.ts";

const count = (value: number): string => Math.round(value).toLocaleString("en-GB");
const percent = (share: number): string => `${(share * 100).toFixed(1)} %`;

/** Columns as wide as their widest cell, the first to the left, the others to the right. */
const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const pad = (cell: string, column: number) => column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!);
  return rows.map((row) => row.map(pad).join("  ").trimEnd()).join("\n");
};

const goalText = ({ goal }: Measure): string => {
  switch (goal?.kind) {
    case "of limit":
      return `≥ ${goal.value.toFixed(2)} of limit`;
    case "at least":
      return `≥ ${count(goal.value)}`;
    case "at most":
      return `≤ ${count(goal.value)}`;
    default:
      return "";
  }
};

const measures = ({ measures }: Results): string =>
  table([
    ["", "unit", "runs", "median", "min–max", "of limit", "× ncps", "CPU µs each", "of servers", "goal", "met"],
    ...measures.map((measure) => [
      measure.name,
      measure.unit,
      count(measure.values.length),
      count(measure.median),
      `${count(Math.min(...measure.values))}–${count(Math.max(...measure.values))}`,
      measure.ofLimit?.toFixed(2) ?? "",
      measure.timesNcps?.toFixed(1) ?? "",
      measure.cpuMicros === undefined ? "" : count(measure.cpuMicros),
      Object.entries(measure.serverMicros).map(([server, micros]) => `${server} ${count(micros)}`).join(", "),
      goalText(measure),
      measure.met === undefined ? "" : measure.met ? "yes" : "no",
    ]),
  ]);

const growth = ({ marks }: Results): ReadonlyArray<string> =>
  marks.length === 0 ? [] : [
    "",
    "Per 100,000 narinfos",
    table([
      ["done", "narinfos/s", "raw narinfos/s, uncommitted", "peak RSS so far, MiB"],
      ...marks.map(({ narinfos, peakRssMiB, rate, rawRate }) => [narinfos, rate, rawRate, peakRssMiB].map(count)),
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
    `${count(options.items)} narinfos, ${startedAt}`,
    `Node ${machine.node}, ${machine.cores} × ${machine.cpu}, ${machine.memoryGiB} GiB, load ${
      machine.load.toFixed(1)
    } before the first run`,
    `${options.engine} on ${machine.folder}`,
    `${options.storage === "local" ? "files" : options.storage} on ${machine.files}`,
    `locks: ${options.locks}`,
    ...(options.sets.length === 0 ? [] : [`settings ${options.sets.join(", ")}`]),
    ...(sinkBatch === undefined ? [] : [`sink only: ${count(sinkBatch)} narinfos per transaction`]),
    "",
    measures(results),
    ...growth(results),
    ...profile(results),
  ].join("\n");
};
