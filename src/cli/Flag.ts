import * as Options from "@effect/cli/Options";
import { Option } from "effect";

/** One `--flag` of a verb: what reads it, and what help says of it. */
export interface Flag<out A> {
  readonly name: string;
  /** Stands for the value in help; absent where the flag has none. */
  readonly value: string | undefined;
  readonly summary: string;
  readonly option: Options.Options<A>;
}

/** Flags by the names that handlers know their values by. */
export type Flags = Readonly<Record<string, Flag<any>>>;

export type Values<F extends Flags> = { readonly [K in keyof F]: F[K] extends Flag<infer A> ? A : never };

/** `--name`; false where it is absent. */
export const toggle = (name: string, summary: string): Flag<boolean> => ({
  name,
  value: undefined,
  summary,
  option: Options.boolean(name).pipe(Options.withDescription(summary)),
});

/** `--name VALUE`; `undefined` where it is absent. */
export const text = (name: string, value: string, summary: string): Flag<string | undefined> => ({
  name,
  value,
  summary,
  option: Options.text(name).pipe(
    Options.withDescription(summary),
    Options.optional,
    Options.map(Option.getOrUndefined),
  ),
});

/** `--name VALUE`, any number of times. */
export const texts = (name: string, value: string, summary: string): Flag<ReadonlyArray<string>> => ({
  name,
  value,
  summary,
  option: Options.text(name).pipe(Options.withDescription(summary), Options.repeated),
});

/** `--name N`, a whole number of at least 1. */
export const count = (name: string, summary: string, byDefault: number): Flag<number> => ({
  name,
  value: "N",
  summary: `${summary} (${byDefault})`,
  option: Options.text(name).pipe(
    Options.filterMap(
      (value) => /^[1-9]\d{0,8}$/.test(value) ? Option.some(Number(value)) : Option.none(),
      `--${name} takes a whole number of at least 1`,
    ),
    Options.withDescription(summary),
    Options.withDefault(byDefault),
  ),
});

/** One parser for all of them, values under the handler's names. */
export const all = <F extends Flags>(flags: F): Options.Options<Values<F>> =>
  Options.all(Object.fromEntries(Object.entries(flags).map(([key, { option }]) => [key, option]))) as Options.Options<
    Values<F>
  >;
