/**
 * Collations of MySQL and MariaDB as folds: texts that the server calls equal fold to the same text. The other way round does not hold
 * for those that ignore letter case or accents, whose tables run to thousands of lines: two keys that fold alike only come into different
 * batches. `test/sql/mysql/Collations.test.ts` asks a server for every letter, mark and digit up to U+FFFF. What a fold misses costs time
 * only: the server refuses the second key, and the batch is bisected.
 */
import type { Collation } from "../Fold.ts";

const exact: Collation = (text) => text;
/** `PAD SPACE`: 'a' and 'a ' are one key. */
const padded: Collation = (text) => text.replace(/ +$/, "");

/** Letters whose decomposition does not show what a server takes them for; read off MariaDB's tables, up to U+FFFF. */
const spellings: Readonly<Record<string, string>> = {
  a: "\u0363\u1dd3\u1df2\ua79b\ua7c1",
  aa: "\ua733",
  ae: "\u00e6\u1dd4",
  ao: "\u1dd5\ua735",
  au: "\ua737",
  av: "\u1dd6\ua739\ua73b",
  ay: "\ua73d",
  b: "\u1de8",
  c: "\u0368\u1dd7",
  d: "\u0111\u00f0\u0369\u1dd8\u1dd9\ua77a",
  db: "\u0238",
  dz: "\u02a3",
  e: "\u0364",
  f: "\ua77c\u1deb",
  g: "\u1d79\u1dda\u1acc\ua7a1",
  h: "\u0127\u036a",
  i: "\u0131\u0365",
  k: "\u1ddc\ua7a3",
  l: "\u0142\u1ddd",
  ll: "\u1efb",
  ls: "\u02aa",
  lz: "\u02ab",
  m: "\u036b",
  n: "\u1de0\ua7a5",
  o: "\u00f8\u0366\u1ded\u1df3\ua79d",
  oe: "\u0153",
  oo: "\ua74f",
  p: "\u1dee",
  qp: "\u0239",
  r: "\u036c\u1dca\ua783\u1acd\u1de3\ua75b\ua7a7",
  s: "\u1de4\u1de5\ua785\ua7a9\ua7d9",
  ss: "\u00df",
  t: "\u0167\u036d\ua787\u1ace",
  th: "\u1d7a",
  ts: "\u01be\u02a6",
  tz: "\ua729",
  u: "\u0367\u1df0\u1df4\ua79f",
  v: "\u036e",
  vy: "\ua761",
  w: "\u1abf\u1df1\ua7c3",
  x: "\u036f",
  z: "\u1de6",
  zw: "\u018d",
};
const spelledOut: ReadonlyMap<string, string> = new Map(
  Object.entries(spellings).flatMap(([ascii, letters]) => [...letters].map((letter) => [letter, ascii] as const)),
);

/** Digits of any script come in tens that begin at …0 or …6. */
const digit = (code: number): string => {
  const low = code & 15;
  return String(low < 6 || (low < 10 && /\p{Nd}/u.test(String.fromCodePoint(code - low))) ? low : low - 6);
};

/** ASCII alone, in small letters; what has no such spelling counts for nothing, as characters without weight do. */
const spell = (letter: string): string =>
  spelledOut.get(letter) ?? (/\p{Nd}/u.test(letter) ? digit(letter.codePointAt(0)!) : "");

const coarse: Collation = (text) =>
  /^[!-~]*$/.test(text)
    ? text.toLowerCase()
    : padded(text.normalize("NFKD").toLowerCase().normalize("NFKD").replace(/[^ -~]/gu, spell));

/** The same where the server takes all characters beyond U+FFFF for one. */
const coarsePlane: Collation = (text) => coarse(text.replace(/[^\0-\uffff]/gu, ""));

/** Letter by letter: ß is s. */
const coarseGeneral: Collation = (text) => coarsePlane(text.replaceAll("\u00df", "s"));

/** Its letters beyond ASCII share weights with others, and with `[`, `\`, `]`, `^` and Y. */
const coarseSwedish: Collation = (text) =>
  padded(
    text.toLowerCase().replace(/[àáâã]/g, "a").replace(/[èéêë]/g, "e").replace(/[ìíîï]/g, "i").replace(/[òóôõ]/g, "o")
      .replace(/[ùúû]/g, "u").replace(/ç/g, "c").replace(/ð/g, "d").replace(/ñ/g, "n").replace(/[^ -~]|[[\\\]^y]/g, ""),
  );

const charsets = ["utf8mb4", "utf8mb3", "utf8", "ucs2", "utf16", "utf32"];

const unicode = (suffixes: ReadonlyArray<string>, fold: Collation): ReadonlyArray<readonly [string, Collation]> =>
  charsets.flatMap((charset) => suffixes.map((suffix) => [`${charset}_${suffix}`, fold] as const));

const sensitivities = ["ai_ci", "ai_cs", "as_ci", "as_cs"];

/** Those without the rules of a language; a key under any other is refused. */
export const collations: ReadonlyMap<string, Collation> = new Map<string, Collation>([
  ["binary", exact],
  ["utf8mb4_0900_bin", exact],
  ...unicode(["nopad_bin"], exact),
  ...["ascii_nopad_bin", "latin1_nopad_bin"].map((name) => [name, exact] as const),
  ...unicode(["bin"], padded),
  ...["ascii_bin", "latin1_bin"].map((name) => [name, padded] as const),
  ...unicode(
    ["general_ci", "general_nopad_ci", "general_mysql500_ci"],
    coarseGeneral,
  ),
  ...unicode(["unicode_ci", "unicode_nopad_ci"], coarsePlane),
  ...unicode(
    [
      "unicode_520_ci",
      "unicode_520_nopad_ci",
      "0900_ai_ci",
      "0900_as_ci",
      "0900_as_cs",
      ...sensitivities.flatMap((one) => [`uca1400_${one}`, `uca1400_nopad_${one}`]),
    ],
    coarse,
  ),
  ...["ascii_general_ci", "ascii_general_nopad_ci", "latin1_general_ci", "latin1_general_cs"].map((name) =>
    [name, coarse] as const
  ),
  ...["latin1_swedish_ci", "latin1_swedish_nopad_ci"].map((name) => [name, coarseSwedish] as const),
]);
