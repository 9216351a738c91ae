import { Clock, Duration, Effect, Layer, Schema, Stream } from "effect";
import * as Component from "../../src/core/Component.ts";
import { Connections } from "../../src/core/Connections.ts";
import { ConnectionError, SqlError, StateError, StorageError } from "../../src/core/Errors.ts";
import type { Item, Receipt, Sifted } from "../../src/core/Item.ts";
import type { Lease } from "../../src/core/Lock.ts";
import * as Registry from "../../src/core/Registry.ts";
import type { Sql } from "../../src/core/Sql.ts";
import { State } from "../../src/core/State.ts";
import type { QuarantineIdentity } from "../../src/core/State.ts";
import type { Plan } from "../../src/engine/Plan.ts";
import type { Spec } from "../../src/spec/Spec.ts";

/** One object of the model source and what the world does to it. */
export interface ModelItem {
  readonly key: string;
  /** Rows collide on this, as keys equal under a collation do. */
  readonly identity?: string;
  readonly parts?: { readonly object: string; readonly of: number };
  /** Never accepted by the database. */
  readonly poison?: "Data" | "Constraint";
  /** A full row of somebody else's. */
  readonly rival?: "same" | "different";
  readonly dismissed?: "rejected" | "skipped" | "failed";
  /** Attempts at its lock that somebody else wins. */
  readonly contended?: number;
  /** Read-backs in which the row has vanished. */
  readonly vanishes?: number;
  readonly checked?: "gone" | "changed";
  readonly onDelete?: "Gone" | "Changed" | "Undeleted";
}

/** What goes wrong with the n-th transaction, counted from 0. */
export type Trouble =
  | "Busy"
  | "ConnectionLost"
  | "CommitUnknown-written"
  | "CommitUnknown-lost"
  | "read-back-fails"
  | undefined;

/** A whole world in memory behind the ports, which keeps book of what happened to every item. */
export class ModelWorld {
  readonly rows = new Map<string, string>();
  readonly deleted = new Set<string>();
  readonly quarantined = new Map<string, QuarantineIdentity>();
  readonly accepted = new Set<string>();
  /** Every receipt handed to the post-step, and whether the row was there at that moment. */
  readonly receipts: Array<{ readonly receipt: Receipt; readonly durable: boolean }> = [];
  readonly batches: Array<ReadonlyArray<string>> = [];
  /** What was asked of lock, sink and post-step, in order. */
  readonly calls: Array<"lock" | "write" | "read back" | "post-step" | "unlock"> = [];
  finished: { readonly status: string; readonly report: unknown } | undefined;
  checkpoints = new Map<string, string>();
  swept = 0;
  leaseLost = false;
  /** The lock cannot be opened. */
  lockBroken = false;
  /** What becomes of the listing after its n-th chunk. */
  listingBreaks: { readonly afterChunks: number; readonly as: "error" | "defect" } | undefined;
  /** Quarantine cannot be written from its n-th call on. */
  quarantineBreaksAfter = Number.POSITIVE_INFINITY;
  /** Heartbeats that find the state busy, from the first on. */
  busyHeartbeats = 0;
  heartbeats = 0;
  /** What the post-step does at the end of a run. */
  tidying: Effect.Effect<void> = Effect.void;
  /** How long a transaction of so many items takes, the n-th of all. */
  latency: (items: number, transaction: number, writers: number) => Duration.Duration = () => Duration.zero;
  /** More transactions at once than this lose one to a deadlock. */
  deadlocksAbove = Number.POSITIVE_INFINITY;
  /** Transactions under way. */
  writers = 0;
  mostWriters = 0;
  deadlocks = 0;
  /** When each batch was written, in milliseconds of the clock, and how many items it held. */
  readonly writtenAt: Array<{ readonly at: number; readonly items: number }> = [];
  /** How far the replicas of the model's database are behind. */
  lag: Effect.Effect<Duration.Duration | undefined, SqlError> = Effect.succeed(undefined);
  transactions = 0;
  readonly #byIdentity: ReadonlyMap<string, ModelItem>;
  readonly #byObject = new Map<string, ReadonlyArray<ModelItem>>();
  #contended = new Map<string, number>();
  #vanished = new Map<string, number>();
  readonly items: ReadonlyArray<ModelItem>;
  readonly troubles: ReadonlyArray<Trouble>;

