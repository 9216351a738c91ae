/** Entry of `npm run bench`: the suite, or one of its children in a process of its own (`child NAME INPUT`). */
import { writeFileSync } from "node:fs";
import * as Children from "./Children.ts";
import * as Options from "./Options.ts";
import * as Report from "./Report.ts";
import * as Suite from "./Suite.ts";

const [role, name, input] = process.argv.slice(2);
if (role === "child") {
  process.stdout.write(JSON.stringify(await Children.run(name!, JSON.parse(input!))));
} else {
  const options = Options.parse(process.argv.slice(2));
  if (typeof options === "string") {
    process.stdout.write(`${options}\n`);
    process.exitCode = 2;
  } else {
    const results = await Suite.run(options);
    process.stdout.write(`\n${Report.text(results)}\n`);
    if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(results, null, 2)}\n`);
  }
}
