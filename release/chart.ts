// The chart with the image that it was released with, by digest, in a directory of its own.
// usage: node release/chart.ts OUTPUT_DIRECTORY REPOSITORY DIGEST
import { cpSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseDocument } from "yaml";

const [output, repository, digest] = process.argv.slice(2);
if (output === undefined || repository === undefined || digest === undefined)
  throw new Error("usage: chart.ts OUTPUT_DIRECTORY REPOSITORY DIGEST");
cpSync("charts/mlsecops-operator", output, { recursive: true });
const file = join(output, "values.yaml");
const values = parseDocument(readFileSync(file, "utf8"));
values.setIn(["image", "repository"], repository);
values.setIn(["image", "digest"], digest);
writeFileSync(file, values.toString({ lineWidth: 0 }));
