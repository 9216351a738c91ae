import { Clock, Duration, Effect, Either } from "effect";
import { LockError } from "../../core/Errors.ts";
import type { Lease } from "../../core/Lock.ts";

/** One independent server. Answers are per key, in order; every call ends within `timeout`. */
export interface Node {
  readonly address: string;
  /** Whether it can be asked without waiting for a connection. */
  readonly ready: Effect.Effect<boolean>;
  /** Begins to connect, unless that is under way; does not wait for it. */
  readonly wake: Effect.Effect<void>;
  readonly acquire: (request: Request & { readonly ttl: Duration.Duration }) => Answers;
  /** Which keys still have our token. */
  readonly held: (request: Request) => Answers;
  readonly release: (request: Request) => Answers;
}

export interface Request {
  readonly keys: ReadonlyArray<string>;
  readonly token: string;
  readonly timeout: Duration.Duration;
}

type Answers = Effect.Effect<ReadonlyArray<boolean>, LockError>;

/** redsync's: what a node may take of the time to live, so that one that hangs costs no lease. */
const timeoutShare = 0.05;
/** redsync's: how far clocks may drift apart within a time to live. */
const driftShare = 0.01;

/** Of the *configured* nodes: with a majority of those that happen to answer, two sides of a split network would both have one. */
export const quorumOf = (nodes: ReadonlyArray<unknown>): number => (nodes.length >> 1) + 1;

export const timeoutOf = (ttl: Duration.Duration): Duration.Duration => Duration.times(ttl, timeoutShare);

const monotonicMillis = Effect.map(Clock.currentTimeNanos, (nanos) => Number(nanos) / 1e6);

/** What the nodes that answered said, and why the others did not. */
interface Poll {
  readonly answers: ReadonlyArray<ReadonlyArray<boolean>>;
  readonly failures: ReadonlyArray<LockError>;
}

/** Those that have a connection; begins to connect to the others. */
const awake = (nodes: ReadonlyArray<Node>): Effect.Effect<ReadonlyArray<Node>> =>
  Effect.filter(nodes, (node) => Effect.tap(node.ready, (is) => (is ? Effect.void : node.wake)));

/** Whether a majority could be asked without waiting for a connection. */
export const isAwake = (nodes: ReadonlyArray<Node>): Effect.Effect<boolean> =>
  Effect.map(awake(nodes), ({ length }) => length >= quorumOf(nodes));

/**
 * Asks every node at once. While those with a connection are a majority, nobody waits for the others: a node that is gone for long
 * costs nothing, and one that is back takes part as soon as it is connected.
 */
const poll = (nodes: ReadonlyArray<Node>, ask: (node: Node) => Answers): Effect.Effect<Poll> =>
  Effect.gen(function*() {
    const ready = yield* awake(nodes);
    const asked = ready.length >= quorumOf(nodes) ? ready : nodes;
    const results = yield* Effect.all(asked.map((node) => Effect.either(ask(node))), { concurrency: "unbounded" });
    const answers = results.filter(Either.isRight).map(({ right }) => right);
    return { answers, failures: results.filter(Either.isLeft).map(({ left }) => left) };
  });

/** Once more where too few answered: a connection may have been lost, which is no lock lost. */
const pollAgain = (nodes: ReadonlyArray<Node>, ask: (node: Node) => Answers): Effect.Effect<Poll> =>
  Effect.flatMap(
    poll(nodes, ask),
    (first) => first.answers.length < quorumOf(nodes) ? poll(nodes, ask) : Effect.succeed(first),
  );

// Plain loops in functions that outlive a batch: they run for every key.

const agreed = (quorum: number, answers: Poll["answers"], index: number): boolean => {
  let count = 0;
  for (const answer of answers) if (answer[index]) count++;
  return count >= quorum;
};

const allAgreed = (quorum: number, answers: Poll["answers"], keys: number): boolean => {
  for (let index = 0; index < keys; index++) if (!agreed(quorum, answers, index)) return false;
  return true;
};

