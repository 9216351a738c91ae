import { Either, Schema } from "effect";
import { dismiss, transform } from "../core/Component.ts";
import * as Field from "../core/Field.ts";
import type { Dismissal, Item, Sifted } from "../core/Item.ts";
import type { Narinfo } from "../formats/Narinfo.ts";
import * as NarinfoDocument from "../formats/NarinfoDocument.ts";
import * as NarinfoKey from "../formats/NarinfoKey.ts";
import * as NarinfoProblem from "../formats/NarinfoProblem.ts";

const Options = Schema.Struct({
  opaqueUrls: Field.withDefault(
    Field.literal("rescue", "reject"),
    "what becomes of a narinfo whose URL names no NAR hash (cachix, Attic, snix): `rescue` serves it under its NarHash "
      + "and keeps the URL in upstreamUrl; `reject` is for databases without a column for that",
    "rescue",
  ),
});

const validate = (
  item: Item<Narinfo>,
  opaqueUrls: "rescue" | "reject",
): Either.Either<NarinfoDocument.NarinfoDocument, NarinfoProblem.NarinfoProblem> => {
  const hash = NarinfoKey.hashOf(item.key);
  if (Either.isLeft(hash)) return Either.left(hash.left);
  const document = NarinfoDocument.make(item.value, hash.right);
  return opaqueUrls === "reject" && Either.isRight(document) && document.right.upstreamUrl !== null
    ? NarinfoProblem.reject("narinfo/opaque-url", `URL: ${NarinfoProblem.quote(item.value.url)} names no NAR hash`)
    : document;
};

const apply = (
  items: ReadonlyArray<Item<Narinfo>>,
  opaqueUrls: "rescue" | "reject",
): Sifted<NarinfoDocument.NarinfoDocument> => {
  const documents: Array<Item<NarinfoDocument.NarinfoDocument>> = [];
  const dismissed: Array<Dismissal> = [];
  for (const item of items) {
    const result = validate(item, opaqueUrls);
    if (Either.isRight(result)) documents.push({ ...item, value: result.right });
    else dismissed.push(dismiss(item, "rejected", result.left.code, `${result.left.reason}. ${result.left.remedy}`));
  }
  return { items: documents, dismissed };
};

/** Checks what a narinfo says and where it lies, and adds the NAR file that its URL means. */
export const validateNarinfo = transform({
  type: "validate-narinfo",
  summary: "Check the values of narinfos as Nix does",
  description: [
    "Checks store path, references, deriver, compression, content address and sizes as Nix does, that the file is named",
    "after its store path and lies in the folder where ncps looks for it, and that ncps can serve its URL.",
  ].join(" "),
  accepts: "narinfo",
  emits: "document",
  paths: NarinfoDocument.paths,
  options: Options,
  examples: [
    { title: "Check narinfos and rescue opaque URLs", yaml: "type: validate-narinfo" },
    {
      title: "Leave narinfos with opaque URLs where they are",
      yaml: "type: validate-narinfo\nopaqueUrls: reject",
    },
  ],
  make: ({ opaqueUrls }) => ({ apply: (items) => apply(items as ReadonlyArray<Item<Narinfo>>, opaqueUrls) }),
});
