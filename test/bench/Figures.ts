/** What the benchmark measures, what of it is a goal, and the values as they come in. */

type Unit = "narinfos/s" | "ms" | "MiB" | "%";

/** `of raw`: at least this share of the raw limit. */
interface Goal {
  readonly kind: "of raw" | "at least" | "at most";
  readonly value: number;
}

const catalogue = {
  raw: { name: "raw limit", unit: "narinfos/s" },
  sink: { name: "sink only, empty tables", unit: "narinfos/s", goal: { kind: "of raw", value: 0.75 } },
  stubs: { name: "sink only, stubs present", unit: "narinfos/s", goal: { kind: "of raw", value: 0.65 } },
  whole: { name: "whole job, by its report", unit: "narinfos/s", goal: { kind: "of raw", value: 0.6 } },
  wall: { name: "whole job, start-up and end included", unit: "narinfos/s" },
  memory: { name: "whole job, peak RSS", unit: "MiB", goal: { kind: "at most", value: 450 } },
  growth: { name: "peak RSS, growth since 100,000", unit: "%", goal: { kind: "at most", value: 10 } },
  help: { name: "pipeline --help", unit: "ms", goal: { kind: "at most", value: 300 } },
  nothing: { name: "run with nothing to do", unit: "ms", goal: { kind: "at most", value: 600 } },
  parse: { name: "parse", unit: "narinfos/s", goal: { kind: "at least", value: 150_000 } },
  validate: { name: "parse and validate", unit: "narinfos/s" },
} as const satisfies Readonly<Record<string, { readonly name: string; readonly unit: Unit; readonly goal?: Goal }>>;

type Name = keyof typeof catalogue;

/** Narinfos per second of ncps' own migration into SQLite: the middle of 701 and 733 measured. */
const ncpsRate = 717;

/** What is known beside a value. */
interface Context {
  /** Rate of the raw limit in the same round. */
  readonly raw?: number;
  /** Processor time of all threads, per narinfo. */
  readonly cpuMicros?: number | undefined;
}

/** Plain JSON; medians of what is listed run by run. */
export interface Measure {
  readonly id: Name;
  readonly name: string;
  readonly unit: Unit;
  readonly values: ReadonlyArray<number>;
  readonly median: number;
  /** Round by round, because what disturbs the machine disturbs both. */
  readonly ofRaw: number | undefined;
  readonly timesNcps: number | undefined;
  readonly cpuMicros: number | undefined;
  readonly goal: Goal | undefined;
  readonly met: boolean | undefined;
}

const median = (values: ReadonlyArray<number>): number | undefined => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length === 0 ? undefined : (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
};

const isMet = ({ kind, value: wanted }: Goal, value: number, ofRaw: number | undefined): boolean | undefined => {
  switch (kind) {
    case "of raw":
      return ofRaw === undefined ? undefined : ofRaw >= wanted;
    case "at least":
      return value >= wanted;
    case "at most":
      return value <= wanted;
  }
};

export class Figures {
  readonly #values = new Map<Name, Array<Context & { readonly value: number }>>();

  add(name: Name, value: number, context: Context = {}): void {
    this.#values.set(name, [...this.#values.get(name) ?? [], { value, ...context }]);
  }

  /** Of what was measured, in the order of the catalogue. */
  measures(): ReadonlyArray<Measure> {
    return (Object.keys(catalogue) as ReadonlyArray<Name>).flatMap((id) => {
      const found = this.#values.get(id);
      if (found === undefined) return [];
      const { goal, name, unit }: { readonly name: string; readonly unit: Unit; readonly goal?: Goal } = catalogue[id];
      const values = found.map(({ value }) => value);
      const middle = median(values)!;
      const ofRaw = median(found.flatMap(({ raw, value }) => raw === undefined ? [] : [value / raw]));
      return [{
        id,
        name,
        unit,
        values,
        median: middle,
        ofRaw,
        timesNcps: ofRaw === undefined ? undefined : middle / ncpsRate,
        cpuMicros: median(found.flatMap(({ cpuMicros }) => cpuMicros ?? [])),
        goal,
        met: goal && isMet(goal, middle, ofRaw),
      }];
    });
  }
}
