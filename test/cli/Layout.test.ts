import { FastCheck } from "effect";
import { expect, it } from "vitest";
import * as Layout from "../../src/cli/Layout.ts";
import * as Paint from "../../src/cli/Paint.ts";

it("durations never read as 60 seconds or 60 minutes", () => {
  for (
    const [millis, text] of [
      [0, "0ms"],
      [999.4, "999ms"],
      [1_000, "1.0s"],
      [9_949, "9.9s"],
      [9_950, "10s"],
      [59_499, "59s"],
      [59_500, "1m0s"],
      [3_599_600, "1h0m0s"],
      [7_380_000, "2h3m0s"],
    ] as const
  ) expect(Layout.duration(millis)).toBe(text);
});

it("a percentage is 100 only when all is done", () => {
  expect(Layout.percent(9_999_999, 10_000_000)).toBe("99.99%");
  expect(Layout.percent(3, 3)).toBe("100.00%");
  expect(Layout.percent(0, 0)).toBe("0.00%");
});

it("counts lose no digit to their separators", () => {
  FastCheck.assert(
    FastCheck.property(FastCheck.nat(), (value) => Number(Layout.count(value).replaceAll(",", "")) === value),
  );
  expect(Layout.count(1_234_567)).toBe("1,234,567");
});

it("columns line up whether coloured or not", () => {
  const rows = (paint: Paint.Paint) => [["a", paint.red("long"), "x"], [paint.bold("bcd"), "s", "y"]];
  expect(Layout.columns(rows(Paint.plain))).toEqual(["a    long  x", "bcd  s     y"]);
  const uncoloured = Layout.columns(rows(Paint.coloured)).map((line) => line.replace(/\u001b\[\d+m/g, ""));
  expect(uncoloured).toEqual(Layout.columns(rows(Paint.plain)));
});
