// The predicate of an image's SLSA provenance (https://slsa.dev/spec/v1.0/provenance), to standard output.
// usage: node release/provenance.ts STARTED FINISHED < one line of images/build --json
// Times in RFC 3339. RELEASE_SOURCE and RELEASE_BUILDER say where the source is to be had, and who builds.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { execaSync } from "execa";
import { BuiltImage } from "./built-image.ts";
import { partsOf } from "./parts.ts";

const [startedOn, finishedOn] = process.argv.slice(2);
if (startedOn === undefined || finishedOn === undefined) throw new Error("usage: provenance.ts STARTED FINISHED");
const image = BuiltImage.parse(JSON.parse(await text(process.stdin)));
const inputs = readFileSync(join(image.context, "../inputs"), "utf8");
const gitCommit = execaSync("git", ["rev-parse", "HEAD"]).stdout;
const source = process.env["RELEASE_SOURCE"] ?? "urn:mlsecops-operator:source";

const predicate = {
  buildDefinition: {
    buildType: "https://mlsecops.io/release/image/v1",
    externalParameters: { source, commit: gitCommit, image: image.name },
    resolvedDependencies: [
      { uri: `git+${source}@${gitCommit}`, digest: { gitCommit } },
      ...partsOf(image.context, inputs).map(({ purl: uri, sha256, sha512 }) => ({
        uri,
        ...(sha256 === undefined && sha512 === undefined ? {} : { digest: { sha256, sha512 } }),
      })),
    ],
  },
  runDetails: {
    builder: { id: process.env["RELEASE_BUILDER"] ?? "https://mlsecops.io/release/by-hand" },
    metadata: { startedOn, finishedOn },
  },
};
process.stdout.write(JSON.stringify(predicate, undefined, 2) + "\n");
