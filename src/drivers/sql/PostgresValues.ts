/** Values between the engine and PostgreSQL's wire, as texts. */
import type { CustomTypesConfig } from "pg";
import type { Bind, Value } from "../../core/Sql.ts";

const needsEscapes = (text: string): boolean => text.includes('"') || text.includes("\\");

const element = (value: Value): string => {
  if (value === null) return "NULL";
  if (typeof value === "string") return `"${needsEscapes(value) ? value.replace(/["\\]/g, "\\$&") : value}"`;
  return value instanceof Uint8Array ? `"\\\\x${Buffer.from(value).toString("hex")}"` : String(value);
};

/** What `pg` sends as it is: it has its own ideas of arrays and numbers. */
export const encode = (bind: Bind): string | Buffer | null => {
  if (bind === null || typeof bind === "string") return bind;
  if (bind instanceof Uint8Array) return Buffer.from(bind);
  if (typeof bind !== "object") return String(bind);
  let text = "";
  for (let at = 0; at < bind.length; at++) text += at === 0 ? element(bind[at]!) : `,${element(bind[at]!)}`;
  return `{${text}}`;
};

const whole = (text: string): bigint => BigInt(text);
const fraction = (text: string): number => Number(text);

/** By the oids of the catalog: https://www.postgresql.org/docs/current/catalog-pg-type.html. All else stays text. */
const parsers: Readonly<Record<number, (text: string) => Value>> = {
  16: (text) => text === "t" ? 1n : 0n,
  17: (text) => new Uint8Array(Buffer.from(text.slice(2), "hex")),
  20: whole,
  21: whole,
  23: whole,
  26: whole,
  700: fraction,
  701: fraction,
};

const asText = (text: string): Value => text;

/** int64 is bigint, always. */
export const types: CustomTypesConfig = { getTypeParser: ((oid: number) => parsers[oid] ?? asText) as never };
