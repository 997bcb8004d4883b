// The bill of materials of an image, CycloneDX 1.6, to standard output. The same image gives the same text.
// usage: node release/sbom.ts < one line of images/build --json
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { Enums, Models, Serialize, Spec } from "@cyclonedx/cyclonedx-library";
import { BuiltImage } from "./built-image.ts";
import { type Part, partsOf } from "./parts.ts";

const image = BuiltImage.parse(JSON.parse(await text(process.stdin)));
const inputs = readFileSync(join(image.context, "../inputs"), "utf8");
const root = new Models.Component(Enums.ComponentType.Container, image.name, {
  bomRef: image.digest,
  purl: `pkg:oci/${image.name}@${encodeURIComponent(image.digest)}`,
  hashes: new Models.HashDictionary([[Enums.HashAlgorithm["SHA-256"], image.digest.replace("sha256:", "")]]),
});
const components = partsOf(image.context, inputs).map(componentOf);
const bom = new Models.Bom({
  metadata: new Models.Metadata({ component: root }),
  components: new Models.ComponentRepository(components),
});
for (const { bomRef } of components) root.dependencies.add(bomRef);
const serializer = new Serialize.JsonSerializer(new Serialize.JSON.Normalize.Factory(Spec.Spec1dot6));
process.stdout.write(serializer.serialize(bom, { sortLists: true, space: 2 }) + "\n");

function componentOf({ name, version, purl, licence, sha256, sha512 }: Part): Models.Component {
  return new Models.Component(Enums.ComponentType.Library, name, {
    bomRef: purl,
    version,
    purl,
    licenses: new Models.LicenseRepository(licence === undefined ? [] : [new Models.NamedLicense(licence)]),
    hashes: new Models.HashDictionary([
      ...(sha256 === undefined ? [] : [[Enums.HashAlgorithm["SHA-256"], sha256] as const]),
      ...(sha512 === undefined ? [] : [[Enums.HashAlgorithm["SHA-512"], sha512] as const]),
    ]),
  });
}
