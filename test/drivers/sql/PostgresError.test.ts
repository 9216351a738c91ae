import { describe, expect, it } from "vitest";
import * as PostgresError from "../../../src/drivers/sql/PostgresError.ts";

const translate = (code: string | undefined, message = "m", phase: PostgresError.Phase = "run") =>
  PostgresError.translate("cache", phase, Object.assign(new Error(message), code === undefined ? {} : { code }));

describe("PostgreSQL's codes in the engine's words", () => {
  it("each code is retried, bisected or stops the run as the design says", () => {
    const table = {
      Busy: ["40001", "40P01", "55P03", "25006", "57014", "53300", "55006"],
      Constraint: ["23505", "23503", "23P01", "23001"],
      Data: ["22001", "22003", "22P02", "22021", "23502", "23514", "54000", "21000", "P0001", "44000"],
      ConnectionLost: ["08006", "08P01", "57P01", "57P02", "57P03", "25P03", "ECONNRESET", "EPIPE", "ENOTFOUND"],
      Environment: ["53100", "53200", "42501", "42P01", "0A000", "28P01", "3D000", "XX001", "58030", "26000"],
    } as const;
    for (const [expected, codes] of Object.entries(table)) {
      for (const code of codes) expect([code, translate(code).reason]).toEqual([code, expected]);
    }
  });

  it("a connection that is lost while COMMIT is under way leaves the commit unknown; an answer does not", () => {
    for (const code of ["ECONNRESET", "57P01", undefined]) {
      expect(translate(code, "Connection terminated unexpectedly", "commit").reason).toBe("CommitUnknown");
    }
    expect(translate("23503", "m", "commit").reason).toBe("Constraint");
    expect(translate("40001", "m", "commit").reason).toBe("Busy");
  });

  it("what stops the run says what to do", () => {
    for (const code of ["53100", "42501", "42P01", "28P01", "28000", "3D000", "26000", "0A000", "XX001", "57014"]) {
      expect(translate(code).remedy).toMatch(/^[A-Z]/);
    }
    expect(translate("ECONNREFUSED", "", "connect")).toMatchObject({ remedy: expect.stringMatching(/host and port/) });
    expect(translate("SELF_SIGNED_CERT_IN_CHAIN")).toMatchObject({ reason: "Environment", code: "CERTIFICATE" });
    expect(translate(undefined, "The server does not support SSL connections")).toMatchObject({
      reason: "Environment",
      remedy: expect.stringMatching(/sslmode/),
    });
  });

  it("a session serves on after what the server answered, and only then", () => {
    expect(PostgresError.keepsSession(translate("23505"))).toBe(true);
    for (const code of ["25006", "57P01", "ECONNRESET", undefined]) {
      expect(PostgresError.keepsSession(translate(code))).toBe(false);
    }
  });
});
