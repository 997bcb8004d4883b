import assert from "node:assert/strict";
import fc from "fast-check";
import { readManifest } from "../../../src/trust/manifest.ts";
import { digestOf } from "./support/build.ts";
import { indexType, manifestType } from "./support/fake-registry.ts";

const descriptor = { mediaType: "application/octet-stream", digest: digestOf("a"), size: 1 };
const manifest = { schemaVersion: 2, mediaType: manifestType, config: descriptor, layers: [descriptor] };
const index = { schemaVersion: 2, mediaType: indexType, manifests: [descriptor] };
const read = (document: unknown, type: string): string | undefined =>
  readManifest(Buffer.from(JSON.stringify(document)), type)?.kind;

describe("manifests", () => {
  const cases: readonly (readonly [what: string, document: unknown, type: string, kind: string | undefined])[] = [
    ["a manifest", manifest, manifestType, "Manifest"],
    ["an index", index, indexType, "Index"],
    [
      "a Docker manifest",
      { ...manifest, mediaType: "application/vnd.docker.distribution.manifest.v2+json" },
      "application/vnd.docker.distribution.manifest.v2+json",
      "Manifest",
    ],
    ["a manifest that does not say its type", { ...manifest, mediaType: undefined }, manifestType, "Manifest"],
    ["a manifest served as an index", manifest, indexType, undefined],
    ["an index served as a manifest", index, manifestType, undefined],
    [
      "an index that does not say its type, served as a manifest",
      { ...index, mediaType: undefined },
      manifestType,
      undefined,
    ],
    ["a document that is both", { ...manifest, ...index }, indexType, undefined],
    [
      "a document that is both, without type",
      { ...manifest, manifests: [], mediaType: undefined },
      manifestType,
      undefined,
    ],
    ["an index with the config of a manifest", { ...index, config: descriptor }, indexType, undefined],
    ["an index with the layers of a manifest", { ...index, layers: [descriptor] }, indexType, undefined],
    ["a document that is neither", { schemaVersion: 2, mediaType: manifestType }, manifestType, undefined],
    ["schema 1", { ...manifest, schemaVersion: 1 }, manifestType, undefined],
    ["a type that nobody knows", { ...manifest, mediaType: "text/html" }, "text/html", undefined],
    [
      "a digest of another algorithm",
      { ...index, manifests: [{ ...descriptor, digest: "sha512:aa" }] },
      indexType,
      undefined,
    ],
    ["a negative size", { ...index, manifests: [{ ...descriptor, size: -1 }] }, indexType, undefined],
    ["a list", [], manifestType, undefined],
    ["null", null, manifestType, undefined],
  ];
  for (const [what, document, type, kind] of cases)
    it(`${what}: ${kind ?? "refused"}`, () => assert.equal(read(document, type), kind));

  it("throws on nothing", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) =>
        assert.doesNotThrow(() => readManifest(Buffer.from(text), manifestType)),
      ),
    );
  });
});
