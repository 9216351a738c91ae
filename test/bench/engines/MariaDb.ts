/** MariaDB at stock settings; its raw limit is LOAD DATA. */
import { Effect } from "effect";
import { createConnection } from "mysql2/promise";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import * as Server from "../../support/servers/MariaDb.ts";
import { counted, type Database, type Engine, type Load, stubInserts } from "../Engine.ts";
import * as Folders from "../Folders.ts";
import * as Process from "../Process.ts";
import * as RawRows from "../RawRows.ts";

/** The benchmark is started at the root of the repository. */
const schema = () => readFileSync("schemas/ncps-mysql.sql", "utf8");

/** What the server takes without being told; tests run with less. */
const stock = { "innodb-buffer-pool-size": "128M", "innodb-log-file-size": "96M" };

const open = (folder: string, stubs: ReadonlyArray<string>) =>
  Effect.gen(function*() {
    const server = yield* Folders.within(folder, Server.make({ settings: stock }));
    const url = yield* server.database(schema());
    const database = new URL(url).pathname.slice(1);
    for (const insert of stubInserts(stubs)) yield* server.query(insert, database);
    const number = async (rows: string, value = "count(*)"): Promise<number> => {
      const ask = `SET sql_mode = 'PIPES_AS_CONCAT'; SELECT ${value} AS value FROM ${rows}`;
      const [row] = await Effect.runPromise(server.query(ask, database));
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

const sessions = 2;

const loadRaw = async ({ items, url }: Load) => {
  const connections = await Promise.all(Array.from({ length: sessions }, () => createConnection(url)));
  try {
    return await RawRows.load(
      { items },
      connections.map((connection) => async ({ chunks, columns, table }) => {
        await connection.query({
          sql: `LOAD DATA LOCAL INFILE 'rows' INTO TABLE ${table} (${columns})`,
          infileStreamFactory: () => Readable.from(chunks, { objectMode: false, highWaterMark: 1024 * 1024 }),
        });
      }),
    );
  } finally {
    await Promise.all(connections.map((connection) => connection.end()));
  }
};

export const engine: Engine = {
  limit: `LOAD DATA into the five tables, ids known, ${sessions} sessions`,
  goals: { sink: 0.55, stubs: 0.4, whole: 0.37, locked: 0.35, memoryMiB: 256 },
  // The middle of 466 and 482 measured.
  ncpsRate: 474,
  open,
  loadRaw,
};
