import { describe, expect, it } from "@effect/vitest";
import { Either } from "effect";
import * as Narinfo from "../../src/formats/Narinfo.ts";
import * as NarinfoDocument from "../../src/formats/NarinfoDocument.ts";
import * as Fixture from "./narinfoFixture.ts";

const lines = (...each: ReadonlyArray<string>) => each.join("\n");

/** Files that caches have served, with what ncps makes of their NAR. */
const published = [
  {
    title: "an uncompressed NAR with the narinfo's hash in its query, no final newline",
    hash: "jiwdym6f9w6v5jcbqf5wn7fmg11v5q0j",
    text: lines(
      "StorePath: /nix/store/jiwdym6f9w6v5jcbqf5wn7fmg11v5q0j-hello-2.12.1",
      "URL: nar/14vg46h9nbbqgbrbszrqm48f0bgzj6c4q3wkkcjf6gp53g8b21gh.nar?hash=jiwdym6f9w6v5jcbqf5wn7fmg11v5q0j",
      "Compression: none",
      "FileHash: sha256:14vg46h9nbbqgbrbszrqm48f0bgzj6c4q3wkkcjf6gp53g8b21gh",
      "FileSize: 226488",
      "NarHash: sha256:14vg46h9nbbqgbrbszrqm48f0bgzj6c4q3wkkcjf6gp53g8b21gh",
      "NarSize: 226488",
      "References: 9v5d40jyvmwgnq1nj8f19ji2rcc5dksd-glibc-2.37-45 jiwdym6f9w6v5jcbqf5wn7fmg11v5q0j-hello-2.12.1",
      "Deriver: ar3xg083a9gqx3jh5y9d6drvrfz56xw0-hello-2.12.1.drv",
      "Sig: cache.nixos.org-1:r4K0R7wHd5JnbP+BtO7LoAO65petsBxwfIxd6Dqh4fShZHw8Ot8NNfKvO2EuRP+KWtvSLYEotUGMDGtcLqxyCQ==",
    ),
    nar: {
      hash: "14vg46h9nbbqgbrbszrqm48f0bgzj6c4q3wkkcjf6gp53g8b21gh",
      compression: "none",
      query: "hash=jiwdym6f9w6v5jcbqf5wn7fmg11v5q0j",
      fileSize: 226488n,
    },
  },
  {
    title: "a hex FileHash, an unknown deriver, two signatures",
    hash: "00bgd045z0d4icpbc2yyz4gx48ak44la",
    text: lines(
      "",
      "StorePath: /nix/store/00bgd045z0d4icpbc2yyz4gx48ak44la-net-tools-1.60_p20170221182432",
      "URL: nar/1094wph9z4nwlgvsd53abfz8i117ykiv5dwnq9nnhz846s7xqd7d.nar.xz",
      "Compression: xz",
      "FileHash: sha256:ed34dc8f36047d686dc296b7b2e3f4278488be5b6a94a6f7a3dc929fe0e52481",
      "FileSize: 114980",
      "NarHash: sha256:0lxjvvpr59c2mdram7ympy5ay741f180kv3349hvfc3f8nrmbqf6",
      "NarSize: 464152",
      "References: 7gx4kiv5m0i7d7qkixq2cwzbr10lvxwc-glibc-2.27",
      "Deriver: unknown-deriver",
      "Sig: cache.nixos.org-1:sn5s/RrqEI+YG6/PjwdbPjcAC7rcta7sJU4mFOawGvJBLsWkyLtBrT2EuFt/LJjWkTZ+ZWOI9NTtjo/woMdvAg==",
      "Sig: hydra.other.net-1:JXQ3Z/PXf0EZSFkFioa4FbyYpbbTbHlFBtZf4VqU0tuMTWzhMD7p9Q7acJjLn3jofOtilAAwRILKIfVuyrbjAA==",
      "",
    ),
    nar: {
      hash: "1094wph9z4nwlgvsd53abfz8i117ykiv5dwnq9nnhz846s7xqd7d",
      compression: "xz",
      query: "",
      fileSize: 114980n,
    },
  },
  {
    title: "a hex hash in the URL, no references, no deriver",
    hash: "yj1wxm9hh8610iyzqnz75kvs6xl8j3my",
    text: lines(
      "StorePath: /nix/store/yj1wxm9hh8610iyzqnz75kvs6xl8j3my-source",
      "URL: nar/504dd9a697cdfa0ddc22552ca66b3322afd52beee44642419d0fff83bb9071e2.nar.zst",
      "Compression: zstd",
      "FileHash: sha256:504dd9a697cdfa0ddc22552ca66b3322afd52beee44642419d0fff83bb9071e2",
      "FileSize: 1126",
      "NarHash: sha256:1bzg89hgcr2gvza35vqi4n1jbb2gz1yg4b8p7gry4ihsj2mnnbap",
      "NarSize: 2440",
      "Sig: nix-community.cachix.org-1:wKpIFGNnM2hyGkGUaX+qhMhYzEwMio7o4RayDDD/BUF0eOOzp2aRzFWFSgRoqyJf7DygEIGFHPuk1gFDbhyJBQ==",
    ),
    nar: {
      hash: "504dd9a697cdfa0ddc22552ca66b3322afd52beee44642419d0fff83bb9071e2",
      compression: "zstd",
      query: "",
      fileSize: 1126n,
    },
  },
];

describe("Narinfo, as published", () => {
  it.each(published)("understands $title", ({ hash, nar, text }) => {
    const narinfo = Either.getOrThrow(Narinfo.parse(Fixture.encode(text)));
    expect(Either.getOrThrow(NarinfoDocument.make(narinfo, hash))).toMatchObject({ hash, nar, upstreamUrl: null });
    for (const line of text.split("\n").filter((each) => each !== "" && each !== "Deriver: unknown-deriver")) {
      expect(Narinfo.render(narinfo)).toContain(`${line}\n`);
    }
  });
});
