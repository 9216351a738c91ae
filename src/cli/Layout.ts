/** How numbers, times and columns look to a person. Pure. */
import { DateTime } from "effect";

/** `1,234,567`. */
export const count = (value: number): string => String(value).replace(/\B(?=(\d{3})+$)/g, ",");

/** `1 file`, `2 files`. */
export const plural = (value: number, one: string, many = `${one}s`): string =>
  `${count(value)} ${value === 1 ? one : many}`;

/** As Go prints durations, which ncps' users know: `850ms`, `4.2s`, `1m5s`, `2h3m0s`. */
export const duration = (millis: number): string => {
  if (millis < 1000) return `${Math.round(millis)}ms`;
  if (millis < 9_950) return `${(millis / 1000).toFixed(1)}s`;
  const seconds = Math.round(millis / 1000);
  const [hours, minutes, rest] = [Math.floor(seconds / 3600), Math.floor(seconds / 60) % 60, seconds % 60];
  return hours > 0 ? `${hours}h${minutes}m${rest}s` : minutes > 0 ? `${minutes}m${rest}s` : `${rest}s`;
};

/** `12.34%`; rounds down, so that 100% means all. */
export const percent = (part: number, whole: number): string =>
  `${(Math.floor(part * 10_000 / Math.max(whole, 1)) / 100).toFixed(2)}%`;

/** `850/s`, `3.2/s`. */
export const rate = (perSecond: number): string =>
  `${perSecond >= 100 ? count(Math.round(perSecond)) : perSecond.toFixed(1)}/s`;

/** `2026-03-01T12:00:05Z`. */
export const iso = (time: DateTime.Utc): string => DateTime.formatIso(time).replace(/\.\d+Z$/, "Z");

/** `2026-03-01 12:00:05Z`. */
export const instant = (time: DateTime.Utc): string => iso(time).replace("T", " ");

const ansi = /\u001b\[\d+m/g;

const width = (text: string): number => text.replace(ansi, "").length;

/** Rows in columns two spaces apart; the last column runs free. */
export const columns = (rows: ReadonlyArray<ReadonlyArray<string>>, indent = ""): ReadonlyArray<string> => {
  const widths: Array<number> = [];
  for (const row of rows) {
    for (const [index, cell] of row.entries()) widths[index] = Math.max(widths[index] ?? 0, width(cell));
  }
  return rows.map((row) =>
    indent
    + row.map((cell, index) => index === row.length - 1 ? cell : cell + " ".repeat(widths[index]! - width(cell) + 2))
      .join("").trimEnd()
  );
};
