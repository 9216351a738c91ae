/** Storage in a folder of this machine (or mounted on it): a key is the path of a file below the root, with `/`, in UTF-8. */
import { Effect, Option, Scope, Stream } from "effect";
import type { StorageError } from "../../core/Errors.ts";
import { Faults } from "../../core/Faults.ts";
import type { DeleteOutcome, ReadOutcome, Storage, Target } from "../../core/Storage.ts";
import * as LocalCheckup from "./LocalCheckup.ts";
import * as LocalClient from "./LocalClient.ts";
import type { ReadPart } from "./LocalObjects.ts";

/** Items of one message: some milliseconds of work to answer, and to copy. */
const itemsPerMessage = 512;

const outcomes = ({ answers, content }: ReadPart): ReadonlyArray<ReadOutcome> => {
  const read: Array<ReadOutcome> = [];
  for (const answer of answers) {
    read.push(
      answer._tag === "Read"
        ? {
          _tag: "Read",
          bytes: new Uint8Array(content, answer.start, answer.end - answer.start),
          origin: { version: answer.version, sha256: answer.sha256 },
        }
        : answer,
    );
  }
  return read;
};

/** Nothing but what a target is: callers pass items and receipts, whose values need not be copied to a thread. */
const bare = ({ key, origin }: Target): Target => ({ key, origin });

const undeleted = ({ message }: StorageError): DeleteOutcome => ({
  _tag: "Undeleted",
  code: "storage/io",
  reason: message,
});

/** Asks for the rest until all is answered: one message does a bounded amount of work, and others get their turn between. */
const inParts = <A, B>(
  all: ReadonlyArray<A>,
  call: (some: ReadonlyArray<A>) => Effect.Effect<ReadonlyArray<B>, StorageError>,
): Effect.Effect<ReadonlyArray<B>, StorageError> =>
  Effect.gen(function*() {
    const answers: Array<B> = [];
    while (answers.length < all.length) {
      answers.push(...(yield* call(all.slice(answers.length, answers.length + itemsPerMessage))));
    }
    return answers;
  });

/**
 * Opens the folder; `name` is the connection's, for errors. Two threads: what is deleted does not wait for what is read ahead.
 * Fails with `Missing`, `Denied` or `Unusable` where the root is not a folder that can be read.
 */
export const make = Effect.fn("Local.make")(function*(options: {
  readonly root: string;
  readonly name: string;
}): Effect.fn.Return<Storage, StorageError, Scope.Scope> {
  const { armed } = yield* Faults;
  const scope = yield* Effect.scope;
  const reader = yield* LocalClient.make(options.name, { root: options.root, armed });
  const root = yield* reader.call("root");
  const deleter = yield* LocalClient.make(options.name, { root, armed }).pipe(
    Effect.provideService(Scope.Scope, scope),
    Effect.cached,
  );
  let works = 0;

  return {
    identity: `file:${root.path}`,
    conditionalDelete: Effect.succeed(true),
    checkup: (needs) => LocalCheckup.checkup(root.path, needs),
    partitions: (prefix) => reader.call("partitions", prefix),
    list: (listing) =>
      Stream.unwrapScoped(Effect.gen(function*() {
        const walk = ++works;
        yield* Effect.acquireRelease(
          reader.call("list", walk, listing),
          () => Effect.ignore(reader.call("end", walk)),
        );
        return Stream.paginateEffect(undefined, () =>
          Effect.map(
            reader.call("next", walk),
            ({ done, entries }) => [entries, done ? Option.none() : Option.some(undefined)] as const,
          )).pipe(Stream.filter((entries) => entries.length > 0));
      })),
    read: (keys, maxBytes) =>
      keys.length === 0
        ? Effect.succeed([])
        : Effect.forkIn(deleter, scope).pipe(
          // What is read will be checked while its locks are held, and should not wait for a thread to start then.
          Effect.zipRight(reader.call("read", keys.slice(0, itemsPerMessage), maxBytes)),
          Effect.map(outcomes),
        ),
    check: (targets) =>
      Effect.flatMap(deleter, (client) => inParts(targets, (some) => client.call("check", some.map(bare)))),
    remove: (targets) =>
      Effect.flatMap(deleter, (client) => {
        let begun = false;
        return inParts(targets, (some) =>
          client.call("remove", some.map(bare)).pipe(
            // What has been deleted must not be forgotten: from then on a failure is the answer for what is left.
            Effect.catchAll((failure) => begun ? Effect.succeed(some.map(() => undeleted(failure))) : failure),
            Effect.tap(() => {
              begun = true;
            }),
          ));
      }),
    prune: (prefix, suffix) =>
      Effect.gen(function*() {
        const work = ++works;
        let removed = 0;
        while (true) {
          // Nothing is read any more by then, and a run with nothing to do needs no second thread.
          const part = yield* reader.call("prune", work, prefix, suffix);
          removed += part.removed;
          if (part.done) return removed;
        }
      }),
  };
});
