// Bundles the operator into one file a program, so that the image needs no node_modules.
// usage: node images/operator/bundle.ts OUTPUT_DIRECTORY
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, join, resolve } from "node:path";
import { build, type Metafile } from "esbuild";

// The second is started by the first for each layer that it looks through; src/formats/scanner.ts knows it by this name.
// The third is what import Jobs run; src/importing/plan.ts knows it by this name. The fourth is what `helm test` runs.
const programs = {
  main: "src/main.ts",
  "format-scan": "src/formats/child.ts",
  importer: "src/importing/program/main.ts",
  "installation-check": "src/installation/main.ts",
};

const repository = resolve(import.meta.dirname, "../..");
const output = process.argv[2];
if (output === undefined) throw new Error("usage: bundle.ts OUTPUT_DIRECTORY");

const result = await build({
  absWorkingDir: repository,
  entryPoints: programs,
  bundle: true,
  splitting: true,
  platform: "node",
  format: "esm",
  target: "node24",
  // Error and class names are part of log lines and metrics.
  keepNames: true,
  // The text stays in memory as long as the process. One character of another alphabet, in a comment, would double it.
  minifyWhitespace: true,
  minifySyntax: true,
  sourcemap: true,
  outExtension: { ".js": ".mjs" },
  // CommonJS dependencies call require(), which a module does not have.
  banner: { js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);' },
  legalComments: "none",
  metafile: true,
  logLevel: "warning",
  // Source maps name their sources relative to the output. A fixed place, that nothing is written to, keeps the
  // bundle the same wherever it is built.
  outdir: "build/image",
  write: false,
});

mkdirSync(output, { recursive: true });
for (const file of result.outputFiles) writeFileSync(join(output, basename(file.path)), file.contents);
writeFileSync(join(output, "THIRD_PARTY_LICENSES.txt"), licencesOf(result.metafile));

/** Most licences ask that their text goes along with every copy. */
function licencesOf(metafile: Metafile): string {
  const packages = new Set<string>();
  for (const input of Object.keys(metafile.inputs)) {
    const directory = /^.*node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (directory !== undefined) packages.add(directory);
  }
  return [...packages].sort().map(licenceOf).join("\n");
}

function licenceOf(directory: string): string {
  const root = join(repository, directory);
  const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, string>;
  const texts = readdirSync(root)
    .filter((file) => /^(licen[cs]e|copying|notice)/i.test(file))
    .sort()
    .map((file) => readFileSync(join(root, file), "utf8").trim());
  return [`## ${manifest["name"]} ${manifest["version"]} (${manifest["license"]})`, ...texts, ""].join("\n\n");
}
