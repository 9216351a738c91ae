import { describe, expect, it } from "@effect/vitest";
import { Effect, FastCheck } from "effect";
import { collations } from "../../../src/sql/mysql/Collations.ts";
import * as MysqlDatabase from "../../sinks/mysql/mysqlDatabase.ts";

const server = MysqlDatabase.server();

const foldOf = (collation: string) => collations.get(collation)!;
const charsetOf = (collation: string): string => collation.split("_")[0]!;
const chosen = (code: number): string => String.fromCodePoint(code);
const codes = (last: number): ReadonlyArray<string> =>
  Array.from({ length: last }, (_, at) => at + 1).filter((code) => code < 0xd800 || code > 0xdfff).map(chosen);

/** Letters, marks and digits: what names and hashes are made of. All pairs of ASCII come along, for letters that stand for two. */
const letters = codes(0xffff).filter((text) => text <= "\u007f" || /[\p{L}\p{M}\p{Nd}]/u.test(text));
const ascii = codes(0x7e).filter((text) => text >= " ");
const pairs = ascii.flatMap((left) => ascii.map((right) => left + right));

/** By what the server compares, hexadecimal; texts that a character set lacks are left out. */
const weights = (url: string, collation: string, texts: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const client = yield* MysqlDatabase.rival(url);
    const charset = charsetOf(collation);
    const found = new Map<string, Array<string>>();
    for (let from = 0; from < texts.length; from += 20_000) {
      const part = texts.slice(from, from + 20_000);
      const list = JSON.stringify(part).replaceAll("\\", "\\\\").replaceAll("'", "''");
      const rows = yield* client.rows(
        `SELECT j.n, HEX(WEIGHT_STRING(CONVERT(j.t USING ${charset}) COLLATE ${collation})) FROM`
          + ` JSON_TABLE('${list}', '$[*]' COLUMNS (n FOR ORDINALITY, t VARCHAR(20) CHARACTER SET utf8mb4 PATH '$')) AS j`
          + ` WHERE CONVERT(CONVERT(j.t USING ${charset}) USING utf8mb4) = j.t COLLATE utf8mb4_bin`,
      );
      for (const [n, weight] of rows) {
        const text = part[Number(n) - 1]!;
        const known = found.get(String(weight));
        if (known === undefined) found.set(String(weight), [text]);
        else known.push(text);
      }
    }
    return found;
  });

const tested = [
  "utf8mb4_bin",
  "utf8mb4_nopad_bin",
  "utf8mb4_general_ci",
  "utf8mb4_unicode_ci",
  "utf8mb4_unicode_520_ci",
  "utf8mb4_uca1400_ai_ci",
  "utf8mb4_uca1400_as_ci",
  "utf8mb4_uca1400_as_cs",
  "utf8mb3_general_ci",
  "latin1_swedish_ci",
  "latin1_general_ci",
  "ascii_general_ci",
];

describe("collations of MariaDB", () => {
  it.scoped.each(tested)(
    "what the server calls equal folds alike: %s, every letter, mark, digit and pair of ASCII",
    (collation) =>
      Effect.gen(function*() {
        const fold = foldOf(collation);
        const groups = yield* weights(server().url(), collation, [...letters, ...pairs]);
        expect(groups.size).toBeGreaterThan(90);
        const split = [...groups.values()].flatMap((texts) =>
          new Set(texts.map(fold)).size > 1 ? [texts.map((text) => `${text}→${fold(text)}`).join(" ")] : []
        );
        expect(split).toEqual([]);
      }),
    30_000,
  );

  it.scoped.each([
    "utf8mb4_bin",
    "utf8mb4_general_ci",
    "utf8mb4_unicode_ci",
    "utf8mb4_uca1400_ai_ci",
    "latin1_swedish_ci",
  ])(
    "any two texts that the server calls equal fold alike: %s",
    (collation) =>
      Effect.gen(function*() {
        const client = yield* MysqlDatabase.rival(server().url());
        const fold = foldOf(collation);
        const letter = FastCheck.constantFrom(..."aAbSsyY[] \u00e4\u00c4\u00e9\u00df\u00e5\u00f8\u00ff\u00a0");
        const text = FastCheck.array(letter, { maxLength: 4 }).map((list) => list.join(""));
        const couples = FastCheck.sample(FastCheck.tuple(text, text), { numRuns: 4000, seed: 5 });
        const hex = (value: string) =>
          `CONVERT(_utf8mb4 x'${Buffer.from(value).toString("hex")}' USING ${charsetOf(collation)})`;
        const answers = yield* client.rows(
          couples.map(([left, right], at) =>
            `SELECT ${at} AS n, ${hex(left)} = ${hex(right)} COLLATE ${collation} AS same`
          )
            .reduce<Array<Array<string>>>((lists, one, at) => {
              (lists[Math.floor(at / 500)] ??= []).push(one);
              return lists;
            }, []).map((list) => `(${list.join(" UNION ALL ")})`).join(" UNION ALL "),
        );
        const equal = answers.filter(([, same]) => Number(same) === 1).map(([n]) => couples[Number(n)]!);
        expect(equal.length).toBeGreaterThan(20);
        expect(equal.filter(([left, right]) => fold(left) !== fold(right))).toEqual([]);
      }),
    30_000,
  );

  it("hashes, the keys of narinfos, stay apart under every collation", () => {
    const hashes = ["0c5z1p8wmqrjkqqn", "0c5z1p8wmqrjkqqm", "1c5z1p8wmqrjkqqn"];
    for (const fold of collations.values()) expect(new Set(hashes.map(fold)).size).toBe(3);
  });
});
