import { describe, expect, it } from "@effect/vitest";
import { Effect } from "effect";
import * as MysqlUrl from "../../../src/drivers/sql/MysqlUrl.ts";

const parse = (url: string) => MysqlUrl.parse("cache", url);
const base = { user: "ncps", password: "p", database: "db", tls: "off" };

describe("URLs of MySQL as ncps reads them", () => {
  it.effect.each(
    [
      ["mysql://ncps:p@host:3307/db", { ...base, address: { host: "host", port: 3307 } }],
      ["mysql://ncps:p@host/db", { ...base, address: { host: "host", port: 3306 } }],
      ["MySQL://ncps:p@[::1]:3307/db?parseTime=true&loc=UTC#x", { ...base, address: { host: "::1", port: 3307 } }],
      ["mysql://ncps:p@/db?socket=/run/mysqld/mysqld.sock", {
        ...base,
        address: { socket: "/run/mysqld/mysqld.sock" },
      }],
      ["mysql://ncps:p@localhost/db?unix_socket=%2Frun%2Fs", { ...base, address: { socket: "/run/s" } }],
      ["mysql://ncps:p@/db?host=/run/s", { ...base, address: { socket: "/run/s" } }],
      ["mysql+unix://ncps:p@/run/mysqld/mysqld.sock/db", { ...base, address: { socket: "/run/mysqld/mysqld.sock" } }],
      ["mysql+unix:///run/s/db", { ...base, user: "", password: "", address: { socket: "/run/s" } }],
      ["mysql://n%40:p%2F%3a:x@h/d%20b?tls=true", {
        user: "n@",
        password: "p/::x",
        database: "d b",
        tls: "checked",
        address: { host: "h", port: 3306 },
      }],
      ["mysql://ncps@h/db?tls=skip-verify", {
        ...base,
        password: "",
        tls: "unchecked",
        address: { host: "h", port: 3306 },
      }],
      ["mysql://ncps:p@h/db?tls=preferred", { ...base, tls: "preferred", address: { host: "h", port: 3306 } }],
    ] as const,
  )("%s", ([url, expected]) => Effect.map(parse(url), (parsed) => expect(parsed).toEqual(expected)));

  it.effect.each(
    [
      ["mysql://ncps:hush@host", "names no database"],
      ["mysql:hush", "cannot be read"],
      ["mysql://ncps:hush%@host/db", "stray % in the password"],
      ["mysql://ncps:hush@/db", "neither a host nor a socket"],
      ["mysql+unix://ncps:hush@/db", "names no socket"],
      ["mysql://ncps:hush@host:70000/db", "port"],
      ["mysql://ncps:hush/db", "host that cannot be read"],
      ["mysql://ncps@tcp(hush:3306)/db", "host that cannot be read"],
      ["mysql://ncps:hush@host/db?tls=custom", 'tls="custom"'],
    ] as const,
  )(
    "Invariant 9: %s is refused without its password",
    ([url, detail]) =>
      Effect.map(Effect.flip(parse(url)), (error) => {
        expect(error).toMatchObject({
          reason: "Config",
          detail: expect.stringContaining(detail),
          remedy: expect.any(String),
        });
        expect(JSON.stringify(error) + error.message).not.toContain("hush");
      }),
  );
});
