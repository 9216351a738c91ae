import { Sha256 } from "@aws-crypto/sha256-js";
import { describe, expect, it } from "@effect/vitest";
import { SignatureV4 } from "@smithy/signature-v4";
import { FastCheck } from "effect";
import { createHash } from "node:crypto";
import { encodeKey } from "../../../src/drivers/storage/S3Address.ts";
import * as Signer from "../../../src/drivers/storage/S3Signer.ts";

const credentials = FastCheck.record({
  accessKeyId: FastCheck.string({ minLength: 1, unit: FastCheck.constantFrom("A", "K", "7") }),
  secretAccessKey: FastCheck.string({ minLength: 1 }),
  sessionToken: FastCheck.option(FastCheck.base64String({ minLength: 4 }), { nil: undefined }),
});

const request = FastCheck.record({
  method: FastCheck.constantFrom("GET", "PUT", "DELETE", "POST"),
  key: FastCheck.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
  query: FastCheck.dictionary(
    FastCheck.constantFrom("prefix", "start-after", "list-type", "delete", "Z"),
    FastCheck.string({ unit: "binary" }).filter((text) => text.isWellFormed()),
  ),
  ifMatch: FastCheck.option(FastCheck.constantFrom('"abc"', '"d-2"'), { nil: undefined }),
  body: FastCheck.option(FastCheck.uint8Array(), { nil: undefined }),
});

describe("S3Signer", () => {
  it("signs as the SDK's own signer does, whatever key, query, token and hour", () =>
    FastCheck.assert(
      FastCheck.asyncProperty(
        FastCheck.array(
          FastCheck.tuple(
            credentials,
            request,
            FastCheck.date({ noInvalidDate: true, min: new Date(0), max: new Date("2100-01-01") }),
          ),
          {
            minLength: 1,
            maxLength: 4,
          },
        ),
        async (calls) => {
          const sign = Signer.make("eu-west-1");
          for (const [who, { body, ifMatch, key, method, query }, date] of calls) {
            const path = `/bucket/${encodeKey(key)}`;
            const headers = ifMatch === undefined ? {} : { "if-match": ifMatch };
            const ours = sign({ method, host: "s3.test:7070", path, query, headers, body }, who, date.getTime());
            const theirs = await new SignatureV4({
              service: "s3",
              region: "eu-west-1",
              credentials: {
                accessKeyId: who.accessKeyId,
                secretAccessKey: who.secretAccessKey,
                ...(who.sessionToken === undefined ? {} : { sessionToken: who.sessionToken }),
              },
              sha256: Sha256,
              uriEscapePath: false,
              applyChecksum: false,
            }).sign({
              method,
              protocol: "http:",
              hostname: "s3.test",
              path,
              query,
              headers: {
                ...headers,
                host: "s3.test:7070",
                "x-amz-content-sha256": createHash("sha256").update(body ?? "").digest("hex"),
              },
              ...(body === undefined ? {} : { body }),
            }, { signingDate: date });
            expect(ours.headers["authorization"]).toBe(theirs.headers["authorization"]);
            expect(ours.headers["x-amz-security-token"]).toBe(theirs.headers["x-amz-security-token"]);
          }
        },
      ),
      { numRuns: 200 },
    ));
});
