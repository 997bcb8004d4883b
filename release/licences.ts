// Fails where a package that is shipped or built with has a licence that nobody has looked at: node release/licences.ts
import { readFileSync } from "node:fs";
import { z } from "zod";

/** Each lets others use, change and pass on what is made with it, under terms of their own. */
const accepted = new Set([
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "CC0-1.0",
  "ISC",
  "MIT",
  "MIT-0",
  "PSF-2.0",
  "Python-2.0",
  "Unlicense",
  "Zlib",
]);

const Lock = z.object({
  packages: z.record(z.string(), z.object({ version: z.string().optional(), license: z.string().optional() })),
});

const { packages } = Lock.parse(JSON.parse(readFileSync("package-lock.json", "utf8")));
const others = Object.entries(packages)
  .filter(([path]) => path !== "")
  .flatMap(([path, { version = "", license = "none" }]) => {
    // Of several, one is enough; of a sum, each is needed.
    const choices = license.replaceAll(/[()]/g, "").split(" OR ");
    const isAccepted = choices.some((choice) => choice.split(" AND ").every((one) => accepted.has(one)));
    return isAccepted ? [] : [`${path.replace(/^.*node_modules\//, "")} ${version}: ${license}`];
  });
if (others.length > 0) {
  process.stderr.write(`licences that are not in the list of release/licences.ts:\n  ${others.join("\n  ")}\n`);
  process.exitCode = 1;
}
