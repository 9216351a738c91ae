import { describe, expect, it } from "@effect/vitest";
import { Chunk, Effect, Stream } from "effect";
import { vi } from "vitest";
import * as S3 from "../../../src/drivers/storage/S3.ts";
import { type Asked, config, error, listing, type Scripted, scripted, timing, world } from "./scriptedS3.ts";

/** The fault that every request meets, as opening reports it. */
const faultOf = (answer: Scripted) =>
  Effect.flatMap(world(() => answer), ({ open }) => Effect.flip(open)).pipe(
    Effect.tap((fault) => expect(`${fault.message} ${JSON.stringify(fault)}`).not.toMatch(/s3-hush/)),
  );

const object = (content: string): Scripted => ({ headers: { etag: `"${content}"` }, body: content });

describe("findings on a bucket say what to mend, and no secret", () => {
  const cases: ReadonlyArray<readonly [title: string, answer: Scripted, reason: string, says: RegExp]> = [
    [
      "an access key that is unknown",
      error(403, "InvalidAccessKeyId"),
      "Denied",
      /does not know the access key\. Set accessKeyId/,
    ],
    ["a token that has expired", error(400, "ExpiredToken"), "Denied", /token has expired\. Obtain new/],
    [
      "another region, told by a header",
      { ...error(301, "PermanentRedirect"), headers: { "x-amz-bucket-region": "eu-west-3" } },
      "Unusable",
      /but in eu-west-3\. Set region to eu-west-3/,
    ],
    [
      "another region, told in the body",
      error(400, "AuthorizationHeaderMalformed", "<Region>eu-west-3</Region>"),
      "Unusable",
      /Set region to eu-west-3/,
    ],
    [
      "a clock that is off",
      { ...error(403, "RequestTimeTooSkewed"), headers: { date: new Date(Date.now() + 3_600_000).toUTCString() } },
      "Unusable",
      /clock is 60 min behind the server's\. Set the clock/,
    ],
    ["no permission to list", error(403, "AccessDenied"), "Denied", /may not list the bucket\. Grant what docs/],
    ["a web page", { body: "<!DOCTYPE html><html></html>" }, "Unusable", /is no S3 service/],
    ["the page of a console, refused", { status: 403, body: "<html>no</html>" }, "Unusable", /is no S3 service/],
    ["another service's XML", { body: "<feed></feed>" }, "Unusable", /is no S3 service/],
    ["throttling without an end", error(503, "SlowDown"), "Unavailable", /fewer requests.*Set requests lower/],
    ["a proxy without a server behind it", { status: 502, body: "<html>bad</html>" }, "Unavailable", /BadGateway/],
    ["a code that nobody knows", error(400, "Strange"), "Unusable", /Strange: said so/],
    ["a listing that is cut off", { body: "<ListBucketResult><Contents>" }, "Unusable", /is no S3 service/],
  ];
  for (const [title, answer, reason, says] of cases) {
    it.scoped(title, () =>
      Effect.gen(function*() {
        const fault = yield* faultOf(answer);
        expect(fault.reason).toBe(reason);
        expect(fault.message).toMatch(says);
      }));
  }

  it.scoped("a redirect is not followed: its host gets neither request nor signature", () =>
    Effect.gen(function*() {
      const elsewhere = yield* scripted(() => undefined);
      const fault = yield* faultOf({ status: 307, headers: { location: `${elsewhere.endpoint}/b/` }, body: "" });
      expect(fault.reason).toBe("Unusable");
      expect(elsewhere.asked).toEqual([]);
    }));

  it.scoped("a host that nobody knows, and a port that nobody listens at", () =>
    Effect.gen(function*() {
      const open = (endpoint: string) => Effect.flip(S3.make({ name: "c", config: config(endpoint), timing }));
      const unknown = yield* open("http://nobody.invalid");
      expect(unknown).toMatchObject({ reason: "Unavailable", detail: expect.stringContaining("no address") });
      const unreachable = yield* open("http://127.0.0.1:1");
      expect(unreachable).toMatchObject({ reason: "Unavailable", detail: expect.stringContaining("ECONNREFUSED") });
      expect(yield* open("minio:9000")).toMatchObject({ reason: "Unusable" });
      expect((yield* open("http://127.0.0.1:1/console")).detail).toContain("no URL of a service");
    }));
});

