import { Either } from "effect";
import { describe, expect, it } from "vitest";
import * as PostgresUrl from "../../../src/drivers/sql/PostgresUrl.ts";

const read = (url: string) => Either.getOrThrow(PostgresUrl.read(url));
const places = (url: string) => read(url).hosts.map(({ host, port }) => `${host}:${port}`);

describe("PostgreSQL URLs in ncps' forms", () => {
  it("user, password, host, port, database and options, each decoded", () => {
    expect(read("postgresql://nc%40ps:p%3Aw%2F%3F@db.example:6432/nc%20ps?sslmode=verify-full&application_name=x"))
      .toMatchObject({
        hosts: [{ host: "db.example", port: 6432 }],
        user: "nc@ps",
        password: "p:w/?",
        database: "nc ps",
        sslMode: "verify-full",
        applicationName: "x",
      });
  });

  it("what is not given is left to the client's own defaults", () => {
    expect(read("postgres://")).toMatchObject({
      hosts: [{ host: "localhost", port: 5432 }],
      user: undefined,
      password: undefined,
      database: undefined,
      sslMode: undefined,
    });
    expect(read("postgres://u@h").password).toBeUndefined();
  });

  it("sockets: as a host in the query, percent-encoded, and with +unix", () => {
    expect(places("postgresql:///ncps?host=/run/postgresql&port=5433")).toEqual(["/run/postgresql:5433"]);
    expect(places("postgresql://u@%2Frun%2Fpostgresql/ncps")).toEqual(["/run/postgresql:5432"]);
    const unix = read("postgres+unix://u:p@/run/postgresql/ncps?sslmode=disable");
    expect(unix).toMatchObject({ hosts: [{ host: "/run/postgresql", port: 5432 }], database: "ncps", user: "u" });
  });

  it("several hosts, IPv6 among them", () => {
    expect(places("postgres://a:1,b,[::1]:3/db")).toEqual(["a:1", "b:5432", "::1:3"]);
    expect(places("postgres:///db?host=a,b&port=1,2")).toEqual(["a:1", "b:2"]);
  });

  it("settings of the session pass, what only clients know does not", () => {
    const { options, settings } = read(
      "postgres://h/db?options=-c+jit%3Doff&search_path=a,b&pool_max_conns=3&sslcert=x&work_mem=64MB&default_query_exec_mode=exec",
    );
    expect([...settings]).toEqual([["search_path", "a,b"], ["work_mem", "64MB"]]);
    expect(options).toBe("-c jit=off");
  });

  it("Invariant 9: what cannot be read says why, and shows nothing of it", () => {
    const wrong = {
      "mysql://u:secret@h/db": /not of the form/,
      "postgres://u:sec%ret@h/db": /password has a %/,
      "postgres://u:secret@h:70000/db": /port/,
      "postgres://u:secret@h/db?sslmode=maybe": /sslmode is none of disable/,
      "postgres+unix://u:secret@/": /socket's folder/,
    };
    for (const [url, why] of Object.entries(wrong)) {
      const problem = Either.getOrThrow(Either.flip(PostgresUrl.read(url)));
      expect(problem).toMatch(why);
      expect(problem).not.toMatch(/sec/);
    }
  });

  it("Invariant 9: an identity has neither user nor password", () => {
    expect(PostgresUrl.identity(read("postgres://u:secret@a:1,b/db"), "db")).toBe("postgresql://a:1,b:5432/db");
  });
});
