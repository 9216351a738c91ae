/** The settings that every pipeline and every sink has from the engine. */
import { DateTime, Duration, Schema } from "effect";
import * as Field from "../core/Field.ts";

const MIB = 1024 ** 2;

const Lock = Schema.Struct({
  key: Field.described(Field.text, "Key to lock per item; braces hold a dotted path into its value", {
    examples: ["migration:{hash}"],
  }),
  // Twice the statement timeout and hold target fit, so a lock outlives the slowest batch.
  ttl: Field.withDefault(Field.duration, "Time after which a lock expires by itself", Duration.seconds(10)),
  holdTarget: Field.withDefault(
    Field.duration,
    "How long a batch should hold its locks at most, from lock to unlock",
    Duration.millis(200),
  ),
});

const Items = Schema.Struct({
  start: Field.withDefault(Field.count({ min: 1 }), "Items in the first batches", 500),
  max: Field.withDefault(Field.count({ min: 1 }), "Items in a batch at most", 5000),
});

const Batch = Schema.Struct({
  items: Field.withDefault(Items, "Size of batches in items", { start: 500, max: 5000 }),
  bytes: Field.withDefault(Field.size, "Bytes read for the items of a batch at most", 8 * MIB),
  wait: Field.withDefault(
    Field.duration,
    "Time after which a batch goes although it is not full",
    Duration.millis(500),
  ),
});

const Concurrency = Schema.Struct({
  // One would have nothing to be compared with before the first trial; more could be too many for a database in use.
  start: Field.withDefault(
    Field.count({ min: 1 }),
    "Batches in flight when the first has been tried, alone; then as many as raise the rate",
    2,
  ),
  max: Field.withDefault(Field.count({ min: 1 }), "Batches in flight at most", 4),
});

const Retry = Schema.Struct({
  attempts: Field.withDefault(Field.count({ min: 1 }), "Attempts in all, the first included", 5),
  backoff: Field.withDefault(
    Field.duration,
    "Pause after the first attempt; it doubles with each",
    Duration.millis(50),
  ),
  maxBackoff: Field.withDefault(Field.duration, "Longest pause", Duration.seconds(5)),
  deadline: Field.withDefault(
    Field.duration,
    "Time from the first attempt after which none begins",
    Duration.seconds(60),
  ),
});

/** What stands beside a sink's own settings. */
export const Sink = Schema.Struct({
  lock: Field.optional(Lock, "Locks that the other side honours too; without it nothing is locked"),
  batch: Field.withDefault(Batch, "What one transaction holds", {
    items: { start: 500, max: 5000 },
    bytes: 8 * MIB,
    wait: Duration.millis(500),
  }),
  concurrency: Field.withDefault(
    Concurrency,
    "How much runs side by side; a database that takes one writer at a time has one",
    {
      start: 2,
      max: 4,
    },
  ),
  // Below the 5 s after which clients of a locked SQLite database commonly give up.
  statementTimeout: Field.withDefault(
    Field.duration,
    "Time after which a statement is given up, the busy wait of SQLite included",
    Duration.seconds(4),
  ),
  retry: Field.withDefault(Retry, "What happens to a batch that could succeed later", {
    attempts: 5,
    backoff: Duration.millis(50),
    maxBackoff: Duration.seconds(5),
    deadline: Duration.seconds(60),
  }),
});

const Tolerate = Schema.Struct({
  rejected: Field.withDefault(Field.count(), "Rejected items that do not fail a run", 0),
  conflict: Field.withDefault(Field.count(), "Conflicts that do not fail a run", 0),
});

const Orphans = Schema.Struct({
  key: Field.described(
    Field.text,
    "Key of the object that a row of the target waits for; braces hold a column of the row's key, `:n` its first n characters",
    { examples: ["store/narinfo/{hash:1}/{hash:2}/{hash}.narinfo"] },
  ),
});

const ReplicaLag = Schema.Struct({
  replicaLag: Field.described(
    Schema.Struct({
      connection: Field.described(
        Field.connection("sql"),
        "The replica to be asked; or the primary, for its slowest one",
      ),
      max: Field.withDefault(Field.duration, "How far it may be behind", Duration.seconds(10)),
    }),
    "Pauses while a replica is behind",
  ),
});

const Load = Schema.Struct({
  load: Field.described(
    Schema.Struct({
      max: Field.described(Field.positive, "Load average of one minute per core, of the host that this runs on", {
        examples: [1.5],
      }),
    }),
    "Pauses while this host is busy",
  ),
});

const Hours = Schema.Struct({
  hours: Field.described(
    Schema.Struct({
      from: Field.described(Field.timeOfDay, "When the pause begins", { examples: [22 * 60] }),
      to: Field.described(Field.timeOfDay, "When it ends; on the next day where this is earlier", {
        examples: [6 * 60],
      }),
      zone: Field.withDefault(Field.zone, "Time zone of both", DateTime.zoneUnsafeMakeNamed("UTC")),
    }),
    "Pauses in these hours, every day",
  ),
});

/** How fast a run may go. */
export const Pace = Schema.Struct({
  maxRate: Field.optional(Field.rate, "Items at most; `--max-rate` wins over it"),
  throttles: Field.withDefault(
    Field.list(Schema.Union(ReplicaLag, Load, Hours)),
    "What pauses a run, each entry one of these: while any holds, no batch is taken up",
    [],
  ),
});

/** What stands beside the stages. */
export const Pipeline = Schema.Struct({
  summary: Field.withDefault(Field.text, "What the pipeline does, in a sentence", ""),
  tolerate: Field.withDefault(Tolerate, "How many items may stay behind without failing the run", {
    rejected: 0,
    conflict: 0,
  }),
  orphans: Field.optional(Orphans, "How `verify` finds rows that wait for an object which is not there"),
  approve: Field.withDefault(Field.literal("none", "required"), "Whether a person has to approve each run", "none"),
  ...Pace.fields,
});

/** The roles of stages, as a pipeline file names them. */
export const stageKeys = ["source", "transforms", "sink", "postSteps"] as const;
