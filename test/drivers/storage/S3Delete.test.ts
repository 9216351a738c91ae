import { describe, expect, it } from "@effect/vitest";
import { Effect } from "effect";
import { type Asked, error, type Scripted, timing, world } from "./scriptedS3.ts";

const target = (key: string) => ({ key, origin: { version: `"${key}"`, sha256: "" } });

describe("deleting", () => {
  /** A service with one canary, that does as it is told with conditions. */
  const service = (conditions: "batch" | "single" | "ignored" | "never-met" | "unwritable" | "undeletable") => {
    let exists = false;
    const script = ({ body, headers, key, method, query }: Asked): Scripted | undefined => {
      if (query.get("max-keys") === "1") return undefined;
      if (method === "POST") {
        if (conditions === "batch" && body.includes("00000000000000000000000000000000")) {
          const name = /<Key>(.*?)<\/Key>/.exec(body)![1]!;
          return {
            body: `<DeleteResult><Error><Key>${name}</Key><Code>PreconditionFailed</Code></Error></DeleteResult>`,
          };
        }
        exists = false;
        return {
          body: `<DeleteResult><Deleted><Key>${/<Key>(.*?)<\/Key>/.exec(body)![1]!}</Key></Deleted></DeleteResult>`,
        };
      }
      if (!key.startsWith(".ncps-pipeline-probe/")) return undefined;
      if (method === "PUT") {
        if (conditions === "unwritable") return error(403, "AccessDenied");
        exists = true;
        return { headers: { etag: '"canary"' } };
      }
      if (method === "HEAD") return { status: exists ? 200 : 404 };
      const condition = headers["if-match"];
      if (conditions === "undeletable") return error(403, "AccessDenied");
      if (
        condition !== undefined && conditions !== "ignored" && (conditions === "never-met" || condition !== '"canary"')
      ) {
        return error(412, "PreconditionFailed");
      }
      exists = false;
      return { status: 204 };
    };
    return { script, isThere: () => exists };
  };

  for (
    const [conditions, expected] of [["batch", true], ["single", true], ["ignored", false], ["never-met", false], [
      "unwritable",
      false,
    ]] as const
  ) {
    it.scoped(`a service whose conditions are ${conditions}: ${expected}, told once, and the canary is gone`, () =>
      Effect.gen(function*() {
        const { isThere, script } = service(conditions);
        const { open, server } = yield* world(script);
        const storage = yield* open;
        expect(yield* storage.conditionalDelete).toBe(expected);
        expect(isThere()).toBe(false);
        const asked = server.asked.length;
        expect(yield* storage.conditionalDelete).toBe(expected);
        expect(server.asked.length).toBe(asked);
      }));
  }

  it.scoped("credentials that may write but not delete end the run before it begins", () =>
    Effect.gen(function*() {
      const { open, server } = yield* world(service("undeletable").script);
      const storage = yield* open;
      const fault = yield* Effect.flip(storage.conditionalDelete);
      expect(fault.reason).toBe("Denied");
      expect(fault.message).toMatch(/may not delete; the canary stays/);
      const checks = yield* storage.checkup({ prefix: "", deletes: true });
      expect(checks.at(-1)).toMatchObject({ name: "s3/conditional-delete", status: "fail" });
      expect(yield* Effect.flip(storage.remove([target("a")]))).toMatchObject({ reason: "Denied" });
      expect(server.asked.filter(({ method }) => method === "PUT")).toHaveLength(1);
    }));

  it.scoped("Invariant 1: where conditions are ignored it asks first, and deletes what is unchanged only", () =>
    Effect.gen(function*() {
      const { script } = service("ignored");
      const { open, server } = yield* world((asked) =>
        asked.key === "same" || asked.key === "other"
          ? asked.method === "HEAD" ? { headers: { etag: '"same"' } } : { status: 204 }
          : script(asked)
      );
      const outcomes = yield* (yield* open).remove([target("same"), target("other"), target("none")]);
      expect(outcomes.map(({ _tag }) => _tag)).toEqual(["Deleted", "Changed", "Gone"]);
      expect(server.asked.filter(({ key, method }) => method === "DELETE" && key === "other")).toEqual([]);
    }));

  it.scoped("Invariant 1: where conditions are ignored it asks anew before it deletes again: someone may have written", () =>
    Effect.gen(function*() {
      const { script } = service("ignored");
      let wasBusy = false;
      const etags = new Map([["rewritten", '"rewritten"'], ["lost", '"lost"'], ["busy", '"busy"']]);
      const { open, server } = yield* world((asked) => {
        const etag = etags.get(asked.key);
        if (asked.key.startsWith(".") || (asked.method !== "HEAD" && asked.method !== "DELETE")) return script(asked);
        if (asked.method === "HEAD") return etag === undefined ? { status: 404 } : { headers: { etag } };
        if (asked.key === "busy" && !wasBusy) {
          wasBusy = true;
          return error(503, "SlowDown");
        }
        etags.delete(asked.key);
        if (asked.key === "busy") return { status: 204 };
        // Deleted, but nobody heard of it; and one of them is written anew at once.
        if (asked.key === "rewritten") etags.set(asked.key, '"another"');
        return { act: (response) => response.socket!.destroy() };
      });
      const outcomes = yield* (yield* open).remove(["rewritten", "lost", "busy"].map(target));
      expect(outcomes.map(({ _tag }) => _tag)).toEqual(["Changed", "Gone", "Deleted"]);
      const deletions = server.asked.filter(({ key, method }) => method === "DELETE" && !key.startsWith("."));
      expect(deletions.map(({ key }) => key).sort()).toEqual(["busy", "busy", "lost", "rewritten"]);
    }));

  it.scoped("one by one: changed, gone, concurrent, denied and an answer that is lost", () =>
    Effect.gen(function*() {
      const { script } = service("single");
      const tries = new Map<string, number>();
      const { open } = yield* world((asked) => {
        if (asked.method !== "DELETE" || asked.key.startsWith(".")) return script(asked);
        const number = (tries.get(asked.key) ?? 0) + 1;
        tries.set(asked.key, number);
        switch (asked.key) {
          case "changed":
            return error(412, "PreconditionFailed");
          case "concurrent":
            return number === 1 ? error(409, "ConditionalRequestConflict") : { status: 204 };
          case "denied":
            return error(403, "AccessDenied");
          // Deleted, but nobody heard of it: then it is gone.
          case "lost":
            return number === 1 ? { act: (response) => response.socket!.destroy() } : undefined;
          case "silent":
            return { act: () => {} };
          default:
            return undefined;
        }
      });
      const outcomes = yield* (yield* open).remove(
        ["changed", "gone", "concurrent", "denied", "lost", "silent"].map(target),
      );
      expect(outcomes.map((one) => one._tag === "Undeleted" ? one.code : one._tag)).toEqual([
        "Changed",
        "Gone",
        "Deleted",
        "storage/denied",
        "Gone",
        "storage/unavailable",
      ]);
    }));

  it.scoped("a store that is slow is waited for, one that has fallen silent is not: the keys are locked", () =>
    Effect.gen(function*() {
      const { script } = service("single");
      let begun = 0;
      const { open } = yield* world((asked) => {
        if (asked.method !== "DELETE" || asked.key.startsWith(".")) return script(asked);
        begun++;
        return {
          act: (response) => {
            if (asked.key.startsWith("slow")) setTimeout(() => response.writeHead(204).end(), 100);
          },
        };
      });
      const storage = yield* open;
      const slow = yield* storage.remove(Array.from({ length: 100 }, (_, i) => target(`slow${i}`)));
      expect(slow.every(({ _tag }) => _tag === "Deleted")).toBe(true);
      begun = 0;
      const before = performance.now();
      const silent = yield* storage.remove(Array.from({ length: 100 }, (_, i) => target(`silent${i}`)));
      expect(silent.every((one) => one._tag === "Undeleted" && one.code === "storage/unavailable")).toBe(true);
      expect(performance.now() - before).toBeLessThan(timing.deleting.totalMillis * 1.5);
      expect(begun).toBeLessThan(32);
    }));

  it.scoped("in a batch every key has its own outcome, and only passing failures are asked again", () =>
    Effect.gen(function*() {
      const { script } = service("batch");
      const batches: Array<ReadonlyArray<string>> = [];
      const { open, server } = yield* world((asked) => {
        const keys = [...asked.body.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key!);
        if (asked.method !== "POST" || keys[0]!.startsWith(".")) {
          return asked.key === "line\nbreak" ? { status: 204 } : script(asked);
        }
        batches.push(keys);
        const failure = (key: string, code: string) => `<Error><Key>${key}</Key><Code>${code}</Code></Error>`;
        return {
          body: `<DeleteResult>${
            keys.map((key) => {
              switch (key) {
                case "a&#38;b":
                case "versioned":
                  return `<Deleted><Key>${key}</Key></Deleted>`;
                case "changed":
                  return failure(key, "PreconditionFailed");
                case "denied":
                  return failure(key, "AccessDenied");
                case "strange":
                  return failure(key, "Strange");
                case "busy":
                  return batches.length < 3 ? failure(key, "SlowDown") : `<Deleted><Key>${key}</Key></Deleted>`;
                default:
                  return "";
              }
            }).join("")
          }</DeleteResult>`,
        };
      });
      const outcomes = yield* (yield* open).remove(
        [
          ...["a&b", "changed", "denied", "strange", "busy", "forgotten"].map(target),
          { ...target("x"), key: "line\nbreak" },
        ],
      );
      expect(outcomes.map((one) => one._tag === "Undeleted" ? one.code : one._tag)).toEqual([
        "Deleted",
        "Changed",
        "storage/denied",
        "storage/io",
        "Deleted",
        "storage/unavailable",
        "Deleted",
      ]);
      expect(batches.slice(0, 4)).toEqual([
        ["a&#38;b", "changed", "denied", "strange", "busy", "forgotten"],
        ["busy", "forgotten"],
        ["busy", "forgotten"],
        ["forgotten"],
      ]);
      // XML would not bring its key over unharmed.
      expect(server.asked.filter(({ key, method }) => method === "DELETE" && key === "line\nbreak")).toHaveLength(1);
    }));

  it.scoped("batches hold a thousand keys at most", () =>
    Effect.gen(function*() {
      const { script } = service("batch");
      const sizes: Array<number> = [];
      const { open } = yield* world((asked) => {
        const keys = [...asked.body.matchAll(/<Key>(.*?)<\/Key>/g)].map(([, key]) => key!);
        if (asked.method !== "POST" || keys[0]!.startsWith(".")) return script(asked);
        sizes.push(keys.length);
        return {
          body: `<DeleteResult>${keys.map((key) => `<Deleted><Key>${key}</Key></Deleted>`).join("")}</DeleteResult>`,
        };
      });
      const outcomes = yield* (yield* open).remove(Array.from({ length: 2100 }, (_, i) => target(`k${i}`)));
      expect(outcomes.every(({ _tag }) => _tag === "Deleted")).toBe(true);
      expect(sizes).toEqual([1000, 1000, 100]);
    }));
});
