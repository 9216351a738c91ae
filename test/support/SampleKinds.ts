/** The kinds of narinfos that lie in a real ncps, valid, migrated before and broken, and what must become of each. */
import { createHash } from "node:crypto";
import * as Nix32 from "../../src/formats/Nix32.ts";

export type Expected = "committed" | "already" | "conflict" | "rejected";

/** What a row of ncps says; absent columns are NULL. */
export interface SampleRow {
  readonly columns: Readonly<Record<string, string | number | null>>;
  readonly references: ReadonlyArray<string>;
  readonly signatures: ReadonlyArray<string>;
  readonly nar: {
    readonly hash: string;
    readonly compression: string;
    readonly query: string;
    readonly fileSize: number;
  } | undefined;
}

/** What lies in storage in place of a file. */
export type Marker = "symlink" | "folder" | "fifo";

/** Numbers and hashes that depend on the seed and the name asked for only. */
export interface Dice {
  readonly bytes: (name: string, length: number) => Buffer;
  readonly number: (name: string, below: number) => number;
  readonly pick: <A>(name: string, from: ReadonlyArray<A>) => A;
  readonly nix32: (name: string, bytes: number) => string;
}

export const diceOf = (seed: string): Dice => {
  const bytes = (name: string, length: number): Buffer =>
    createHash("shake256", { outputLength: length }).update(`${seed}/${name}`).digest();
  const number = (name: string, below: number) => bytes(name, 6).readUIntBE(0, 6) % below;
  return {
    bytes,
    number,
    pick: (name, from) => from[number(name, from.length)]!,
    nix32: (name, length) => Nix32.encode(bytes(name, length)),
  };
};

/** The lines of one narinfo, as pairs, so that kinds can spoil or rearrange them. */
type Lines = ReadonlyArray<readonly [key: string, value: string]>;

export interface Draft {
  readonly hash: string;
  readonly lines: Lines;
  /** The row that the lines mean. */
  readonly wanted: SampleRow;
}

const packages = [
  "bash-5.3p3",
  "binutils-2.44",
  "bzip2-1.0.8",
  "coreutils-9.8",
  "curl-8.16.0",
  "firefox-144.0",
  "gcc-14.3.0-lib",
  "gettext-0.25.1",
  "glibc-2.40-66",
  "gtk+3-3.24.51",
  "libX11-1.8.12",
  "libpng-apng-1.6.50",
  "linux-6.12.57",
  "ncurses-6.5",
  "nix-2.31.2",
  "nodejs-22.20.0",
  "openssl-3.6.0",
  "perl-5.42.0",
  "postgresql-17.6",
  "python3-3.13.8",
  "python3.13-requests-2.32.5",
  "rustc-1.90.0",
  "source",
  "sqlite-3.50.4",
  "systemd-257.10",
  "texlive-2025-env",
  "util-linux-2.41.2",
  "xz-5.8.1",
  "zlib-1.3.1",
  "zstd-1.5.7",
];

const extensions: Readonly<Record<string, string>> = {
  xz: ".xz",
  zstd: ".zst",
  bzip2: ".bz2",
  br: ".br",
  lz4: ".lz4",
  lzip: ".lzip",
  none: "",
};

interface Choices {
  readonly compression?: string;
  readonly encoding?: "nix32" | "hex" | "base64" | "sri";
  readonly url?: (nar: string, hash: string, dice: Dice) => string;
  /** The NAR file where the URL does not give it as it stands. */
  readonly nar?: (nar: string) => { readonly hash?: string; readonly query?: string };
  readonly references?: number;
  readonly signatures?: number;
  readonly file?: "both" | "hash" | "size" | "neither";
  readonly deriver?: "known" | "unknown" | "absent";
  readonly system?: string;
  readonly ca?: (dice: Dice) => string;
}

const encode = (bytes: Buffer, encoding: Choices["encoding"]): string => {
  if (encoding === "hex") return `sha256:${bytes.toString("hex")}`;
  if (encoding === "base64") return `sha256:${bytes.toString("base64")}`;
  return encoding === "sri" ? `sha256-${bytes.toString("base64")}` : `sha256:${Nix32.encode(bytes)}`;
};

const storeName = (dice: Dice, name: string) => `${dice.nix32(`${name} hash`, 20)}-${dice.pick(name, packages)}`;

const signatureOf = (dice: Dice, index: number): string =>
  `${["cache.nixos.org-1", "nix-community.cachix.org-1", "builder.example.org-2"][index % 3]}:${
    dice.bytes(`sig ${index}`, 64).toString("base64")
  }`;