describe("reading", () => {
  const reading = (script: (asked: Asked, number: number) => Scripted | undefined, keys: ReadonlyArray<string>) =>
    Effect.gen(function*() {
      const { open, server } = yield* world(script);
      const storage = yield* open;
      return { outcomes: yield* Effect.either(storage.read(keys, 1000)), server };
    });

  it.scoped("SlowDown, a reset, a cut body and a late answer cost a wait, no object", () =>
    Effect.gen(function*() {
      const tries = new Map<string, number>();
      const { outcomes } = yield* reading(({ key }) => {
        if (key === "") return undefined;
        const number = (tries.get(key) ?? 0) + 1;
        tries.set(key, number);
        if (number > 2) return object(key);
        if (key === "slow") return error(503, "SlowDown");
        if (key === "late") return { act: () => {} };
        if (key === "reset") return { act: (response) => response.socket!.resetAndDestroy() };
        return {
          act: (response) => {
            response.writeHead(200, { "content-length": "100", etag: '"x"' });
            response.write("half");
            setTimeout(() => response.socket!.destroy(), 5);
          },
        };
      }, ["slow", "late", "reset", "cut"]);
      if (outcomes._tag === "Left") throw outcomes.left;
      expect(outcomes.right.map((one) => one._tag === "Read" ? Buffer.from(one.bytes).toString() : one))
        .toEqual(["slow", "late", "reset", "cut"]);
      expect([...tries.values()]).toEqual([3, 3, 3, 3]);
    }));

  it.scoped("what is wrong with one object costs that object", () =>
    Effect.gen(function*() {
      const { outcomes } = yield* reading(({ key }) => {
        switch (key) {
          case "denied":
            return error(403, "AccessDenied");
          case "archived":
            return error(403, "InvalidObjectState");
          case "encrypted":
            return error(400, "KMS.DisabledException");
          case "broken":
            return error(500, "InternalError");
          case "unnamed":
            return { body: "x" };
          case "cut":
            return {
              act: (response) => {
                response.writeHead(200, { "content-length": "100" });
                response.write("half");
                setTimeout(() => response.socket!.destroy(), 2);
              },
            };
          // Its length is not told.
          case "endless":
            return { act: (response) => response.writeHead(200, { etag: '"x"' }).write("x".repeat(2000)) };
          case "fine":
            return object("fine");
          default:
            return undefined;
        }
      }, ["denied", "archived", "encrypted", "broken", "unnamed", "cut", "endless", "gone", "fine"]);
      if (outcomes._tag === "Left") throw outcomes.left;
      expect(outcomes.right.map((one) => one._tag === "Refused" ? `${one.outcome} ${one.code}` : one._tag)).toEqual([
        "failed storage/denied",
        "failed storage/archived",
        "failed storage/encrypted",
        "failed storage/io",
        "failed storage/no-etag",
        "failed storage/truncated",
        "rejected storage/too-large",
        "Gone",
        "Read",
      ]);
    }));

  it.scoped("what is wrong with all of them is the store's fault, not a thousand failed objects", () =>
    Effect.gen(function*() {
      const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
      const denied = yield* reading(({ key }) => key === "" ? undefined : error(403, "AccessDenied"), keys);
      expect(denied.outcomes).toMatchObject({ _tag: "Left", left: { reason: "Denied" } });
      const broken = yield* reading(({ key }) => key === "" ? undefined : error(500, "InternalError"), keys);
      expect(broken.outcomes).toMatchObject({ _tag: "Left", left: { reason: "Unavailable" } });
      const expired = yield* reading(
        ({ key }) => key === "" ? undefined : key === "k7" ? error(400, "ExpiredToken") : object("x"),
        keys,
      );
      expect(expired.outcomes).toMatchObject({ _tag: "Left", left: { reason: "Denied" } });
      const page = yield* reading(
        ({ key }) => key === "" ? undefined : key === "k7" ? { status: 404, body: "<html/>" } : object("x"),
        keys,
      );
      expect(page.outcomes).toMatchObject({ _tag: "Left", left: { reason: "Unusable" } });
    }));

  it.scoped("Invariant 4: large objects come in parts, however many are asked for", () =>
    Effect.gen(function*() {
      const content = Buffer.alloc(9 * 1024 * 1024, "x");
      const keys = ["a", "b", "c", "d", "e", "f"];
      const { open } = yield* world(({ key }) =>
        key === ""
          ? undefined
          : {
            act: (response) => response.writeHead(200, { etag: '"x"', "content-length": content.length }).end(content),
          }
      );
      const storage = yield* open;
      const counts: Array<number> = [];
      for (let done = 0; done < keys.length;) {
        const part = yield* storage.read(keys.slice(done), content.length);
        expect(part.every((one) => one._tag === "Read" && one.bytes.length === content.length)).toBe(true);
        counts.push(part.length);
        done += part.length;
      }
      expect(counts.every((count) => count >= 1 && count <= 3)).toBe(true);
    }));
});

