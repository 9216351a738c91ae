/** What happened to the rows of a database, told by itself: triggers write it down in the transaction in which it happens. */
import Database from "better-sqlite3";

/** `written`: a full row where there was none or a stub; `rewritten`: anything but times changed in a full one; `purged`: a full one went. */
export interface Event {
  readonly hash: string;
  readonly event: "written" | "rewritten" | "purged";
  readonly actor: "runner" | "rival";
}

const content = [
  "hash",
  "store_path",
  "url",
  "upstream_url",
  "compression",
  "file_hash",
  "file_size",
  "nar_hash",
  "nar_size",
  "deriver",
  "system",
  "ca",
  "created_at",
  "updated_at",
];
const all = (of: "OLD" | "NEW"): string => content.map((column) => `${of}.${column}`).join(", ");
const isFull = (of: "OLD" | "NEW"): string => `coalesce(${of}.url, '') <> ''`;
const note = (of: "OLD" | "NEW", event: Event["event"]): string =>
  `BEGIN INSERT INTO history (hash, event) VALUES (${of}.hash, '${event}'); END`;

const triggers = `
CREATE TABLE history (
  id INTEGER PRIMARY KEY,
  hash TEXT NOT NULL,
  event TEXT NOT NULL,
  actor TEXT NOT NULL DEFAULT 'runner'
);
CREATE TRIGGER inserted AFTER INSERT ON narinfos WHEN ${isFull("NEW")} ${note("NEW", "written")};
CREATE TRIGGER filled AFTER UPDATE ON narinfos WHEN NOT ${isFull("OLD")} AND ${isFull("NEW")} ${note("NEW", "written")};
CREATE TRIGGER updated AFTER UPDATE ON narinfos WHEN ${isFull("OLD")} AND (${all("OLD")}) IS NOT (${all("NEW")})
  ${note("OLD", "rewritten")};
CREATE TRIGGER deleted AFTER DELETE ON narinfos WHEN ${isFull("OLD")} ${note("OLD", "purged")};
`;

export const begin = (database: string): void => {
  const db = new Database(database);
  db.exec(triggers);
  db.close();
};

/** For the rival, in its transaction: the last event is its own. */
export const claimLast = "UPDATE history SET actor = 'rival' WHERE id = (SELECT max(id) FROM history)";

/** In the order of commits. */
export const read = (database: string): ReadonlyArray<Event> => {
  const db = new Database(database, { readonly: true });
  const events = db.prepare("SELECT hash, event, actor FROM history ORDER BY id").all() as Array<Event>;
  db.close();
  return events;
};