export const draft = (dice: Dice, choices: Choices = {}): Draft => {
  const { compression = "xz", deriver = "known", encoding, file = "both" } = choices;
  const name = storeName(dice, "path");
  const hash = name.slice(0, 32);
  const fileBytes = dice.bytes("file", 32);
  const nar = encoding === "hex" ? fileBytes.toString("hex") : Nix32.encode(fileBytes);
  const narHash = encode(dice.bytes("nar", 32), encoding);
  const narSize = 120 + dice.number("nar size", 200_000_000);
  const fileSize = compression === "none" ? narSize : 100 + dice.number("file size", narSize);
  const url = choices.url?.(nar, hash, dice) ?? `nar/${nar}.nar${extensions[compression] ?? ""}`;
  const references = Array.from(
    { length: choices.references ?? dice.number("references", 7) },
    (_, index) => storeName(dice, `reference ${index}`),
  );
  const signatures = Array.from({ length: choices.signatures ?? 1 }, (_, index) => signatureOf(dice, index));
  const drv = `${dice.nix32("deriver", 20)}-${name.slice(33)}.drv`;
  const ca = choices.ca?.(dice);
  const fileHash = file === "both" || file === "hash" ? encode(fileBytes, encoding) : undefined;
  const shownSize = file === "both" || file === "size" ? fileSize : undefined;
  const lines: Array<readonly [string, string]> = [["StorePath", `/nix/store/${name}`], ["URL", url], [
    "Compression",
    compression,
  ]];
  if (fileHash !== undefined) lines.push(["FileHash", fileHash]);
  if (shownSize !== undefined) lines.push(["FileSize", String(shownSize)]);
  lines.push(["NarHash", narHash], ["NarSize", String(narSize)], ["References", references.join(" ")]);
  if (deriver !== "absent") lines.push(["Deriver", deriver === "known" ? drv : "unknown-deriver"]);
  if (choices.system !== undefined) lines.push(["System", choices.system]);
  for (const signature of signatures) lines.push(["Sig", signature]);
  if (ca !== undefined) lines.push(["CA", ca]);
  return {
    hash,
    lines,
    wanted: {
      columns: {
        hash,
        store_path: `/nix/store/${name}`,
        url,
        compression,
        file_hash: fileHash ?? null,
        file_size: shownSize ?? null,
        nar_hash: narHash,
        nar_size: narSize,
        deriver: deriver === "known" ? drv : null,
        system: choices.system ?? null,
        ca: ca ?? null,
      },
      references: references.toSorted(),
      signatures: signatures.toSorted(),
      nar: { hash: nar, compression, query: "", fileSize: shownSize ?? narSize, ...choices.nar?.(nar) },
    },
  };
};

/** As ncps and go-nix print them. */
export const print = (lines: Lines, lineEnd = "\n"): string =>
  lines.map(([key, value]) => `${key}: ${value}${lineEnd}`).join("");

export interface Kind {
  readonly expected: Expected;
  readonly code?: string;
  readonly choices?: Choices;
  /** What lies in storage, where it is not the draft as it would be printed. */
  readonly content?: (draft: Draft, dice: Dice) => string | Uint8Array | Marker;
  readonly key?: (draft: Draft, dice: Dice) => string;
  readonly row?: (draft: Draft, dice: Dice) => SampleRow;
  /** What the row must be, where it is not what the draft means. */
  readonly wanted?: (draft: Draft) => SampleRow;
}

const withColumns = (row: SampleRow, columns: SampleRow["columns"]): SampleRow => ({
  ...row,
  columns: { ...row.columns, ...columns },
});

const stub = (url: "" | null) => ({ hash }: Draft): SampleRow => ({
  columns: { hash, url },
  references: [],
  signatures: [],
  nar: undefined,
});

/** A line's value, or the line itself, replaced; `undefined` takes it out. */
const change = (key: string, value: string | ((before: string) => string) | undefined) => ({ lines }: Draft): string =>
  print(lines.flatMap((line) => {
    if (line[0] !== key) return [line];
    return value === undefined ? [] : [[key, typeof value === "string" ? value : value(line[1])] as const];
  }));

const also = (...more: Lines) => ({ lines }: Draft): string => print([...lines, ...more]);

export const pathOf = (hash: string): string => `store/narinfo/${hash[0]}/${hash.slice(0, 2)}/${hash}.narinfo`;

/** URLs that name no NAR hash: ncps serves the NAR under its NarHash and remembers where upstream has it. */
const opaque = (compression: string, url: string): Pick<Kind, "choices" | "wanted"> => ({
  choices: { compression, url: () => url },
  wanted: ({ wanted }) => {
    const hash = String(wanted.columns["nar_hash"]).slice("sha256:".length);
    const file = compression === "none" ? { file_hash: null, file_size: null } : {};
    return {
      ...withColumns(wanted, { url: `nar/${hash}.nar${extensions[compression]}`, upstream_url: url, ...file }),
      nar: { ...wanted.nar!, hash },
    };
  },
});

