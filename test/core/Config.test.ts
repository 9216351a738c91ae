import { describe, expect, it } from "@effect/vitest";
import { readDatabaseUrl } from "../../src/core/Config.ts";

describe("Config", () => {
  it.each([
    ["sqlite:/var/lib/ncps/db.sqlite", "/var/lib/ncps/db.sqlite"],
    ["sqlite3:///var/lib/ncps/db.sqlite", "/var/lib/ncps/db.sqlite"],
    ["SQLITE:/a/b", "/a/b"],
    ["sqlite:db.sqlite", "db.sqlite"],
    ["sqlite:./with%20space.db", "./with%20space.db"],
    ["sqlite:/with%20space.db", "/with space.db"],
    ["sqlite:/db.sqlite?_busy_timeout=1", "/db.sqlite"],
    ["sqlite:/db#1.sqlite", "/db#1.sqlite"],
    ["sqlite://host/db.sqlite", "/db.sqlite"],
    ["sqlite:/100%/db", "/100%/db"],
  ])("opens the very file that ncps opens for %s", (url, file) => {
    expect(readDatabaseUrl(url)).toEqual({ dialect: "sqlite", file });
  });

  it("knows the other engines by scheme and nothing else", () => {
    expect(readDatabaseUrl("postgresql://u:p@h/d")).toEqual({ dialect: "postgres" });
    expect(readDatabaseUrl("postgres+unix:///run/postgresql/d")).toEqual({ dialect: "postgres" });
    expect(readDatabaseUrl("mysql+unix:///run/mysqld/mysqld.sock/d")).toEqual({ dialect: "mysql" });
    expect(readDatabaseUrl("redis://h")).toBeUndefined();
    expect(readDatabaseUrl("/var/lib/ncps/db.sqlite")).toBeUndefined();
    expect(readDatabaseUrl("")).toBeUndefined();
  });
});
