/** The servers of the tests themselves: each starts, serves, and comes back. */
import { expect, it } from "@effect/vitest";
import { Effect } from "effect";
import * as Postgres from "./servers/Postgres.ts";

it.scopedLive("PostgreSQL keeps what it committed when it is killed, and speaks TLS", () =>
  Effect.gen(function*() {
    const server = yield* Postgres.make({ tls: true });
    const url = yield* server.database("CREATE TABLE t (n int)");
    const database = new URL(url).pathname.slice(1);
    yield* server.query("INSERT INTO t VALUES (1)", database);
    yield* server.restart("kill");
    expect(yield* server.query("SELECT n FROM t", database)).toEqual([{ n: 1 }]);
    yield* server.pause;
    yield* server.resume;
    yield* server.restart();
    expect(yield* server.query("SHOW ssl")).toEqual([{ ssl: "on" }]);
  }));