const rejected = (code: string, content: NonNullable<Kind["content"]>, choices: Choices = {}): Kind => ({
  expected: "rejected",
  code,
  content,
  choices,
});

export const valid: Readonly<Record<string, Kind>> = {
  xz: { expected: "committed" },
  zstd: { expected: "committed", choices: { compression: "zstd" } },
  bzip2: { expected: "committed", choices: { compression: "bzip2" } },
  br: { expected: "committed", choices: { compression: "br" } },
  lz4: { expected: "committed", choices: { compression: "lz4" } },
  lzip: { expected: "committed", choices: { compression: "lzip" } },
  "uncompressed": { expected: "committed", choices: { compression: "none", file: "neither" } },
  "uncompressed, with file hash": { expected: "committed", choices: { compression: "none" } },
  "no compression line": {
    expected: "committed",
    choices: { compression: "bzip2" },
    content: change("Compression", undefined),
  },
  "hex hashes": { expected: "committed", choices: { encoding: "hex" } },
  "base64 hashes": { expected: "committed", choices: { encoding: "base64" } },
  "SRI hashes": { expected: "committed", choices: { encoding: "sri" } },
  "no file hash": { expected: "committed", choices: { file: "size" } },
  "no file size": { expected: "committed", choices: { file: "hash" } },
  "no references": { expected: "committed", choices: { references: 0 } },
  "many references": { expected: "committed", choices: { references: 400 } },
  "a duplicate reference": {
    expected: "committed",
    choices: { references: 3 },
    content: change("References", (before) => `${before} ${before.split(" ")[0]}`),
  },
  "a reference to itself": {
    expected: "committed",
    choices: { references: 0 },
    content: (draft) => change("References", String(draft.wanted.columns["store_path"]).slice(11))(draft),
    wanted: ({ wanted }) => ({ ...wanted, references: [String(wanted.columns["store_path"]).slice(11)] }),
  },
  "no signature": { expected: "committed", choices: { signatures: 0 } },
  "three signatures": { expected: "committed", choices: { signatures: 3 } },
  "a duplicate signature": {
    expected: "committed",
    content: (draft) => also(["Sig", draft.wanted.signatures[0]!])(draft),
  },
  "content-addressed": { expected: "committed", choices: { ca: (dice) => `fixed:r:sha256:${dice.nix32("ca", 32)}` } },
  "text-addressed": { expected: "committed", choices: { ca: (dice) => `text:sha256:${dice.nix32("ca", 32)}` } },
  "unknown deriver": { expected: "committed", choices: { deriver: "unknown" } },
  "no deriver": { expected: "committed", choices: { deriver: "absent" } },
  "a system": { expected: "committed", choices: { system: "x86_64-linux" } },
  "URL with a query": {
    expected: "committed",
    choices: { url: (nar) => `nar/${nar}.nar.xz?b=2&a=1 x`, nar: () => ({ query: "a=1+x&b=2" }) },
  },
  "URL with a prefix": { expected: "committed", choices: { url: (nar, hash) => `nar/${hash}-${nar}.nar.xz` } },
  "URL of cachix": { expected: "committed", ...opaque("zstd", "nar/0a5e3f4c-9b1d-4c62-8f3a-7d2e1b6c5a49.nar.zst") },
  "URL of Attic": { expected: "committed", ...opaque("none", "nar/3n6gqmvjmzlyqfbq2qrv3q8h8k1h6k2x.nar") },
  "CRLF": { expected: "committed", content: ({ lines }) => print(lines, "\r\n") },
  "no final newline": {
    expected: "committed",
    content: ({ lines }) => print(lines).trimEnd(),
    choices: { references: 2 },
  },
  "blank lines": { expected: "committed", content: ({ lines }) => `\n${print(lines, "\n\n")}` },
  "another order": { expected: "committed", content: ({ lines }) => print(lines.toReversed()) },
  "empty deriver": { expected: "committed", choices: { deriver: "unknown" }, content: change("Deriver", "") },
};

