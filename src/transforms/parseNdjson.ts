import { Duration, Effect, Either, Schema } from "effect";
import { dismiss, type ObjectValue, transform } from "../core/Component.ts";
import * as Field from "../core/Field.ts";
import type { Dismissal, Item, Part, Sifted } from "../core/Item.ts";
import type { JsonObject } from "../formats/Json.ts";
import * as Ndjson from "../formats/Ndjson.ts";

const Options = Schema.Struct({
  maxLineSize: Field.withDefault(
    Field.size,
    "Size over which a line is rejected unread",
    // A document takes some ten times its size in memory, and a batch holds many.
    1024 * 1024,
  ),
});

/** Lines of one object, all of them in memory until it may go: the shortest take a kilobyte each. */
const maxLines = 500_000;

/** Some ten milliseconds: an object of 16 MiB would keep the main loop from everything else for half a second. */
const bytesAtOnce = 256 * 1024;

const apply = Effect.fnUntraced(function*(
  items: ReadonlyArray<Item<ObjectValue>>,
  { maxLineSize }: typeof Options.Type,
) {
  const documents: Array<Item<JsonObject>> = [];
  const dismissed: Array<Dismissal> = [];
  let left = bytesAtOnce;
  for (const object of items) {
    const { bytes } = object.value;
    const lines = Ndjson.lines(bytes, maxLines);
    if (lines.length === 0) dismissed.push(dismiss(object, "skipped", "ndjson/empty", "it has no lines; it stays"));
    if (lines.length > maxLines) {
      const reason = `it has more than ${maxLines} lines. Split it into several files.`;
      dismissed.push(dismiss(object, "rejected", "ndjson/too-many-lines", reason));
      continue;
    }
    const part: Part = { object: object.key, of: lines.length };
    for (const { end, number, start } of lines) {
      left -= end - start;
      if (left < 0) {
        yield* Effect.sleep(Duration.zero);
        left = bytesAtOnce;
      }
      const line = { ...object, key: `${object.key}#${number}`, bytes: end - start, part };
      if (line.bytes > maxLineSize) {
        const reason =
          `${line.bytes} bytes, at most ${maxLineSize} are read. Raise maxLineSize if the line is meant so.`;
        dismissed.push(dismiss(line, "rejected", "ndjson/line-too-long", reason));
        continue;
      }
      const parsed = Ndjson.parse(bytes.subarray(start, end));
      if (Either.isRight(parsed)) documents.push({ ...line, value: parsed.right });
      else dismissed.push(dismiss(line, "rejected", parsed.left.code, `line ${number}, ${parsed.left.reason}`));
    }
  }
  return { items: documents, dismissed } satisfies Sifted;
});

/** Turns an object's lines into documents, an item each; the object may go when all of them are durable. */
export const parseNdjson = transform({
  type: "parse-ndjson",
  summary: "Read objects that hold one JSON document per line",
  description: [
    "Each line becomes an item of its own, named `object#line`. A line that is no JSON object is rejected, the others go on;",
    "an object is deleted only when every line of it is in the target. Whole numbers keep all their digits. Rejected are also",
    "keys that stand twice and nesting over 128 levels. Blank lines, CRLF and a byte order mark are fine. An object without",
    "any line is skipped, and stays.",
  ].join(" "),
  accepts: "object",
  emits: "document",
  options: Options,
  examples: [
    { title: "Read NDJSON files", yaml: "type: parse-ndjson" },
    { title: "Read lines of up to 8 MiB", yaml: "type: parse-ndjson\nmaxLineSize: 8MiB" },
  ],
  make: (options) => ({
    apply: (items) => apply(items as ReadonlyArray<Item<ObjectValue>>, options),
    // The position stays the object's: a run resumes at whole objects.
    objectOf: (key) => key.replace(/#[1-9]\d*$/, ""),
  }),
});