  constructor(items: ReadonlyArray<ModelItem>, troubles: ReadonlyArray<Trouble> = []) {
    this.items = items;
    this.#byIdentity = new Map(items.toReversed().map((item) => [item.identity ?? item.key, item]));
    for (const item of items) {
      const object = item.parts?.object ?? item.key;
      this.#byObject.set(object, [...(this.#byObject.get(object) ?? []), item]);
    }
    this.troubles = troubles;
    for (const item of items) {
      if (item.rival !== undefined) {
        this.rows.set(item.identity ?? item.key, item.rival === "same" ? item.key : "somebody else's");
      }
    }
  }

  #source(chunkSize: number): Component.Source<ModelItem> {
    const toSifted = (chunk: ReadonlyArray<ModelItem>): Sifted<ModelItem> => {
      const items = chunk.map((value): Item<ModelItem> => ({
        key: value.key,
        position: value.key,
        origin: { version: `v:${value.key}`, sha256: "00" },
        value,
        weight: 1,
        bytes: 100,
        ...(value.parts === undefined ? {} : { part: value.parts }),
      }));
      return {
        items: items.filter(({ value }) => value.dismissed === undefined),
        dismissed: items.filter(({ value }) => value.dismissed !== undefined).map((item) =>
          Component.dismiss(item, item.value.dismissed!, "model/dismissed", "as the model says")
        ),
      };
    };
    const chunks = (items: ReadonlyArray<ModelItem>) =>
      Stream.fromIterable(
        Array.from({ length: Math.ceil(items.length / chunkSize) }, (_, index) =>
          toSifted(items.slice(index * chunkSize, (index + 1) * chunkSize))),
      );
    let listed = 0;
    const breaking = Stream.mapEffect((chunk: Sifted<ModelItem>) =>
      this.listingBreaks === undefined || listed++ < this.listingBreaks.afterChunks
        ? Effect.succeed(chunk)
        : this.listingBreaks.as === "defect"
        ? Effect.dieMessage("a bug in the source")
        : Effect.fail(new StorageError({ connection: "model", reason: "Unavailable", detail: "listing broke" }))
    );
    const partitions = [...new Set(this.items.map(({ key }) => key[0]!))].sort();
    return {
      caps: { ordered: true, resumable: true, unique: true, countable: true },
      fingerprint: "model",
      partitions: Effect.succeed(partitions),
      read: (partition, after) =>
        chunks(
          this.items.filter(({ key }) =>
            key[0] === partition && (after === undefined || key > after) && !this.deleted.has(key)
          ),
        ).pipe(breaking),
      pick: (keys) => chunks(this.items.filter(({ key }) => keys.includes(key))),
      check: (items) => Effect.succeed(items.map(({ value }) => (value as ModelItem).checked ?? "same")),
      keys: (partition) => Stream.succeed(this.items.filter(({ key }) => key[0] === partition).map(({ key }) => key)),
    };
  }

  #sqlError(reason: SqlError["reason"]): SqlError {
    return new SqlError({ connection: "model", detail: reason, reason, code: reason });
  }

  #stateError(reason: StateError["reason"]): StateError {
    return new StateError({ connection: "model", detail: reason, reason });
  }

  /** Takes its time, beside others; one too many is the deadlock's victim. */
  #transaction<A>(items: number, body: () => Effect.Effect<A, SqlError>): Effect.Effect<A, SqlError> {
    return Effect.flatMap(Clock.currentTimeMillis, (at) => {
      const writers = ++this.writers;
      this.mostWriters = Math.max(this.mostWriters, writers);
      this.writtenAt.push({ at, items });
      const isVictim = writers > this.deadlocksAbove;
      if (isVictim) this.deadlocks++;
      return Effect.suspend(isVictim ? () => Effect.fail(this.#sqlError("Busy")) : body).pipe(
        Effect.delay(this.latency(items, this.batches.length, writers)),
        Effect.ensuring(Effect.sync(() => this.writers--)),
      );
    });
  }

  readonly #identity = (item: Item): string => {
    const value = item.value as ModelItem;
    return value.identity ?? value.key;
  };

  #sink(): Component.Sink {
    return {
      singleWriter: false,
      identify: this.#identity,
      sift: (items) => ({ items, dismissed: [] }),
      write: (items) =>
        this.#transaction(items.length, () => {
          const trouble = this.troubles[this.transactions++];
          this.calls.push("write");
          this.batches.push(items.map(({ key }) => key));
          const poison = items.map(({ value }) => (value as ModelItem).poison).find((reason) => reason !== undefined);
          if (poison !== undefined) return Effect.fail(this.#sqlError(poison));
          if (trouble === "Busy" || trouble === "ConnectionLost") return Effect.fail(this.#sqlError(trouble));
          if (trouble === "CommitUnknown-lost") return Effect.fail(this.#sqlError("CommitUnknown"));
          const written = items.map((item): Component.Written => {
            if (this.rows.has(this.#identity(item))) return { _tag: "Found" };
            this.rows.set(this.#identity(item), item.key);
            return { _tag: "Wrote" };
          });
          return trouble === "CommitUnknown-written"
            ? Effect.fail(this.#sqlError("CommitUnknown"))
            : Effect.succeed(written);
        }),
      verify: (items) =>
        Effect.suspend(() => {
          this.calls.push("read back");
          if (this.troubles[this.transactions - 1] === "read-back-fails") {
            this.transactions++;
            return Effect.fail(this.#sqlError("ConnectionLost"));
          }
          return Effect.succeed(items.map((item): Component.Verdict => {
            const value = item.value as ModelItem;
            const vanished = this.#vanished.get(item.key) ?? 0;
            if (vanished < (value.vanishes ?? 0)) {
              this.#vanished.set(item.key, vanished + 1);
              this.rows.delete(this.#identity(item));
              return { _tag: "Absent" };
            }
            const row = this.rows.get(this.#identity(item));
            return row === undefined
              ? { _tag: "Absent" }
              : row === item.key
              ? { _tag: "Exact" }
              : { _tag: "Differs", code: "conflict/different", reason: row };
          }));
        }),
    };
  }

  #step(): Component.PostStep {
    return {
      apply: (receipts) => {
        this.calls.push("post-step");
        return Effect.succeed(receipts.map((receipt): Component.StepOutcome => {
          const members = this.#byObject.get(receipt.key)!;
          this.receipts.push({
            receipt,
            durable: members.length > 0
              && members.every((item) => this.rows.get(item.identity ?? item.key) === item.key),
          });
          const outcome = members[0]?.onDelete;
          if (outcome === "Undeleted") {
            return { _tag: "Undeleted", code: "model/undeleted", reason: "as the model says" };
          }
          if (outcome !== undefined) return { _tag: outcome };
          for (const member of members) this.deleted.add(member.key);
          return { _tag: "Deleted" };
        }));
      },
      finish: this.tidying,
    };
  }

  /** Only asked how far its replicas are behind. */
  #sql(): Sql {
    const none = Effect.dieMessage("no database here");
    return {
      identity: "model",
      facts: { dialect: "postgres", version: "0", durable: true, durability: "", singleWriter: false },
      write: () => none,
      read: () => none,
      lag: Effect.suspend(() => this.lag),
      checkup: () => Effect.succeed([]),
      settle: Effect.void,
    };
  }

  #acquire(keys: ReadonlyArray<string>): Lease {
    this.calls.push("lock");
    return {
      taken: keys.map((key) => {
        const item = this.#byIdentity.get(key);
        const lost = this.#contended.get(key) ?? 0;
        if (lost >= (item?.contended ?? 0)) return true;
        this.#contended.set(key, lost + 1);
        return false;
      }),
      valid: Effect.sync(() => !this.leaseLost),
      release: Effect.sync(() => {
        this.calls.push("unlock");
      }),
    };
  }

  get layer(): Layer.Layer<Connections | State> {
    const refused = Effect.fail(new ConnectionError({ connection: "model", reason: "Unknown", detail: "none here" }));
    const id = (identity: QuarantineIdentity) => `${identity.key} ${identity.code}`;
    return Layer.merge(
      Layer.succeed(Connections, {
        storage: () => refused,
        sql: () => Effect.succeed(this.#sql()),
        lock: this.lockBroken ? refused : Effect.succeed({
          kind: "model",
          shared: true,
          checkup: Effect.succeed([]),
          acquire: (keys: ReadonlyArray<string>) => Effect.sync(() => this.#acquire(keys)),
        }),
      }),
      Layer.succeed(State, {
        begin: () => Effect.succeed("run-1"),
        heartbeat: (_, __, checkpoints) =>
          Effect.suspend(() => {
            if (this.heartbeats++ < this.busyHeartbeats) return this.#stateError("Busy");
            this.checkpoints = new Map(checkpoints);
            return Effect.void;
          }),
        finish: (_, status, report) =>
          Effect.sync(() => {
            this.finished = { status, report };
          }),
        resumable: () => Effect.succeed(this.checkpoints),
        runs: () => Effect.succeed([]),
        quarantine: (_, records) =>
          Effect.suspend(() => {
            if (this.quarantineBreaksAfter-- <= 0) return this.#stateError("NoSpace");
            for (const record of records) this.quarantined.set(id(record), record);
            return Effect.void;
          }),
        accepted: (identities) => Effect.succeed(identities.map((identity) => this.accepted.has(id(identity)))),
        release: () => Effect.void,
        sweep: () =>
          Effect.sync(() => {
            this.swept++;
          }),
        quarantined: () => Effect.succeed([]),
        accept: () => Effect.succeed(0),
      }),
    );
  }

  plan(
    options: {
      readonly steps?: boolean;
      readonly lock?: boolean;
      readonly batch?: number;
      /** Of a batch that adapts; else its size is fixed. */
      readonly max?: number;
      readonly concurrency?: number;
      /** Of a concurrency that adapts; else all writers begin at once. */
      readonly start?: number;
      readonly throttles?: Spec["throttles"];
      readonly maxRate?: number;
      readonly chunk?: number;
      readonly attempts?: number;
    } = {},
  ): Plan {
    const none = Schema.Struct({});
    const inspection = Effect.succeed({ facts: undefined, identity: {}, problems: [], statements: [] });
    const common = { summary: "A model.", options: none, examples: [] };
    const canonical = {};
    const spec: Spec = {
      name: "model",
      summary: "A model.",
      source: {
        component: Component.source({
          ...common,
          type: "model-source",
          emits: "document",
          inspect: () => inspection,
          open: () => Effect.succeed(this.#source(options.chunk ?? 7)),
        }),
        options: {},
        path: ["source"],
        canonical,
      },
      transforms: [],
      sink: {
        component: Component.sink({
          ...common,
          type: "model-sink",
          accepts: "document",
          inspect: () => inspection,
          open: () => Effect.succeed(this.#sink()),
        }),
        options: {},
        path: ["sink"],
        canonical,
        lock: options.lock === false
          ? undefined
          : { key: "{key}", ttl: Duration.seconds(10), holdTarget: Duration.millis(200) },
        batch: {
          items: { start: options.batch ?? 5, max: options.max ?? options.batch ?? 5 },
          bytes: 8 * 1024 * 1024,
          wait: Duration.millis(500),
        },
        concurrency: { start: options.start ?? options.concurrency ?? 3, max: options.concurrency ?? 3 },
        statementTimeout: Duration.seconds(4),
        retry: {
          attempts: options.attempts ?? 5,
          backoff: Duration.millis(50),
          maxBackoff: Duration.seconds(5),
          deadline: Duration.seconds(60),
        },
      },
      postSteps: options.steps === false ? [] : [{
        component: Component.postStep({
          ...common,
          type: "model-delete",
          deletes: true,
          inspect: () => inspection,
          open: () => Effect.succeed(this.#step()),
        }),
        options: {},
        path: ["postSteps", 0],
        canonical,
      }],
      tolerate: { rejected: 0, conflict: 0 },
      approve: "none",
      maxRate: options.maxRate,
      throttles: options.throttles ?? [],
      pace: {},
    };
    return {
      pipeline: "model",
      environment: "default",
      toolVersion: "0",
      hash: "hash",
      canonical,
      stages: [],
      statements: [],
      deletes: true,
      postSteps: "[]",
      spec,
      sinkFacts: undefined,
    };
  }

  static readonly registry = Registry.make([], {});
}
