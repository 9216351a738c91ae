/** Rows of many narinfos as the text that servers load in bulk: tabs between fields, a line per row, nothing that needs escaping. */
import * as ValidNarinfos from "../support/ValidNarinfos.ts";
import type { Load, Loaded } from "./Engine.ts";

/** Numbers of all narinfos in key order: that in which a folder is listed, and the cheapest one for a database. */
export const inKeyOrder = (items: number): ReadonlyArray<number> => {
  const hashes = Array.from({ length: items }, (_, number) => ValidNarinfos.at(number, items).hash);
  return Array.from(hashes.keys()).sort((a, b) => hashes[a]! < hashes[b]! ? -1 : 1);
};

/** Parents before their children. */
const columns = {
  narinfos:
    "id, hash, store_path, url, compression, file_hash, file_size, nar_hash, nar_size, deriver, created_at, last_accessed_at",
  narinfo_references: "narinfo_id, reference",
  narinfo_signatures: "narinfo_id, signature",
  nar_files: "id, hash, compression, query, file_size, created_at, last_accessed_at",
  narinfo_nar_files: "narinfo_id, nar_file_id",
};

type Table = keyof typeof columns;

export interface Part {
  readonly table: Table;
  readonly columns: string;
  readonly chunks: ReadonlyArray<Buffer>;
}

/** Rows per buffer: some hundred kilobytes, which no driver has to take apart. */
const rowsPerChunk = 2000;

const partsOf = (numbers: ReadonlyArray<number>, firstId: number, items: number): ReadonlyArray<Part> => {
  const now = new Date().toISOString().slice(0, 19).replace("T", " ");
  const chunks: Readonly<Record<Table, Array<Buffer>>> = {
    narinfos: [],
    narinfo_references: [],
    narinfo_signatures: [],
    nar_files: [],
    narinfo_nar_files: [],
  };
  for (let from = 0; from < numbers.length; from += rowsPerChunk) {
    const texts: Record<Table, string> = {
      narinfos: "",
      narinfo_references: "",
      narinfo_signatures: "",
      nar_files: "",
      narinfo_nar_files: "",
    };
    const to = Math.min(from + rowsPerChunk, numbers.length);
    for (let index = from; index < to; index++) {
      const row = ValidNarinfos.at(numbers[index]!, items);
      const id = firstId + index;
      texts.narinfos += `${id}\t${row.hash}\t${row.storePath}\t${row.url}\txz\t${row.fileHash}\t${row.fileSize}\t`
        + `${row.narHash}\t${row.narSize}\t${row.deriver}\t${now}\t${now}\n`;
      for (const other of row.references) texts.narinfo_references += `${id}\t${other}\n`;
      texts.narinfo_signatures += `${id}\t${row.signature}\n`;
      texts.nar_files += `${id}\t${row.nar}\txz\t\t${row.fileSize}\t${now}\t${now}\n`;
      texts.narinfo_nar_files += `${id}\t${id}\n`;
    }
    for (const table of Object.keys(columns) as ReadonlyArray<Table>) chunks[table].push(Buffer.from(texts[table]));
  }
  return (Object.keys(columns) as ReadonlyArray<Table>)
    .map((table) => ({ table, columns: columns[table], chunks: chunks[table] }));
};

/** Narinfos made ahead while the clock stands still: some hundred megabytes of text. */
const ahead = 100_000;

/** Loads all narinfos through these sessions at once, each a run of neighbouring keys at a time, table by table. */
export const load = async (
  { items }: Pick<Load, "items">,
  sessions: ReadonlyArray<(part: Part) => Promise<void>>,
): Promise<Loaded> => {
  const order = inKeyOrder(items);
  let millis = 0;
  let cpuMicros = 0;
  const marks: Array<Loaded["marks"][number]> = [];
  for (let from = 0; from < items; from += ahead) {
    const numbers = order.slice(from, from + ahead);
    const each = Math.ceil(numbers.length / sessions.length);
    const shares = sessions.map((_, index) =>
      partsOf(numbers.slice(index * each, (index + 1) * each), 1 + from + index * each, items)
    );
    const begun = performance.now();
    const cpuBefore = process.cpuUsage();
    await Promise.all(sessions.map(async (copy, index) => {
      for (const part of shares[index]!) await copy(part);
    }));
    millis += performance.now() - begun;
    const { system, user } = process.cpuUsage(cpuBefore);
    cpuMicros += system + user;
    marks.push({ narinfos: from + numbers.length, millis });
  }
  return { millis, cpuMillis: cpuMicros / 1000, marks };
};
