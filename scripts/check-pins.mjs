/** Dependencies are pinned exactly, so that every clone and every user runs what was tested. */
import { readFileSync } from "node:fs";

const { dependencies, devDependencies } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));

const loose = Object.entries({ ...dependencies, ...devDependencies }).filter(([, range]) =>
  !/^\d+\.\d+\.\d+$/.test(range)
);
for (const [name, range] of loose) console.error(`package.json: ${name} is "${range}", not an exact version`);
if (loose.length > 0) process.exitCode = 1;
