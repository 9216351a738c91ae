/** What runs in a process of its own, so that one measurement leaves no heap to the next. */
import { Effect, Either } from "effect";
import { readFileSync } from "node:fs";
import { registry } from "../../src/builtins.ts";
import type { Item } from "../../src/core/Item.ts";
import * as Connections from "../../src/drivers/Connections.ts";
import { sinkSettings } from "../../src/engine/Inspect.ts";
import * as Narinfo from "../../src/formats/Narinfo.ts";
import * as NarinfoDocument from "../../src/formats/NarinfoDocument.ts";
import * as NarinfoKey from "../../src/formats/NarinfoKey.ts";
import * as LoadSpec from "../../src/spec/Load.ts";
import * as ValidNarinfos from "../support/ValidNarinfos.ts";
import * as Catalogue from "./Catalogue.ts";
import type { Load, Loaded } from "./Engine.ts";
import * as RawRows from "./RawRows.ts";
import type { Storage } from "./Storage.ts";

interface File {
  readonly key: string;
  readonly bytes: Uint8Array;
}

const encoder = new TextEncoder();

const filesOf = (items: number): ReadonlyArray<File> =>
  RawRows.inKeyOrder(items).map((number) => {
    const { key, text } = ValidNarinfos.at(number, items);
    return { key, bytes: encoder.encode(text) };
  });

/** Parses and validates as the two narinfo transforms do. */
const documentOf = ({ bytes, key }: File): NarinfoDocument.NarinfoDocument =>
  Either.getOrThrow(NarinfoDocument.make(
    Either.getOrThrow(Narinfo.parse(bytes)),
    Either.getOrThrow(NarinfoKey.hashOf(key)),
  ));

/** The shipped pipeline on this database, but for these settings. */
const shipped = (url: string, sets: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const file = (name: string) => ({ path: name, text: readFileSync(name, "utf8") });
    const loaded = yield* LoadSpec.loadProject({
      project: file("ncps-pipeline.yaml"),
      env: { CACHE_STORAGE_LOCAL: ".", CACHE_DATABASE_URL: url },
      sets,
      readSecretFile: () => Effect.fail("the benchmark has no secrets"),
    });
    const pipeline = { name: "narinfo-to-db", ...file("pipelines/narinfo-to-db.yaml") };
    const { findings, spec } = yield* LoadSpec.loadPipeline(loaded, pipeline, registry);
    if (spec === undefined) return yield* Effect.fail(new Error(findings.map(({ message }) => message).join("; ")));
    return { project: loaded.project!, spec };
  });

interface SinkInput {
  readonly items: number;
  readonly url: string;
  readonly sets: ReadonlyArray<string>;
}

export interface SinkOutput {
  readonly millis: number;
  readonly cpuMillis: number;
  /** Documents per transaction. */
  readonly batch: number;
  readonly wrote: number;
}

/** The shipped sink alone: documents that are in memory already, written in the largest batches the pipeline allows. */
const sink = ({ items, sets, url }: SinkInput): Promise<SinkOutput> =>
  Effect.gen(function*() {
    const { project, spec } = yield* shipped(url, sets);
    const { batch: { items: { max: batch } }, component, concurrency, options } = spec.sink;
    const settings = sinkSettings(spec, registry);
    const documents = filesOf(items).map((file): Item => ({
      key: file.key,
      position: file.key,
      origin: { version: "", sha256: "" },
      value: documentOf(file),
      weight: 1,
      bytes: file.bytes.length,
    }));
    const batches = Array.from(
      { length: Math.ceil(items / batch) },
      (_, index) => documents.slice(index * batch, (index + 1) * batch),
    );
    return yield* Effect.gen(function*() {
      const { facts } = yield* component.inspect(options, settings);
      const opened = yield* component.open(options, settings, facts, "write");
      const begun = performance.now();
      const cpuBefore = process.cpuUsage();
      const answers = yield* Effect.forEach(batches, opened.write, { concurrency: concurrency.max });
      const millis = performance.now() - begun;
      const { system, user } = process.cpuUsage(cpuBefore);
      return {
        millis,
        cpuMillis: (system + user) / 1000,
        batch,
        wrote: answers.flat().filter(({ _tag }) => _tag === "Wrote").length,
      };
    }).pipe(Effect.scoped, Effect.provide(Connections.layer(project)));
  }).pipe(Effect.runPromise);

interface ParserInput {
  readonly items: number;
  readonly runs: number;
}

export interface ParserOutput {
  /** Narinfos per second of each pass. */
  readonly parse: ReadonlyArray<number>;
  /** Parsed as well. */
  readonly validate: ReadonlyArray<number>;
}

/** A first pass that is not counted lets the compiler warm up. */
const parser = ({ items, runs }: ParserInput): ParserOutput => {
  const files = filesOf(items);
  const rates = (pass: (file: File) => unknown) =>
    Array.from({ length: runs + 1 }, () => {
      const begun = performance.now();
      for (const file of files) pass(file);
      return items * 1000 / (performance.now() - begun);
    }).slice(1);
  return {
    parse: rates(({ bytes }) => Either.getOrThrow(Narinfo.parse(bytes))),
    validate: rates(documentOf),
  };
};

const raw = ({ engine, ...load }: Load & { readonly engine: Catalogue.EngineName }): Promise<Loaded> =>
  Catalogue.engines[engine].loadRaw(load);

const bare = ({ bare, storage }: { readonly bare: object; readonly storage: Catalogue.StorageName }) =>
  (Catalogue.storages[storage] as Storage).readBare!(bare);

const children: Readonly<Record<string, (input: any) => unknown>> = { raw, bare, sink, parser };

export const run = async (name: string, input: unknown): Promise<unknown> => children[name]!(input);
