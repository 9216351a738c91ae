import { Either, Schema } from "effect";
import { dismiss, type ObjectValue, transform } from "../core/Component.ts";
import type { Dismissal, Item, Sifted } from "../core/Item.ts";
import * as Narinfo from "../formats/Narinfo.ts";

const apply = (items: ReadonlyArray<Item<ObjectValue>>): Sifted<Narinfo.Narinfo> => {
  const parsed: Array<Item<Narinfo.Narinfo>> = [];
  const dismissed: Array<Dismissal> = [];
  for (const item of items) {
    const result = Narinfo.parse(item.value.bytes);
    if (Either.isRight(result)) parsed.push({ ...item, value: result.right });
    else dismissed.push(dismiss(item, "rejected", result.left.code, `${result.left.reason}. ${result.left.remedy}`));
  }
  return { items: parsed, dismissed };
};

/** Turns an object's bytes into the fields of a narinfo. */
export const parseNarinfo = transform({
  type: "parse-narinfo",
  summary: "Read the text of narinfo files",
  description: [
    "Accepts the files that ncps can read and keeps each field as ncps stores it: line ends may be CRLF, blank lines",
    "and any order of keys are fine. A file with an unknown key, a required field missing, a hash, size or signature",
    "that is none, or bytes that are no text is rejected. `validate-narinfo` must follow.",
  ].join(" "),
  accepts: "object",
  emits: "narinfo",
  options: Schema.Struct({}),
  examples: [{ title: "Read narinfo files", yaml: "type: parse-narinfo" }],
  make: () => ({ apply: (items) => apply(items as ReadonlyArray<Item<ObjectValue>>) }),
});