/** The keys that are ours, and those that are not but that a node has granted, or may have, where its answer is missing. */
const shared = (keys: ReadonlyArray<string>, quorum: number, { answers, failures }: Poll) => {
  const own = new Set<string>();
  const short: Array<string> = [];
  for (let index = 0; index < keys.length; index++) {
    if (agreed(quorum, answers, index)) own.add(keys[index]!);
    else if (failures.length > 0 || agreed(1, answers, index)) short.push(keys[index]!);
  }
  return { own, short };
};

const among = (own: ReadonlySet<string>, keys: ReadonlyArray<string>): ReadonlyArray<boolean> => {
  const are = new Array<boolean>(keys.length);
  for (let index = 0; index < keys.length; index++) are[index] = own.has(keys[index]!);
  return are;
};

/** A majority cannot be had. The remedy is that of the first node: with one fault, they mostly share it. */
export const noQuorum = (
  nodes: ReadonlyArray<Node>,
  answered: number,
  failures: ReadonlyArray<LockError>,
): LockError => {
  if (nodes.length === 1 && failures[0] !== undefined) return failures[0];
  const unusable = failures.find(({ reason }) => reason === "Unusable");
  const first = unusable ?? failures[0];
  const details = failures.map(({ connection, detail }) => `${connection}: ${detail}`).join("; ");
  return new LockError({
    reason: unusable === undefined ? "Unavailable" : "Unusable",
    connection: "redis",
    detail: `${answered} of ${nodes.length} nodes can be used, ${quorumOf(nodes)} are needed (${details})`,
    remedy: first?.remedy,
    cause: first,
  });
};

/**
 * Redlock as ncps speaks it: a key is ours once a majority of the configured nodes has granted it, for the time to live less what asking
 * took and 1 % drift. Keys that fall short are given back everywhere before this returns. `token` is the same in every attempt of one
 * acquisition, so that what an attempt with a lost answer got is found again.
 */
export const acquire = Effect.fn("Redlock.acquire")(function*(
  nodes: ReadonlyArray<Node>,
  { keys, token, ttl }: {
    readonly keys: ReadonlyArray<string>;
    readonly token: string;
    readonly ttl: Duration.Duration;
  },
) {
  const quorum = quorumOf(nodes);
  const timeout = timeoutOf(ttl);
  const distinct = [...new Set(keys)];
  const begun = yield* monotonicMillis;
  const polled = yield* poll(nodes, (node) => node.acquire({ keys: distinct, token, timeout, ttl }));
  if (polled.answers.length < quorum) return yield* noQuorum(nodes, polled.answers.length, polled.failures);

  const { own, short } = shared(distinct, quorum, polled);
  if (short.length > 0) yield* giveBack(nodes, { keys: short, token, timeout });

  const deadline = begun + Duration.toMillis(ttl) * (1 - driftShare);
  const ours = [...own];
  let released = false;
  const inTime = Effect.map(monotonicMillis, (now) => now < deadline);
  const lease: Lease = {
    taken: among(own, keys),
    // Asks, because a node that was restarted or flushed has forgotten us.
    valid: Effect.gen(function*() {
      if (released || !(yield* inTime)) return false;
      if (ours.length === 0) return true;
      const seen = yield* pollAgain(nodes, (node) => node.held({ keys: ours, token, timeout }));
      return allAgreed(quorum, seen.answers, ours.length) && (yield* inTime);
    }),
    release: Effect.suspend(() => {
      if (released) return Effect.void;
      released = true;
      return ours.length === 0 ? Effect.void : giveBack(nodes, { keys: ours, token, timeout });
    }),
  };
  return lease;
});

/** Never fails: what cannot be given back expires by itself. */
export const giveBack = (nodes: ReadonlyArray<Node>, request: Request): Effect.Effect<void> =>
  Effect.gen(function*() {
    const { failures } = yield* pollAgain(nodes, (node) => node.release(request));
    if (failures.length > 0) {
      yield* Effect.logDebug(
        `locks not released, left to expire: ${
          failures.map(({ connection, detail }) => `${connection}: ${detail}`).join("; ")
        }`,
      );
    }
  });
