/**
 * Keeps every better-sqlite3 statement, and its database with it, for as long as the thread lives; equal texts share one.
 *
 * Compiled with the headers of Node 24.19 and later, better-sqlite3 12 ends the process (`RemoveEnvironmentCleanupHook`) when the garbage
 * collector frees one of its objects: https://github.com/WiseLibs/better-sqlite3/issues/1515. What is kept is never freed. All our texts are constant,
 * so this is a few dozen statements per connection.
 */
import Database from "better-sqlite3";

const statements = new Map<Database.Database, Map<string, Database.Statement>>();

const prepare = Database.prototype.prepare as (this: Database.Database, text: string) => Database.Statement;

const prepareOnce = function(this: Database.Database, text: string): Database.Statement {
  let known = statements.get(this);
  if (known === undefined) {
    known = new Map();
    statements.set(this, known);
  }
  let statement = known.get(text);
  if (statement === undefined) {
    statement = prepare.call(this, text);
    known.set(text, statement);
  } else if (statement.reader) {
    // As a new one would be, whatever its last user made of it.
    statement.raw(false).pluck(false).expand(false);
  }
  return statement;
};

/** better-sqlite3's own makes a statement each time, past `prepare`. */
const pragma = function(this: Database.Database, text: string, options?: Database.PragmaOptions): unknown {
  const statement = this.prepare(`PRAGMA ${text}`);
  if (!statement.reader) {
    statement.run();
    return options?.simple === true ? undefined : [];
  }
  return options?.simple === true ? statement.pluck().get() : statement.all();
};

Object.assign(Database.prototype, { prepare: prepareOnce, pragma });

export default Database;
