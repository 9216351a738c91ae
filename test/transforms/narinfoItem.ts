/** Items as `storage-objects` makes them of narinfo files. */
import { Schema } from "effect";
import { parse } from "yaml";
import type { ObjectValue, Transform, TransformComponent } from "../../src/core/Component.ts";
import type { Item, Sifted } from "../../src/core/Item.ts";
import * as Fixture from "../formats/narinfoFixture.ts";

export const KEY = `store/narinfo/n/n5/${Fixture.HASH}.narinfo`;

export const item = (text: string, key = KEY): Item<ObjectValue> => {
  const bytes = Fixture.encode(text);
  return {
    key,
    position: key,
    origin: { version: "1", sha256: "" },
    value: { bytes },
    weight: 1,
    bytes: bytes.length,
  };
};

/** Runs a transform that is a plain loop. */
export const apply = (transform: Transform, items: ReadonlyArray<Item>): Sifted => transform.apply(items) as Sifted;

/** The settings of an example, decoded, and the type that it names. */
export const decodeExample = (component: TransformComponent, yaml: string) => {
  const { type, ...settings } = parse(yaml) as Record<string, unknown>;
  const options = component.options as Schema.Schema<unknown, unknown>;
  return { type, settings, options: Schema.decodeUnknownSync(options, { onExcessProperty: "error" })(settings) };
};
