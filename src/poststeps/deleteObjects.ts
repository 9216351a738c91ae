import { Effect, Schema } from "effect";
import * as Component from "../core/Component.ts";
import { StorageError } from "../core/Errors.ts";
import * as Field from "../core/Field.ts";

const Options = Schema.Struct({
  withoutConditionalDelete: Field.withDefault(
    Field.literal("refuse", "head-compare"),
    "What to do with a store that cannot compare and delete in one step: `refuse`, or `head-compare`: ask, then delete, which is safe only "
      + "where nobody rewrites an object under its key",
    "refuse",
  ),
});

/** Deletes the objects that receipts are for, each only if it still is what was read. */
export const deleteObjects = Component.postStep({
  type: "delete-objects",
  summary: "Delete each object once its row is durable",
  description:
    "Takes receipts only. An object that has changed since it was read stays, and the run is not clean. Folders left empty "
    + "are removed at the end, the prefix included.",
  options: Options,
  examples: [
    {
      title: "Delete also where the store ignores conditions (nobody rewrites these objects)",
      yaml: "type: delete-objects\nwithoutConditionalDelete: head-compare\n",
    },
  ],
  deletes: true,
  inspect: (_, { objects }) =>
    Effect.succeed({
      facts: undefined,
      identity: objects === undefined ? {} : { storage: objects.storage.identity, prefix: objects.prefix },
      problems: objects === undefined
        ? [{
          code: "delete-objects/no-objects",
          severity: "error",
          path: [],
          message: "what this source reads are no objects that could be deleted",
          suggestion: "remove this step, or read from storage-objects",
        }]
        : [],
      statements: [],
    }),
  open: ({ withoutConditionalDelete }, { objects }) =>
    Effect.gen(function*() {
      if (objects === undefined) {
        return yield* Effect.dieMessage(
          "delete-objects was opened for a source without objects, which inspect refuses",
        );
      }
      const { prefix, storage, suffix } = objects;
      // Asked now whatever the answer is for: the first batch would hold its locks meanwhile.
      const isConditional = yield* storage.conditionalDelete;
      if (withoutConditionalDelete === "refuse" && !isConditional) {
        return yield* new StorageError({
          reason: "Unusable",
          connection: storage.identity,
          detail: "it cannot compare and delete in one step: a change in between would be lost",
          remedy:
            "Write withoutConditionalDelete: head-compare where nobody rewrites objects under their keys, else run with --keep",
        });
      }
      return {
        apply: (receipts) => storage.remove(receipts),
        finish: Effect.asVoid(storage.prune(prefix, suffix)),
      };
    }),
});