describe("credentials of the SDK's chain", () => {
  it.scoped("are asked for anew when the service says that they have expired", () =>
    Effect.gen(function*() {
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          vi.stubEnv("AWS_ACCESS_KEY_ID", "AKIACHAIN");
          vi.stubEnv("AWS_SECRET_ACCESS_KEY", "s3-hush-chain");
        }),
        () => Effect.sync(() => vi.unstubAllEnvs()),
      );
      let expired = true;
      const server = yield* scripted(({ key }) => {
        if (key === "") return undefined;
        if (!expired) return object(key);
        expired = false;
        return error(400, "ExpiredToken");
      });
      const storage = yield* S3.make({
        name: "cache-storage",
        config: { ...config(server.endpoint), accessKeyId: "", secretAccessKey: undefined, sessionToken: undefined },
        timing,
      });
      expect(yield* storage.read(["a"], 100)).toMatchObject([{ _tag: "Read" }]);
      expect(server.asked.every(({ headers }) => headers.authorization!.includes("AKIACHAIN/"))).toBe(true);
    }));
});

describe("listing", () => {
  const listed = (script: (asked: Asked) => Scripted | undefined, prefix = "") =>
    Effect.gen(function*() {
      const { open, server } = yield* world(script);
      const storage = yield* open;
      const pages = yield* Effect.either(Stream.runCollect(storage.list({ prefix, suffix: "" })));
      return { pages, server };
    });

  it.scoped("out of byte order it ends the run: checkpoints would lose keys", () =>
    Effect.gen(function*() {
      const { pages } = yield* listed(({ query }) => query.get("max-keys") === "1" ? undefined : listing(["b", "a"]));
      expect(pages).toMatchObject({
        _tag: "Left",
        left: { reason: "Unusable", detail: expect.stringContaining("byte order") },
      });
    }));

  it.scoped("a failed page is a failure, never the end", () =>
    Effect.gen(function*() {
      const { pages } = yield* listed(({ query }) =>
        query.has("continuation-token")
          ? error(503, "SlowDown")
          : query.get("max-keys") === "1"
          ? undefined
          : listing(["a"], "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>")
      );
      expect(pages).toMatchObject({ _tag: "Left", left: { reason: "Unavailable" } });
    }));

  it.scoped("goes on after the last key where a server gives no token, and through pages without keys where it does", () =>
    Effect.gen(function*() {
      const { pages } = yield* listed(({ query }) =>
        query.get("max-keys") === "1"
          ? undefined
          : query.get("start-after") === "b"
          ? listing([], "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>")
          : query.get("continuation-token") === "t"
          ? listing(["c"])
          : listing(["a", "b"], "<IsTruncated>true</IsTruncated>")
      );
      if (pages._tag === "Left") throw pages.left;
      expect(Chunk.toReadonlyArray(pages.right).flat().map(({ key }) => key)).toEqual(["a", "b", "c"]);
    }));

  it.scoped("folder markers and canaries are no objects", () =>
    Effect.gen(function*() {
      const { pages } = yield* listed(({ query }) =>
        query.get("max-keys") === "1" ? undefined : {
          body: "<ListBucketResult><Contents><Key>.ncps-pipeline-probe/1</Key><Size>9</Size></Contents>"
            + "<Contents><Key>a/</Key><Size>0</Size></Contents><Contents><Key>a/b/</Key><Size>3</Size></Contents></ListBucketResult>",
        }
      );
      if (pages._tag === "Left") throw pages.left;
      expect(Chunk.toReadonlyArray(pages.right).flat().map(({ key }) => key)).toEqual(["a/b/"]);
    }));
});