export const stored: Readonly<Record<string, Kind>> = {
  "stub, NULL": { expected: "committed", row: stub(null) },
  "stub, empty": { expected: "committed", row: stub("") },
  "migrated before": { expected: "already", row: ({ wanted }) => wanted },
  "migrated and signed again": {
    expected: "already",
    row: ({ wanted }, dice) => ({ ...wanted, signatures: [...wanted.signatures, signatureOf(dice, 7)] }),
  },
  "migrated and stored uncompressed": {
    expected: "already",
    row: ({ wanted }) =>
      withColumns(wanted, {
        url: `nar/${wanted.nar!.hash}.nar`,
        compression: "none",
        file_hash: null,
        file_size: null,
      }),
  },
  "migrated with its hash in hex": {
    expected: "already",
    row: ({ wanted }, dice) => withColumns(wanted, { nar_hash: encode(dice.bytes("nar", 32), "hex") }),
  },
  "another NAR in its row": {
    expected: "conflict",
    code: "conflict/different",
    row: ({ wanted }, dice) => withColumns(wanted, { nar_hash: `sha256:${dice.nix32("other", 32)}` }),
  },
  "another reference in its row": {
    expected: "conflict",
    code: "conflict/different",
    choices: { references: 2 },
    row: ({ wanted }, dice) => ({ ...wanted, references: [...wanted.references, storeName(dice, "foreign")] }),
  },
  "a reference missing in its row": {
    expected: "conflict",
    code: "conflict/incomplete",
    choices: { references: 3 },
    row: ({ wanted }) => ({ ...wanted, references: wanted.references.slice(1) }),
  },
  "a signature missing in its row": {
    expected: "conflict",
    code: "conflict/incomplete",
    choices: { signatures: 2 },
    row: ({ wanted }) => ({ ...wanted, signatures: wanted.signatures.slice(1) }),
  },
};

export const broken: Readonly<Record<string, Kind>> = {
  "cut after a line": rejected("narinfo/missing-field", ({ lines }) => print(lines.slice(0, 3))),
  "cut within a line": rejected("narinfo/separator", ({ lines }) => `${print(lines.slice(0, 2))}Compr`),
  "empty": rejected("narinfo/missing-field", () => ""),
  "random bytes": rejected(
    "narinfo/encoding",
    (_, dice) => Buffer.concat([Buffer.from([0xff, 0xfe]), dice.bytes("random", 500)]),
  ),
  "invalid UTF-8": rejected(
    "narinfo/encoding",
    (draft) => Buffer.concat([Buffer.from(print(draft.lines)), Buffer.from("System: \xe9\n", "latin1")]),
  ),
  "zeros after a crash": rejected("narinfo/nul", ({ lines }) => `${print(lines.slice(0, 4))}${"\0".repeat(300)}`),
  "unknown key": rejected("narinfo/unknown-key", also(["NarSizes", "1"])),
  "no store path": rejected("narinfo/missing-field", change("StorePath", undefined)),
  "no URL": rejected("narinfo/missing-field", change("URL", undefined)),
  "no NAR hash": rejected("narinfo/missing-field", change("NarHash", undefined)),
  "no NAR size": rejected("narinfo/missing-field", change("NarSize", undefined)),
  "bad NAR hash": rejected("narinfo/hash-syntax", change("NarHash", (before) => before.slice(0, -1))),
  "hash without algorithm": rejected("narinfo/hash-syntax", change("NarHash", (before) => before.slice(7))),
  "bad size": rejected("narinfo/size-syntax", change("NarSize", "+120")),
  "size beyond int64": rejected("narinfo/size-range", change("NarSize", "9223372036854775808")),
  "NAR size 0": rejected("narinfo/nar-size-zero", change("NarSize", "0")),
  "bad signature": rejected("narinfo/signature", change("Sig", "cache.nixos.org-1:AAAA")),
  "a gap in the references": rejected(
    "narinfo/empty-reference",
    change("References", (before) => before.replace(" ", "  ")),
    { references: 3 },
  ),
  "bad reference": rejected("narinfo/reference", change("References", "ref0-not-a-store-path")),
  "bad store path": rejected("narinfo/store-path", change("StorePath", (before) => `${before}!`)),
  "bad deriver": rejected("narinfo/deriver", change("Deriver", "somewhere.drv")),
  "unknown compression": rejected("narinfo/compression", change("Compression", "zip")),
  "bad CA": rejected("narinfo/ca", also(["CA", "fixed:sha257:00"])),
  "second CA": rejected("narinfo/second-ca", also(["CA", "text:x"], ["CA", "text:x"])),
  "bad URL": rejected("narinfo/url-shape", change("URL", "nothing")),
  "bad URL extension": rejected("narinfo/url-extension", change("URL", (before) => before.replace(".xz", ".gz"))),
  "bad URL query": rejected("narinfo/url-query", change("URL", (before) => `${before}?a=%zz`)),
  "another path's name": {
    expected: "rejected",
    code: "narinfo/hash-mismatch",
    key: (_, dice) => pathOf(dice.nix32("misnamed", 20)),
  },
  "no hash for a name": {
    expected: "rejected",
    code: "narinfo/file-name",
    key: ({ hash }) => pathOf(hash).replace(hash, `${hash.slice(1)}e`),
  },
  "the wrong folder": {
    expected: "rejected",
    code: "narinfo/shard-path",
    key: ({ hash }) => `store/narinfo/misplaced/${hash}.narinfo`,
  },
  "a symlink": rejected("storage/symlink", () => "symlink"),
  "a folder": rejected("storage/folder-with-suffix", () => "folder"),
  "a FIFO": rejected("storage/not-a-file", () => "fifo"),
};
