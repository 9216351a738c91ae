import { describe, expect, it } from "@effect/vitest";
import { FastCheck } from "effect";
import * as Address from "../../../src/drivers/storage/S3Address.ts";

const address = (endpoint: string, settings: { bucket?: string; forcePathStyle?: boolean; prefix?: string } = {}) =>
  Address.make({ bucket: "cache", forcePathStyle: false, prefix: "", ...settings, endpoint }, "eu-west-1");

describe("S3Address", () => {
  it("the bucket stands in the host of the services that ask for it, and in the path of all others, as for ncps", () => {
    const place = (endpoint: string, settings?: Parameters<typeof address>[1]) => {
      const { origin, path } = address(endpoint, settings)!;
      return `${origin}${path}`;
    };
    expect(place("")).toBe("https://cache.s3.eu-west-1.amazonaws.com/");
    expect(place("", { forcePathStyle: true })).toBe("https://s3.eu-west-1.amazonaws.com/cache/");
    expect(place("", { bucket: "my.cache" })).toBe("https://s3.eu-west-1.amazonaws.com/my.cache/");
    expect(place("https://s3.amazonaws.com")).toBe("https://cache.s3.amazonaws.com/");
    expect(place("http://minio:9000")).toBe("http://minio:9000/cache/");
    expect(place("http://[::1]:9000/")).toBe("http://[::1]:9000/cache/");
    expect(place("https://cache.fsn1.example.com")).toBe("https://cache.fsn1.example.com/");
    expect(Address.make({ bucket: "b-b", forcePathStyle: false, prefix: "", endpoint: "" }, "cn-north-1")?.origin)
      .toBe("https://b-b.s3.cn-north-1.amazonaws.com.cn");
  });

  it("one bucket has one identity, however it is addressed", () => {
    const identity = "s3://s3.eu-west-1.amazonaws.com/cache/nix/";
    for (const forcePathStyle of [true, false]) {
      expect(address("", { prefix: "nix/", forcePathStyle })?.identity).toBe(identity);
    }
    expect(address("https://cache.s3.eu-west-1.amazonaws.com", { prefix: "nix/" })?.identity).toBe(identity);
  });

  it("an endpoint that is no service's URL is refused, secrets in it above all", () => {
    for (
      const endpoint of [
        "minio:9000",
        "ftp://minio",
        "http://user:hush@minio",
        "http://minio/path",
        "http://",
        "http://m?x=1",
      ]
    ) {
      expect(address(endpoint), endpoint).toBeUndefined();
    }
  });

  it("encoded keys name the same object after decoding, and need no further escaping", () => {
    FastCheck.assert(
      FastCheck.property(FastCheck.string({ unit: "binary" }).filter((key) => key.isWellFormed()), (key) => {
        const encoded = Address.encodeKey(key);
        expect(decodeURIComponent(encoded)).toBe(key);
        expect(encoded).toMatch(/^(?:[A-Za-z0-9\-._~/]|%[0-9A-F]{2})*$/);
      }),
    );
  });
});
