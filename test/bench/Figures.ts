/** What the benchmark measures, what of it is a goal, and the values as they come in. */
import * as Catalogue from "./Catalogue.ts";
import type { Options } from "./Options.ts";

type Unit = "narinfos/s" | "ms" | "MiB" | "%" | "";

/** `of limit`: at least this share of the raw limit, or of bare reads where a storage has that limit. */
interface Goal {
  readonly kind: "of limit" | "at least" | "at most";
  readonly value: number;
}

interface Entry {
  readonly name: string;
  readonly unit: Unit;
  readonly goal?: Goal;
}

/** Narinfos per second of ncps' own migration from S3 into PostgreSQL: the middle of 303 and 322 measured. */
const ncpsRateFromS3 = 313;

/** Reading and writing everything may take 1.3 times as long as reading alone. */
const ofBareReads = 1 / 1.3;

/** ncps waits for the lock of a narinfo while one of its clients does. */
const longestHoldMillis = 300;

const catalogueOf = ({ engine, locks, storage }: Options) => {
  const { goals, limit } = Catalogue.engines[engine];
  const locked = locks === "redis" ? ", locks in Redis" : locks === "none" ? ", no locks" : "";
  const ofLimit = (value: number): Goal => ({ kind: "of limit", value });
  const isRemote = storage === "s3";
  return {
    raw: { name: `raw limit: ${limit}`, unit: "narinfos/s" },
    sink: { name: "sink only, empty tables", unit: "narinfos/s", goal: ofLimit(goals.sink) },
    stubs: { name: "sink only, stubs in key order", unit: "narinfos/s", goal: ofLimit(goals.stubs) },
    scattered: { name: "sink only, stubs in any order", unit: "narinfos/s", goal: ofLimit(goals.stubs) },
    bare: { name: "bare parallel reads", unit: "narinfos/s" },
    both: { name: "bare reads, then the raw limit", unit: "narinfos/s" },
    kept: {
      name: `whole job, objects kept${locked}`,
      unit: "narinfos/s",
      ...(isRemote ? { goal: ofLimit(ofBareReads) } : {}),
    },
    whole: {
      name: `whole job${locked}`,
      unit: "narinfos/s",
      goal: isRemote ? { kind: "at least", value: 4000 } : ofLimit(locks === "redis" ? goals.locked : goals.whole),
    },
    wall: { name: "whole job, start-up and end included", unit: "narinfos/s" },
    memory: { name: "whole job, peak RSS", unit: "MiB", goal: { kind: "at most", value: goals.memoryMiB } },
    hold: {
      name: "longest hold of a lock",
      unit: "ms",
      ...(locks === "redis" ? { goal: { kind: "at most", value: longestHoldMillis } } : {}),
    },
    batch: { name: "items per batch, at the end", unit: "" },
    writers: { name: "batches at once, at the end", unit: "" },
    growth: { name: "peak RSS, growth since 100,000", unit: "%", goal: { kind: "at most", value: 10 } },
    help: { name: "pipeline --help", unit: "ms", goal: { kind: "at most", value: 300 } },
    nothing: { name: "run with nothing to do", unit: "ms", goal: { kind: "at most", value: 600 } },
    parse: { name: "parse", unit: "narinfos/s", goal: { kind: "at least", value: 150_000 } },
    validate: { name: "parse and validate", unit: "narinfos/s" },
  } as const satisfies Readonly<Record<string, Entry>>;
};

type Name = keyof ReturnType<typeof catalogueOf>;

/** Processor time per narinfo of each server. */
type ServerMicros = Readonly<Partial<Record<"database" | "storage" | "locks", number>>>;

/** What is known beside a value. */
interface Context {
  /** Rate of the limit it is held against, in the same round. */
  readonly limit?: number;
  /** Processor time of all our threads, per narinfo. */
  readonly cpuMicros?: number | undefined;
  readonly serverMicros?: ServerMicros;
}

/** Plain JSON; medians of what is listed run by run. */
export interface Measure {
  readonly id: Name;
  readonly name: string;
  readonly unit: Unit;
  readonly values: ReadonlyArray<number>;
  readonly median: number;
  /** Round by round, because what disturbs the machine disturbs both. */
  readonly ofLimit: number | undefined;
  readonly timesNcps: number | undefined;
  readonly cpuMicros: number | undefined;
  readonly serverMicros: ServerMicros;
  readonly goal: Goal | undefined;
  readonly met: boolean | undefined;
}

const median = (values: ReadonlyArray<number>): number | undefined => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  return sorted.length === 0 ? undefined : (sorted[Math.ceil(middle) - 1]! + sorted[Math.floor(middle)]!) / 2;
};

const medians = (all: ReadonlyArray<ServerMicros>): ServerMicros =>
  Object.fromEntries(
    (["database", "storage", "locks"] as const)
      .map((server) => [server, median(all.flatMap((micros) => micros[server] ?? []))] as const)
      .filter(([, micros]) => micros !== undefined && micros > 0),
  );

const isMet = ({ kind, value: wanted }: Goal, value: number, ofLimit: number | undefined): boolean | undefined => {
  switch (kind) {
    case "of limit":
      return ofLimit === undefined ? undefined : ofLimit >= wanted;
    case "at least":
      return value >= wanted;
    case "at most":
      return value <= wanted;
  }
};

export class Figures {
  readonly #values = new Map<Name, Array<Context & { readonly value: number }>>();
  readonly #catalogue: Readonly<Record<Name, Entry>>;
  readonly #ncpsRate: number;

  constructor(options: Options) {
    this.#catalogue = catalogueOf(options);
    this.#ncpsRate = options.storage === "s3" ? ncpsRateFromS3 : Catalogue.engines[options.engine].ncpsRate;
  }

  nameOf(name: Name): string {
    return this.#catalogue[name].name;
  }

  add(name: Name, value: number, context: Context = {}): void {
    this.#values.set(name, [...this.#values.get(name) ?? [], { value, ...context }]);
  }

  /** Of what was measured, in the order of the catalogue. */
  measures(): ReadonlyArray<Measure> {
    return (Object.keys(this.#catalogue) as ReadonlyArray<Name>).flatMap((id) => {
      const found = this.#values.get(id);
      if (found === undefined) return [];
      const { goal, name, unit } = this.#catalogue[id];
      const values = found.map(({ value }) => value);
      const middle = median(values)!;
      const ofLimit = median(found.flatMap(({ limit, value }) => limit === undefined ? [] : [value / limit]));
      return [{
        id,
        name,
        unit,
        values,
        median: middle,
        ofLimit,
        timesNcps: ofLimit === undefined ? undefined : middle / this.#ncpsRate,
        cpuMicros: median(found.flatMap(({ cpuMicros }) => cpuMicros ?? [])),
        serverMicros: medians(found.flatMap(({ serverMicros }) => serverMicros ?? [])),
        goal,
        met: goal && isMet(goal, middle, ofLimit),
      }];
    });
  }
}
