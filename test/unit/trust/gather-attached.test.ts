import assert from "node:assert/strict";
import { SIGNATURE_PREDICATE_TYPE } from "../../../src/trust/bundle.ts";
import { gatherAttached } from "../../../src/trust/gather-attached.ts";
import type { ArtifactFacts } from "../../../src/trust/index.ts";
import { RegistryError } from "../../../src/trust/index.ts";
import type { RegistryReader } from "../../../src/trust/registry.ts";
import { artifact, vector, vectorDigests } from "./support/build.ts";
import { bundleType, manifestType, sha256 } from "./support/fake-registry.ts";

const digest = vectorDigests.model;
const type = "https://example.com/scan/v1";
const kib = 1024;
const mib = 1024 * kib;

interface Attached {
  readonly bytes: Buffer;
  /** What the manifest says. */
  readonly size?: number;
  readonly predicateType?: string;
  readonly artifactType?: string;
  /** Of the manifest; without: a bundle's. */
  readonly content?: object;
}

/** A registry of what is attached to one artifact, which counts what is read of it. */
class Attachments {
  readonly read: string[] = [];
  readonly #attached: readonly Attached[];
  fault: ((referrer: string) => Error | undefined) | undefined;

  constructor(attached: readonly Attached[]) {
    this.#attached = attached;
  }

  get reader(): RegistryReader {
    const of = (at: number): string => sha256(`referrer ${at}`);
    const find = (referrer: string): Attached => {
      const found = this.#attached.find((_, at) => of(at) === referrer);
      assert(found !== undefined);
      return found;
    };
    return {
      warnings: [],
      referrers: () =>
        Promise.resolve(
          this.#attached.map(({ artifactType = bundleType }, at) => ({
            mediaType: manifestType,
            digest: of(at),
            size: 1,
            artifactType,
          })),
        ),
      manifest: (referrer: string) => {
        const fault = this.fault?.(referrer);
        if (fault !== undefined) return Promise.reject(fault);
        const { bytes, size = bytes.length, predicateType, content } = find(referrer);
        return Promise.resolve({
          content: content ?? {
            kind: "Manifest",
            layers: [{ mediaType: bundleType, digest: sha256(bytes), size }],
            annotations: predicateType === undefined ? {} : { "dev.sigstore.bundle.predicateType": predicateType },
          },
        });
      },
      blob: (layer: { digest: string; size: number }, limit: number) => {
        if (layer.size > limit) return Promise.reject(new RegistryError("Malformed", "it is too large"));
        this.read.push(layer.digest);
        const found = this.#attached.find(({ bytes }) => sha256(bytes) === layer.digest);
        return Promise.resolve(found?.bytes ?? Buffer.alloc(0));
      },
    } as unknown as RegistryReader;
  }

  gather(predicateTypes: readonly string[] = [], known?: ArtifactFacts) {
    return gatherAttached({ client: this.reader, digest, predicateTypes: new Set(predicateTypes), known });
  }
}

const [signature, scan] = [vector("p256.bundle.json"), vector("attestation.bundle.json")];

/** The same bundle in different bytes: JSON may have any white space. */
function variant(bytes: Buffer, at: number, size = bytes.length + 64): Buffer {
  const spaces = Array.from({ length: 32 }, (_, bit) => (((at >> bit) & 1) === 1 ? "\t" : " ")).join("");
  const text = Buffer.concat([bytes, Buffer.from(spaces)]);
  return text.length >= size ? text : Buffer.concat([text, Buffer.alloc(size - text.length, " ")]);
}

const kinds = ({ bundles }: { readonly bundles: ArtifactFacts["bundles"] }): Record<string, number> => {
  const counts: Record<string, number> = {};
  for (const { claim } of bundles) counts[claim.kind] = (counts[claim.kind] ?? 0) + 1;
  return counts;
};

