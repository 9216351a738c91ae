/** Durations and sizes as text: a number with a unit, always. */
import { Either } from "effect";

interface Unit {
  readonly unit: string;
  /** How many of the smallest unit. */
  readonly factor: number;
  /** What people write instead, in lower case. */
  readonly alike: ReadonlyArray<string>;
}

export interface Measure {
  /** With its article: `a duration`. */
  readonly what: string;
  readonly example: string;
  /** Smallest first, comma between. */
  readonly units: string;
  /** Of all texts that `read` takes. */
  readonly pattern: string;
  /** Answers a multiple of the smallest unit; or what is wrong with the text, to be put after it, and what to write. */
  readonly read: (text: string) => Either.Either<number, { readonly fault: string; readonly remedy: string }>;
  /** The shortest text that reads back the same. */
  readonly write: (amount: number) => string;
}

const make = (measure: {
  readonly what: string;
  readonly example: string;
  /** Largest first. */
  readonly units: ReadonlyArray<Unit>;
  /** Units that `write` uses, and that are offered for a bare number. */
  readonly written: ReadonlyArray<string>;
  readonly offered: readonly [string, string];
}): Measure => {
  const { example, offered, units, what } = measure;
  const known = units.map(({ unit }) => unit).toReversed().join(", ");
  const writable = units.filter(({ unit }) => measure.written.includes(unit));
  const refuse = (remedy: string, fault = "") => Either.left({ fault, remedy });
  return {
    what,
    example,
    units: known,
    pattern: `^\\d+(\\.\\d+)?(${units.map(({ unit }) => unit).join("|")})$`,
    read: (text) => {
      const [, digits = "", word = ""] = /^\s*(\d+(?:\.\d+)?)\s*([A-Za-z]*)\s*$/.exec(text) ?? [];
      if (digits === "") return refuse(`write it like ${example}`);
      if (word === "") return refuse(`write ${offered.map((unit) => digits + unit).join(" or ")}`, " without a unit");
      const exact = units.find(({ unit }) => text === digits + unit);
      if (exact !== undefined) {
        const amount = Number(digits) * exact.factor;
        // 1.1 of a unit is not exact in binary; what is left of it below the smallest unit is no wish of the author.
        const whole = Math.round(amount);
        const isWhole = Math.abs(amount - whole) < 1e-6 && Number.isSafeInteger(whole);
        return isWhole ? Either.right(whole) : refuse(`write a whole number of ${units.at(-1)!.unit}`);
      }
      const near = units.find(({ alike, unit }) => [unit.toLowerCase(), ...alike].includes(word.toLowerCase()));
      return refuse(near === undefined ? `units are ${known}` : `write ${digits}${near.unit}`);
    },
    write: (amount) => {
      const fit = writable.find(({ factor }) => amount >= factor && amount % factor === 0) ?? units.at(-1)!;
      return `${amount / fit.factor}${fit.unit}`;
    },
  };
};

/** In milliseconds; `m` is minutes. */
export const time: Measure = make({
  what: "a duration",
  example: "500ms, 10s, 5m, 2h or 1d",
  units: [
    { unit: "d", factor: 86_400_000, alike: ["day", "days"] },
    { unit: "h", factor: 3_600_000, alike: ["hr", "hrs", "hour", "hours"] },
    { unit: "m", factor: 60_000, alike: ["min", "mins", "minute", "minutes"] },
    { unit: "s", factor: 1000, alike: ["sec", "secs", "second", "seconds"] },
    { unit: "ms", factor: 1, alike: ["msec", "msecs", "millis", "millisecond", "milliseconds"] },
  ],
  written: ["d", "h", "m", "s", "ms"],
  offered: ["ms", "s"],
});

/** In bytes; powers of 1024 have an `i`. */
export const bytes: Measure = make({
  what: "a size",
  example: "64KiB, 8MiB or 1GB",
  units: [
    { unit: "GiB", factor: 1024 ** 3, alike: ["g", "gi"] },
    { unit: "GB", factor: 1000 ** 3, alike: [] },
    { unit: "MiB", factor: 1024 ** 2, alike: ["m", "mi"] },
    { unit: "MB", factor: 1000 ** 2, alike: [] },
    { unit: "KiB", factor: 1024, alike: ["k", "ki"] },
    { unit: "kB", factor: 1000, alike: [] },
    { unit: "B", factor: 1, alike: ["byte", "bytes"] },
  ],
  written: ["GiB", "MiB", "KiB", "B"],
  offered: ["KiB", "MiB"],
});
