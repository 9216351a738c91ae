/** PostgreSQL at stock settings; its raw limit is COPY. */
import { Effect } from "effect";
import { readFileSync } from "node:fs";
import { Client, type Submittable } from "pg";
import * as Server from "../../support/servers/Postgres.ts";
import { counted, type Database, type Engine, type Load, stubInserts } from "../Engine.ts";
import * as Folders from "../Folders.ts";
import * as Process from "../Process.ts";
import * as RawRows from "../RawRows.ts";

/** The benchmark is started at the root of the repository. */
const schema = () => readFileSync("schemas/ncps-postgres.sql", "utf8");

/** What the package's own settings say; tests run with less. */
const stock = { shared_buffers: "128MB" };

const open = (folder: string, stubs: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const server = yield* Folders.within(folder, Server.make({ settings: stock }));
    const url = yield* server.database(schema());
    const database = new URL(url).pathname.slice(1);
    for (const insert of stubInserts(stubs)) yield* server.query(insert, database);
    for (const settle of ["VACUUM ANALYZE", "CHECKPOINT"]) yield* server.query(settle, database);
    const number = async (rows: string, value = "count(*)"): Promise<number> => {
      const [row] = await Effect.runPromise(server.query(`SELECT ${value} AS value FROM ${rows}`, database));
      return Number(row!["value"] ?? 0);
    };
    return {
      url,
      counts: async () => {
        const found: Record<string, number> = {};
        for (const [name, rows] of Object.entries(counted)) found[name] = await number(rows);
        return found;
      },
      narinfosSoFar: () => number("narinfos", "max(id)"),
      cpuMillis: () => Process.cpuMillisIn(server.folder),
    } satisfies Database;
  });

/** What `pg` calls on a query it did not make; typed here because its own types leave it out. */
interface Wire {
  query(text: string): void;
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
  readonly stream: NodeJS.WritableStream & { readonly writableNeedDrain: boolean };
}

/** COPY … FROM STDIN of these chunks. */
class CopyIn implements Submittable {
  readonly #text: string;
  readonly #chunks: ReadonlyArray<Buffer>;
  readonly #done: (error?: Error) => void;

  constructor(text: string, chunks: ReadonlyArray<Buffer>, done: (error?: Error) => void) {
    this.#text = text;
    this.#chunks = chunks;
    this.#done = done;
  }

  submit(connection: unknown): void {
    (connection as Wire).query(this.#text);
  }

  handleCopyInResponse(connection: Wire): void {
    let next = 0;
    const send = (): void => {
      while (next < this.#chunks.length) {
        connection.sendCopyFromChunk(this.#chunks[next++]!);
        if (connection.stream.writableNeedDrain) {
          connection.stream.once("drain", send);
          return;
        }
      }
      connection.endCopyFrom();
    };
    send();
  }

  handleCommandComplete(): void {}

  handleReadyForQuery(): void {
    this.#done();
  }

  handleError(error: Error): void {
    this.#done(error);
  }
}

const sessions = 2;

const loadRaw = async ({ items, url }: Load) => {
  const clients = Array.from({ length: sessions }, () => new Client(url));
  await Promise.all(clients.map((client) => client.connect()));
  try {
    return await RawRows.load(
      { items },
      clients.map((client) => ({ chunks, columns, table }) =>
        new Promise<void>((resolve, reject) => {
          client.query(
            new CopyIn(`COPY ${table} (${columns}) FROM STDIN`, chunks, (error) => error ? reject(error) : resolve()),
          );
        })
      ),
    );
  } finally {
    await Promise.all(clients.map((client) => client.end()));
  }
};

export const engine: Engine = {
  limit: `COPY into the five tables, ids known, ${sessions} sessions`,
  goals: { sink: 0.7, stubs: 0.5, whole: 0.5, locked: 0.45, memoryMiB: 256 },
  // The middle of 698 and 717 measured.
  ncpsRate: 708,
  open,
  loadRaw,
};
