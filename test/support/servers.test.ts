/** The servers of the tests themselves: each starts, serves, and comes back. */
import { expect, it } from "@effect/vitest";
import { Effect } from "effect";
import { readFileSync } from "node:fs";
import { request } from "node:https";
import { connect } from "node:net";
import { join } from "node:path";
import * as Etcd from "./servers/Etcd.ts";
import * as MariaDb from "./servers/MariaDb.ts";
import * as Postgres from "./servers/Postgres.ts";
import * as Proxy from "./servers/Proxy.ts";
import * as Redis from "./servers/Redis.ts";
import * as S3 from "./servers/S3.ts";

const nameIn = (url: string) => new URL(url).pathname.slice(1);

it.scopedLive("PostgreSQL keeps what it committed when it is killed, and speaks TLS", () =>
  Effect.gen(function*() {
    const server = yield* Postgres.make({ tls: true });
    const database = nameIn(yield* server.database("CREATE TABLE t (n int)"));
    yield* server.query("INSERT INTO t VALUES (1)", database);
    yield* server.restart("kill");
    expect(yield* server.query("SELECT n FROM t", database)).toEqual([{ n: 1 }]);
    yield* server.pause;
    yield* server.resume;
    yield* server.restart();
    expect(yield* server.query("SHOW ssl")).toEqual([{ ssl: "on" }]);
  }));

it.scopedLive("MariaDB keeps what it committed when it is killed, and speaks TLS", () =>
  Effect.gen(function*() {
    const server = yield* MariaDb.make({ tls: true });
    const database = nameIn(yield* server.database("CREATE TABLE t (n int); CREATE TABLE u (n int)"));
    yield* server.query("INSERT INTO t VALUES (1)", database);
    yield* server.restart("kill");
    expect(yield* server.query("SELECT n FROM t", database)).toEqual([{ n: 1 }]);
    yield* server.pause;
    yield* server.resume;
    yield* server.restart();
    expect(yield* server.query("SELECT @@have_ssl AS tls")).toEqual([{ tls: "YES" }]);
  }));

it.scopedLive("Redis starts with a password and TLS, and forgets when it is flushed", () =>
  Effect.gen(function*() {
    const server = yield* Redis.make({ password: "redis-hush", tls: true });
    yield* server.command("SET", "key", "value");
    expect(yield* server.command("GET", "key")).toBe("value");
    yield* server.flush;
    expect(yield* server.command("GET", "key")).toBe(null);
    yield* server.restart("kill");
    expect(yield* server.command("PING")).toBe("PONG");
  }));

it.scopedLive("S3 keeps objects in its folder over a restart", () =>
  Effect.gen(function*() {
    const server = yield* S3.make({ tls: true, versioning: true });
    const bucket = yield* server.bucket();
    yield* server.put(bucket, "store/narinfo/a", "text");
    yield* server.restart("kill");
    expect(yield* server.keys(bucket)).toEqual(["store/narinfo/a"]);
    expect(readFileSync(join(server.dataFolder, bucket, "store/narinfo/a"), "utf8")).toBe("text");
  }));

const health = (endpoint: string, ca: string) =>
  Effect.async<string>((resume) => {
    request(`${endpoint}/health`, { ca: readFileSync(ca) }, (response) => {
      response.setEncoding("utf8").on("data", (text: string) => resume(Effect.succeed(text)));
    }).end();
  });

it.scopedLive("etcd is healthy after a restart", () =>
  Effect.gen(function*() {
    const server = yield* Etcd.make({ tls: true });
    yield* server.restart("kill");
    expect(yield* health(server.endpoint, server.tls!.caFile)).toContain("true");
  }));

/** Bytes of an answer over a connection of its own, or what became of it. */
const httpGet = (port: number) =>
  Effect.async<number | string>((resume) => {
    const end = (end: number | string) => resume(Effect.succeed(end));
    let length = 0;
    const socket = connect(port, "127.0.0.1", () => socket.write("GET / HTTP/1.0\r\n\r\n"));
    socket.on("data", (data) => length += data.length).on("end", () => end(length));
    socket.on("error", () => end("reset"));
    socket.setTimeout(300, () => {
      socket.destroy();
      end("hangs");
    });
  });

it.scopedLive("a proxy swallows, resets and cuts off what passes", () =>
  Effect.gen(function*() {
    const server = yield* S3.make();
    const proxy = yield* Proxy.make(server.port);
    const get = httpGet(proxy.port);
    expect(yield* get).toBeGreaterThan(10);
    yield* proxy.blackhole;
    expect(yield* get).toBe("hangs");
    yield* proxy.heal;
    expect(yield* get).toBeGreaterThan(10);
    yield* proxy.refuse;
    expect(yield* get).toBe("reset");
    yield* proxy.heal;
    yield* proxy.delay(400);
    expect(yield* get).toBe("hangs");
    yield* proxy.heal;
    yield* proxy.truncate(100);
    expect(yield* get).toBe(100);
  }));