describe("what is attached to an artifact", () => {
  it("is read: all signatures, and the attestations that are asked for", async () => {
    const attachments = new Attachments([
      { bytes: signature, predicateType: SIGNATURE_PREDICATE_TYPE },
      { bytes: scan, predicateType: type },
      { bytes: variant(scan, 1), predicateType: "https://example.com/other/v1" },
    ]);
    assert.deepEqual(kinds(await attachments.gather([type])), { Signature: 1, Attestation: 1, NotRead: 1 });
    assert.equal(attachments.read.length, 2);
    assert.deepEqual(kinds(await attachments.gather()), { Signature: 1, NotRead: 2 });
  });

  it("is read when a policy asks for it later, and nothing else again", async () => {
    const attachments = new Attachments([{ bytes: signature }, { bytes: scan, predicateType: type }]);
    const known = artifact(await attachments.gather());
    attachments.read.length = 0;
    assert.deepEqual(await attachments.gather([], known), { bundles: known.bundles, leftOut: 0 });
    assert.deepEqual(attachments.read, []);
    assert.deepEqual(kinds(await attachments.gather([type], known)), { Signature: 1, Attestation: 1 });
    assert.deepEqual(attachments.read, [sha256(scan)]);
  });

  it("is looked at again where it was damaged", async () => {
    const attachments = new Attachments([{ bytes: Buffer.from("?") }]);
    const known = artifact(await attachments.gather());
    assert.deepEqual(kinds(known), { Malformed: 1 });
    await attachments.gather([], known);
    assert.equal(attachments.read.length, 2);
  });

  it("is no bundle by another artifact type, and may have none", async () => {
    const attachments = new Attachments([
      { bytes: signature, artifactType: "application/vnd.dev.cosign.artifact.sig.v1+json" },
      { bytes: variant(signature, 1), artifactType: "application/spdx+json" },
    ]);
    assert.deepEqual(await attachments.gather(), { bundles: [], leftOut: 0 });
    assert.deepEqual(attachments.read, []);
  });

  it("is no bundle where its manifest lists none, whatever the registry says of its type", async () => {
    for (const content of [
      { kind: "Manifest", layers: [{ mediaType: "application/octet-stream", digest: sha256("x"), size: 1 }] },
      { kind: "Index", manifests: [] },
    ]) {
      const attachments = new Attachments([{ bytes: signature, content }]);
      assert.deepEqual(await attachments.gather(), { bundles: [], leftOut: 0 });
      assert.deepEqual(attachments.read, []);
    }
  });

  it("is what its bytes say, whatever its annotation does", async () => {
    const lies = new Attachments([
      { bytes: signature, predicateType: type },
      { bytes: scan, predicateType: SIGNATURE_PREDICATE_TYPE },
    ]);
    assert.deepEqual(kinds(await lies.gather([type])), { Signature: 1, Attestation: 1 });
    // One that hides behind the name of another kind hides itself only.
    assert.deepEqual(kinds(await lies.gather()), { NotRead: 1, Attestation: 1 });
  });

  it("of 100 MB is refused before it is read, and takes nothing from the others", async () => {
    const attachments = new Attachments([
      { bytes: Buffer.from("1"), size: 100 * mib, predicateType: type },
      { bytes: Buffer.from("2"), size: 100 * mib },
      { bytes: Buffer.from("3"), size: 4 * mib + 1, predicateType: type },
      { bytes: Buffer.from("4"), size: 256 * kib + 1 },
      { bytes: signature },
      { bytes: scan, predicateType: type },
    ]);
    const found = await attachments.gather([type]);
    assert.deepEqual(kinds(found), { Signature: 1, Attestation: 1, Malformed: 4 });
    assert.equal(found.leftOut, 0);
    assert.deepEqual(attachments.read, [sha256(signature), sha256(scan)]);
  });

  it("is bounded in bytes, of signatures and of attestations, and says how many were left out", async () => {
    const many = [
      ...Array.from({ length: 5 }, (_, at) => ({ bytes: variant(scan, at, 4 * mib), predicateType: type })),
      { bytes: scan, predicateType: type },
      ...Array.from({ length: 34 }, (_, at) => ({ bytes: variant(signature, at, 256 * kib) })),
    ];
    const attachments = new Attachments(many);
    const found = await attachments.gather([type]);
    assert.deepEqual(kinds(found), { Signature: 32, Attestation: 4 });
    assert.equal(found.leftOut, 4);
    // What is in hand counts too.
    const again = await attachments.gather([type], artifact(found));
    assert.deepEqual(kinds(again), { Signature: 32, Attestation: 4 });
    assert.equal(again.leftOut, 4);
  });

  it("is bounded in number", async () => {
    const signatures = Array.from({ length: 130 }, (_, at) => ({ bytes: variant(signature, at) }));
    const scans = Array.from({ length: 130 }, (_, at) => ({ bytes: variant(scan, at), predicateType: type }));
    const found = await new Attachments([...signatures, ...scans]).gather([type]);
    assert.deepEqual(kinds(found), { Signature: 128, Attestation: 128 });
    assert.equal(found.leftOut, 4);
    const crowd = new Attachments(Array.from({ length: 515 }, (_, at) => ({ bytes: Buffer.from(`${at}`) })));
    const crowded = await crowd.gather();
    assert.equal(crowd.read.length, 512);
    assert.equal(crowded.leftOut, 3);
  });

  it("keeps no bytes of what vouches for nothing", async () => {
    const others = [variant(vector("other-digest.bundle.json"), 1, 200 * kib), Buffer.alloc(200 * kib, "x")];
    const { bundles } = await new Attachments(others.map((bytes) => ({ bytes }))).gather();
    assert.deepEqual(
      bundles.map(({ claim, bytes }) => [claim.kind, bytes.length]),
      [
        ["OtherDigest", 0],
        ["Malformed", 0],
      ],
    );
  });

  it("hides the others where the registry fails, and not where one is gone", async () => {
    const attachments = new Attachments([{ bytes: signature }, { bytes: variant(signature, 1) }]);
    const [gone] = [sha256("referrer 0")];
    attachments.fault = (referrer) => (referrer === gone ? new RegistryError("NotFound", "gone") : undefined);
    assert.deepEqual(kinds(await attachments.gather()), { Malformed: 1, Signature: 1 });
    attachments.fault = (referrer) => (referrer === gone ? new RegistryError("Unavailable", "down") : undefined);
    await assert.rejects(attachments.gather(), /down/);
  });
});
