import { describe, expect, it } from "@effect/vitest";
import { Duration, Effect } from "effect";
import { itemOf, openSink, settings, settleItems, tags } from "../ncpsDatabase.ts";
import * as MysqlDatabase from "./mysqlDatabase.ts";

const server = MysqlDatabase.server();

describe("statements of fixed lengths", () => {
  it.scoped("rows that fill up a statement are neither touched nor numbered beyond a quarter of the batch", () =>
    Effect.gen(function*() {
      const key = "VARCHAR(20) COLLATE utf8mb4_bin NOT NULL UNIQUE";
      const url = yield* server().database(
        `CREATE TABLE t (id BIGINT AUTO_INCREMENT PRIMARY KEY, k ${key});`
          + `CREATE TABLE l (id BIGINT AUTO_INCREMENT PRIMARY KEY, h ${key}, reused_at DATETIME);`
          + "CREATE TABLE p (t_id BIGINT NOT NULL, l_id BIGINT NOT NULL, UNIQUE (t_id, l_id))",
      );
      const tables = [
        { table: "t", key: ["k"], columns: { k: "k" } },
        { table: "l", key: ["h"], columns: { h: "h" }, whenExists: { touch: { reused_at: { now: true } } } },
        { table: "p", key: ["t_id", "l_id"], columns: { t_id: { parent: "t" }, l_id: { parent: "l" } } },
      ];
      const db = yield* MysqlDatabase.rival(url);
      const sink = yield* openSink(MysqlDatabase.driver(url), {
        sink: { connection: "x", tables },
        settings: { ...settings, paths: undefined, statementTimeout: Duration.seconds(4) },
      });
      let given = 0;
      // 57 is filled up to 64.
      for (const size of [3, 33, 57]) {
        given += size;
        const items = Array.from({ length: size }, (_, at) => `${size}-${at}`).map((k) => itemOf(k, { k, h: k }));
        expect(new Set(tags((yield* settleItems(sink, items)).verdicts))).toEqual(new Set(["Exact"]));
      }
      expect(yield* db.rows("SELECT count(*), count(reused_at), max(id) FROM l")).toEqual([[
        BigInt(given),
        0n,
        BigInt(given),
      ]]);
      const [[numbered] = []] = yield* db.rows("SELECT max(id) FROM t");
      expect(Number(numbered)).toBeLessThanOrEqual(given * 1.25);
    }));
});
