/**
 * `npm run demo`: makes a sample of an ncps cache in .demo/ and migrates it with the built tool, as an operator would. Ends with 0 when
 * everything went as it must: also that what is broken in the sample stays behind, and is reported.
 */
import { spawnSync } from "node:child_process";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { ensureBuilt, ensureInstalled, main, root } from "./bootstrap.mjs";
import { importTypeScript } from "./importTypeScript.mjs";

const folder = join(root, ".demo");
const tables = ["narinfos", "narinfo_references", "narinfo_signatures", "nar_files", "narinfo_nar_files"];
const narinfos = 3000;

const say = (text) => console.log(`\n# ${text}`);

/** Shows a command and its output; an exit code that was not expected ends the demo. */
const runner = (variables) => (args, expected) => {
  console.log(`\n$ pipeline ${args.map((word) => word.includes(" ") ? `'${word}'` : word).join(" ")}`);
  const { error, status } = spawnSync(process.execPath, [join(root, "dist", "bin.js"), ...args], {
    cwd: folder,
    env: { ...process.env, PIPELINE_ENV: "", ...variables },
    stdio: "inherit",
  });
  if (error !== undefined) throw error;
  console.log(`(exit ${status})`);
  if (status !== expected) throw new Error(`pipeline ${args.join(" ")} ended with ${status}, not with ${expected}`);
};

await main(async () => {
  ensureInstalled();
  await ensureBuilt();
  const { default: Database } = await import("better-sqlite3");
  const { make } = await importTypeScript("scripts/demoCache.ts");
  const { storage, database } = make({ folder, ddl: join(root, "schemas", "ncps-sqlite.sql"), narinfos });
  const variables = { CACHE_STORAGE_LOCAL: storage, CACHE_DATABASE_URL: `sqlite:${database}` };
  const pipeline = runner(variables);
  const showCounts = () => {
    const connection = new Database(database, { readonly: true });
    const count = (what) => connection.prepare(`SELECT count(*) FROM ${what}`).pluck().get();
    const files = readdirSync(storage, { recursive: true }).filter((name) => name.endsWith(".narinfo")).length;
    for (const table of tables) console.log(`  ${String(count(table)).padStart(6)}  ${table}`);
    console.log(
      `  ${String(count("narinfos WHERE url <> ''")).padStart(6)}  of the narinfos complete, the others stubs`,
    );
    console.log(`  ${String(files).padStart(6)}  narinfo files in storage`);
    connection.close();
  };

  say(
    `A sample of an ncps cache is in .demo/: ${narinfos} narinfos of all kinds, some of them broken, migrated already, or stubs.`,
  );
  showCounts();
  say("ncps' own variables are all that the tool is told:");
  for (const [name, value] of Object.entries(variables)) console.log(`export ${name}=${value}`);
  pipeline(["validate"], 0);
  pipeline(["plan", "narinfo-to-db"], 0);

  say("The run. Its exit code is 1, because what is broken stays where it is until somebody has looked at it.");
  pipeline(["run", "narinfo-to-db"], 1);
  pipeline(["status"], 0);
  pipeline(["quarantine", "list", "--limit", "5"], 0);

  say("Once it has been looked at, it can be accepted: then a run reports it no more, and ends with 0.");
  pipeline(["quarantine", "accept", "--all", "--note", "broken in the sample"], 0);
  pipeline(["run", "narinfo-to-db"], 0);

  say("What is in the database now, and what is left in storage:");
  showCounts();
});
