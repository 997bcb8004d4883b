import assert from "node:assert/strict";
import type { Gathered } from "../../../src/trust/fact-cache.ts";
import { DEFAULT_RULES, FormatScanner } from "../../../src/formats/index.ts";
import {
  parseDockerConfigJson,
  toVerdictStatus,
  Verifier,
  type BundleCheck,
  type BundleOutcome,
  type BundleVerifier,
  type ResolvedPolicy,
  type Verification,
  type VerifyRequest,
} from "../../../src/trust/index.ts";
import {
  freshKey,
  hour,
  later,
  now,
  policy,
  release,
  stranger,
  validity,
  vector,
  vectorDigests,
} from "./support/build.ts";
import {
  bundleType,
  answer,
  FakeRegistry,
  hangUp,
  on,
  indexType,
  manifestType,
  sha256,
} from "./support/fake-registry.ts";
import { generateKeyPairSync } from "node:crypto";
import { SIGNATURE_PREDICATE_TYPE } from "../../../src/trust/bundle.ts";
import { publicKey } from "./support/build.ts";
import { bundleOf } from "./support/signed-bundle.ts";

/** Says what it is told to, and counts. */
class FakeBundleVerifier implements BundleVerifier {
  readonly checks: BundleCheck[] = [];
  outcome: BundleOutcome = { outcome: "valid" };

  verifyBundle(check: BundleCheck): Promise<BundleOutcome> {
    this.checks.push(check);
    return Promise.resolve(this.outcome);
  }
}

describe("Verifier", () => {
  let registry: FakeRegistry;
  let cosign: FakeBundleVerifier;
  let verifier: Verifier;
  const { privateKey, publicKey: rawPublicKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  const key = publicKey(rawPublicKey.export({ type: "spki", format: "pem" }).toString());

  beforeEach(async () => {
    registry = await FakeRegistry.start();
    cosign = new FakeBundleVerifier();
    verifier = create();
  });
  afterEach(() => registry.stop());

  function create(overrides: object = {}): Verifier {
    return new Verifier({
      egress: registry.egress,
      bundleVerifier: cosign,
      plainHttpHosts: [registry.host],
      registryTimeoutMs: 1000,
      ...overrides,
    });
  }

  const signed = (overrides: Partial<ResolvedPolicy> = {}): ResolvedPolicy =>
    policy({ references: [`${registry.host}/**`], authorities: [{ name: "release", key }], ...overrides });

  function verify(overrides: Partial<VerifyRequest> = {}): Promise<Verification> {
    return verifier.verify({
      reference: `${registry.name}:v1`,
      use: "Image",
      namespace: "prod",
      policies: [signed()],
      now,
      ...overrides,
    });
  }

  function says(verification: Verification): string {
    return `${verification.verdict.outcome} ${verification.verdict.reason} ${verification.source}`;
  }

  function pushSigned(content = "model"): string {
    const digest = registry.pushArtifact(content, "v1");
    registry.attach(digest, bundleOf(digest, privateKey));
    return digest;
  }

  describe("from the registry", () => {
    it("reads no content of what nobody has signed, and all of it once somebody has", async () => {
      const digest = registry.pushArtifact("model", "v1");
      assert.equal(says(await verify()), "Rejected NoSignature Registry");
      const blobs = () => registry.requests.filter(({ path }) => path.includes("/blobs/")).length;
      assert.equal(blobs(), 0);
      registry.attach(digest, bundleOf(digest, privateKey));
      assert.equal(says(await verify({ refresh: true })), "Verified Verified Registry");
      assert.ok(blobs() > 0);
    });

    it("verifies what a trusted key signed, and hands cosign exactly what was signed", async () => {
      const digest = pushSigned();
      const result = await verify();
      assert.equal(says(result), "Verified Verified Registry", result.verdict.message);
      assert.deepEqual(result.artifact, { name: registry.name, digest, platformDigests: [] });
      assert.deepEqual(
        cosign.checks.map((check) => ({ ...check, signal: undefined })),
        [
          {
            bundle: Buffer.from(bundleOfStored(digest)),
            by: { kind: "Key", publicKeyPem: key.pem },
            digest,
            predicateType: SIGNATURE_PREDICATE_TYPE,
            signal: undefined,
          },
        ],
      );
    });

    function bundleOfStored(digest: string): string {
      const list = JSON.parse(registry.manifests.get(digest.replace(":", "-"))?.bytes.toString() ?? "") as {
        manifests: { digest: string }[];
      };
      const manifest = JSON.parse(registry.manifests.get(list.manifests[0]?.digest ?? "")?.bytes.toString() ?? "") as {
        layers: { digest: string }[];
      };
      return registry.blobs.get(manifest.layers[0]?.digest ?? "")?.toString() ?? "";
    }

    it("does not believe our own arithmetic alone", async () => {
      pushSigned();
      cosign.outcome = { outcome: "invalid", detail: "no" };
      assert.equal(says(await verify()), "Rejected UntrustedSigner Registry");
    });

    it("does not believe cosign alone, nor starts it for the signatures of strangers", async () => {
      const digest = registry.pushArtifact("model", "v1");
      for (let count = 0; count < 5; count++) {
        registry.attach(digest, bundleOf(digest, generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey));
      }
      assert.equal(says(await verify()), "Rejected UntrustedSigner Registry");
      assert.equal(cosign.checks.length, 0);
    });

    it("finds the trusted signature among those of strangers", async () => {
      const digest = registry.pushArtifact("model", "v1");
      const strange = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
      for (const signer of [strange, strange, privateKey, strange]) registry.attach(digest, bundleOf(digest, signer));
      assert.equal(says(await verify()), "Verified Verified Registry");
    });

    it("rejects a signature that was copied from another artifact", async () => {
      const digest = registry.pushArtifact("model", "v1");
      registry.attach(digest, bundleOf(registry.pushArtifact("other"), privateKey));
      assert.equal(says(await verify()), "Rejected InvalidSignature Registry");
      assert.equal(cosign.checks.length, 0);
    });

    it("takes no attestation for a signature", async () => {
      const digest = registry.pushArtifact("model", "v1");
      registry.attach(digest, bundleOf(digest, privateKey, "https://example.com/scan/v1"));
      assert.equal(says(await verify()), "Rejected NoSignature Registry");
      assert.equal(cosign.checks.length, 0);
    });

    it("spares the content of an attestation that says what it is", async () => {
      const digest = pushSigned();
      registry.pushBlob("attestation");
      const layer = { mediaType: bundleType, digest: sha256("attestation"), size: 11 };
      const attestation = registry.pushManifest({
        schemaVersion: 2,
        mediaType: manifestType,
        config: registry.pushBlob("{}"),
        layers: [layer],
        annotations: { "dev.sigstore.bundle.predicateType": "https://example.com/scan/v1" },
      });
      const list = JSON.parse(registry.manifests.get(digest.replace(":", "-"))?.bytes.toString() ?? "") as {
        manifests: object[];
      };
      registry.pushManifest(
        { ...list, manifests: [...list.manifests, { mediaType: manifestType, digest: attestation, size: 1 }] },
        { tag: digest.replace(":", "-") },
      );
      assert.equal(says(await verify()), "Verified Verified Registry");
      assert.ok(!registry.requests.some(({ path }) => path.endsWith(layer.digest)));
    });

    it("one attached thing that is damaged, gone or too large hides no other", async () => {
      const digest = registry.pushArtifact("model", "v1");
      registry.attach(digest, "not a bundle");
      registry.blobs.set(registry.attach(digest, "damaged later"), Buffer.from("DAMAGED LATER"));
      registry.blobs.delete(registry.attach(digest, "gone"));
      registry.attach(digest, Buffer.alloc(300_000));
      assert.equal(says(await verify()), "Rejected InvalidSignature Registry");
      registry.attach(digest, bundleOf(digest, privateKey));
      assert.equal(says(await verify({ refresh: true })), "Verified Verified Registry");
    });

    it("an attached thing that does not come leaves everything unknown", async () => {
      const digest = pushSigned();
      const second = registry.attach(digest, "second");
      registry.fault = on(second, answer(500));
      assert.equal(says(await verify()), "Indeterminate RegistryUnavailable Registry");
    });

    it("looks at a bounded number of attached things, and says so", async () => {
      const digest = registry.pushArtifact("model", "v1");
      const entries = Array.from({ length: 600 }, (_, at) => {
        const manifest = registry.pushManifest({
          schemaVersion: 2,
          mediaType: manifestType,
          config: registry.pushBlob("{}"),
          layers: [],
          annotations: { at: String(at) },
        });
        return { mediaType: manifestType, digest: manifest, size: 1, artifactType: bundleType };
      });
      registry.pushManifest(
        { schemaVersion: 2, mediaType: indexType, manifests: entries },
        { tag: digest.replace(":", "-") },
      );
      const result = await verify();
      assert.equal(says(result), "Rejected NoSignature Registry");
      assert.match(result.verdict.message, /88 more bundles are attached/);
      assert.ok(registry.requests.length < 530);
    });

    it("looks at a bounded number of signatures, and says so", async () => {
      const digest = registry.pushArtifact("model", "v1");
      const strange = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey;
      for (let count = 0; count < 130; count++) registry.attach(digest, bundleOf(digest, strange));
      assert.match((await verify()).verdict.message, /2 more bundles are attached/);
    });

    it("knows each attached thing once, also when it looks again", async () => {
      const digest = pushSigned();
      registry.attach(digest, bundleOf(digest, generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey));
      for (const _ of [1, 2, 3]) await verify({ refresh: true });
      const state = await verifier.gather({ reference: `${registry.name}:v1`, now });
      assert.ok(state.state === "Found");
      assert.equal(state.bundles.length, 2);
    });

    it("ignores attached things of other kinds", async () => {
      const digest = pushSigned();
      const list = JSON.parse(registry.manifests.get(digest.replace(":", "-"))?.bytes.toString() ?? "") as {
        manifests: object[];
      };
      const other = { mediaType: manifestType, digest: sha256("sbom"), size: 1, artifactType: "application/spdx+json" };
      registry.pushManifest({ ...list, manifests: [other, ...list.manifests] }, { tag: digest.replace(":", "-") });
      assert.equal(says(await verify()), "Verified Verified Registry");
    });
  });

  describe("the content", () => {
    it("of which a layer was altered is rejected", async () => {
      pushSigned();
      registry.blobs.set(sha256("model"), Buffer.from("MODEL"));
      const result = await verify();
      assert.equal(says(result), "Rejected LayerDigestMismatch Registry");
      assert.match(result.verdict.message, new RegExp(sha256("model")));
    });

    it("of which a layer is missing is rejected, and one that does not come is unknown", async () => {
      pushSigned();
      registry.blobs.delete(sha256("model"));
      assert.equal(says(await verify()), "Rejected ArtifactNotFound Registry");
      registry.fault = on(sha256("model"), answer(503));
      assert.equal(says(await verify()), "Indeterminate RegistryUnavailable Registry");
    });

    it("is read through once, for as long as it is known to be intact", async () => {
      pushSigned();
      await verify();
      registry.blobs.set(sha256("model"), Buffer.from("MODEL"));
      assert.equal(says(await verify({ refresh: true })), "Verified Verified Registry");
      verifier = create();
      assert.equal(says(await verify()), "Rejected LayerDigestMismatch Registry");
      registry.blobs.set(sha256("model"), Buffer.from("model"));
      assert.equal(says(await verify({ refresh: true })), "Verified Verified Registry");
    });

    it("that is too large is not read through here", async () => {
      pushSigned();
      registry.blobs.delete(sha256("model"));
      verifier = create({ limits: { maxLayerBytes: 6 } });
      assert.equal(says(await verify()), "Verified Verified Registry");
    });

    it("of an index is that of every platform", async () => {
      const [one, two] = [registry.pushArtifact("amd64"), registry.pushArtifact("arm64")];
      const entry = (digest: string): object => ({
        mediaType: manifestType,
        digest,
        size: 1,
        platform: { os: "linux" },
      });
      const index = registry.pushManifest(
        { schemaVersion: 2, mediaType: indexType, manifests: [entry(one), entry(two), entry(one)] },
        { tag: "v1" },
      );
      registry.attach(index, bundleOf(index, privateKey));
      const result = await verify();
      assert.equal(says(result), "Verified Verified Registry");
      assert.deepEqual(result.artifact?.platformDigests, [one, two]);
      assert.equal(
        says(await verify({ policies: [signed({ denied: new Set([two]) })] })),
        "Rejected DigestDenied Facts",
      );
      registry.blobs.set(sha256("arm64"), Buffer.from("ARM64"));
      verifier = create();
      assert.equal(says(await verify()), "Rejected LayerDigestMismatch Registry");
    });

    it("of an index with too many platforms is refused", async () => {
      const manifests = Array.from({ length: 65 }, (_, at) => ({
        mediaType: manifestType,
        digest: sha256(String(at)),
        size: 1,
      }));
      registry.pushManifest({ schemaVersion: 2, mediaType: indexType, manifests }, { tag: "v1" });
      const result = await verify();
      assert.equal(says(result), "Rejected ArtifactUnsupported Registry");
      assert.match(result.verdict.message, /lists 65 manifests, more than 64/);
    });

    it("that takes too long is unknown", async () => {
      pushSigned();
      registry.fault = (request) => request.url?.endsWith(sha256("model")) === true;
      verifier = create({ limits: { layersDeadlineMs: 50 } });
      assert.equal(says(await verify()), "Indeterminate RegistryUnavailable Registry");
      registry.fault = (request) => request.url?.includes("/referrers/") === true;
      verifier = create({ limits: { deadlineMs: 50 } });
      assert.equal(says(await verify()), "Indeterminate RegistryUnavailable Registry");
    });
  });

  describe("where to look", () => {
    it("asks nobody when the policies alone refuse", async () => {
      pushSigned();
      for (const request of [
        { policies: [] },
        { required: ["absent"] },
        { policies: [signed({ authorities: [] })] },
      ] as Partial<VerifyRequest>[]) {
        const { verdict, source } = await verify(request);
        assert.deepEqual([verdict.outcome, source], ["Rejected", "Facts"]);
      }
      const denied = sha256("x");
      assert.equal(
        says(
          await verify({ reference: `${registry.name}@${denied}`, policies: [signed({ denied: new Set([denied]) })] }),
        ),
        "Rejected DigestDenied Facts",
      );
      assert.equal(registry.requests.length, 0);
    });

    it("refuses a reference that is none", async () => {
      assert.equal((await verify({ reference: "not a reference" })).verdict.reason, "InvalidReference");
      assert.equal((await verifier.resolve({ reference: "not a reference" })).state, "Refused");
      assert.equal((await verifier.gather({ reference: "not a reference", now })).state, "Refused");
    });

    it("resolves a tag, latest where there is none, and asks nobody where there is a digest", async () => {
      const digest = registry.pushArtifact("model", "v1");
      registry.pushArtifact("newest", "latest");
      const resolved = async (reference: string): Promise<unknown> => {
        const result = await verifier.resolve({ reference });
        return result.state === "Resolved" ? result.digest : result.reason;
      };
      assert.equal(await resolved(`${registry.name}:v1`), digest);
      assert.equal(await resolved(registry.name), registry.pushArtifact("newest"));
      assert.equal(await resolved(`${registry.name}:absent`), "ArtifactNotFound");
      const before = registry.requests.length;
      assert.equal(await resolved(`${registry.name}:v9@${digest}`), digest);
      assert.equal(registry.requests.length, before);
      registry.fault = answer(500);
      assert.equal(await resolved(`${registry.name}:v1`), "RegistryUnavailable");
    });

    it("reads what a manifest says of itself, and tells why it cannot", async () => {
      const image = { schemaVersion: 2, mediaType: manifestType, config: registry.pushBlob("{}"), layers: [] };
      const digest = registry.pushManifest({ ...image, annotations: { from: "s3" } });
      const reference = `${registry.name}@${digest}`;
      assert.deepEqual(await verifier.manifest({ reference }), { state: "Read", annotations: { from: "s3" } });
      const plain = `${registry.name}@${registry.pushManifest(image)}`;
      assert.deepEqual(await verifier.manifest({ reference: plain }), { state: "Read", annotations: {} });
      assert.equal((await verifier.manifest({ reference: "not a reference" })).state, "Refused");
      assert.equal((await verifier.manifest({ reference: `${registry.name}:absent` })).state, "Refused");
      registry.fault = answer(503);
      assert.equal((await verifier.manifest({ reference })).state, "Unavailable");
    });

    it("a tag that was moved is another artifact, unless it is pinned", async () => {
      const first = pushSigned();
      await verify();
      const second = registry.pushArtifact("evil", "v1");
      assert.equal((await verify()).verdict.digest, second);
      assert.equal(says(await verify()), "Rejected NoSignature Facts");
      const pinned = await verify({ digest: first });
      assert.equal(pinned.verdict.digest, first);
      assert.equal(pinned.verdict.outcome, "Verified");
    });

    it("the digest in a reference outranks one that is handed in", async () => {
      const first = pushSigned();
      const other = registry.pushArtifact("evil");
      assert.equal((await verify({ reference: `${registry.name}@${first}`, digest: other })).verdict.digest, first);
    });

    it("a tag that is not there rejects, one that cannot be asked for does not", async () => {
      assert.equal(says(await verify()), "Rejected ArtifactNotFound Registry");
      registry.fault = answer(429, { "retry-after": "300" });
      const { verdict } = await verify();
      assert.equal(verdict.outcome, "Indeterminate");
      assert.deepEqual(verdict.recheckAfter, later(300_000));
    });
  });

  it("takes no signature in the layout of cosign 2 for one, also a valid one", async () => {
    const digest = registry.pushArtifact("model", "v1");
    const payload = registry.pushBlob(JSON.stringify({ critical: { image: { "docker-manifest-digest": digest } } }));
    const mediaType = "application/vnd.dev.cosign.simplesigning.v1+json";
    const annotations = { "dev.cosignproject.cosign/signature": "MEUCIQ" };
    registry.pushManifest(
      {
        schemaVersion: 2,
        mediaType: "application/vnd.oci.image.manifest.v1+json",
        config: registry.pushBlob("{}"),
        layers: [{ ...payload, mediaType, annotations }],
      },
      { tag: `${digest.replace(":", "-")}.sig` },
    );
    assert.equal(says(await verify()), "Rejected NoSignature Registry");
    assert.ok(!registry.requests.some(({ path }) => path.includes(".sig")));
    assert.deepEqual(cosign.checks, []);
  });

  describe("a model", () => {
    const honest = (name: string): Buffer => vector(`formats/honest/${name}`);

    function pushModel(...files: readonly Buffer[]): string {
      const digest = registry.pushManifest(
        {
          schemaVersion: 2,
          mediaType: "application/vnd.oci.image.manifest.v1+json",
          config: registry.pushBlob("{}"),
          layers: files.map((file) => registry.pushBlob(file)),
        },
        { tag: "v1" },
      );
      registry.attach(digest, bundleOf(digest, privateKey));
      return digest;
    }
    const blobReads = (): number => registry.requests.filter(({ path }) => path.includes("/blobs/")).length;

    beforeEach(() => {
      verifier = create({ scanner: new FormatScanner() });
    });

    it("of safetensors is let in, and is read once for its digest and its content", async () => {
      pushModel(honest("weights.safetensors"));
      const result = await verify({ use: "Model" });
      assert.equal(says(result), "Verified Verified Registry", result.verdict.message);
      // The signature, the configuration and the layer.
      assert.equal(blobReads(), 3);
    });

    it("that is a pickle is refused, and a policy that trusts its types lets it in without reading it again", async () => {
      const digest = pushModel(honest("lr.p4.pkl"));
      const refused = await verify({ use: "Model" });
      assert.equal(says(refused), "Rejected PickleNotAllowed Registry", refused.verdict.message);
      const reads = blobReads();
      const trustedTypes = ["sklearn.linear_model.*"];
      const policies = [signed({ formats: { ...DEFAULT_RULES, allowPickle: true, trustedTypes } })];
      const previous = toVerdictStatus(refused.verdict);
      const trusted = await verify({ use: "Model", digest, previous, policies, now: later(1000) });
      assert.equal(says(trusted), "Verified Verified Facts", trusted.verdict.message);
      assert.equal(blobReads(), reads);
    });

    it("is looked into although the same digest was verified as an image before", async () => {
      const digest = pushModel(honest("lr.p4.pkl"));
      assert.equal(says(await verify()), "Verified Verified Registry");
      assert.equal(says(await verify({ use: "Model", digest })), "Rejected PickleNotAllowed Registry");
    });

    it("that was altered is refused for that, whatever is in it", async () => {
      const file = honest("weights.safetensors");
      pushModel(file);
      const { digest } = registry.pushBlob(file);
      registry.blobs.set(digest, Buffer.concat([file.subarray(0, -1), Buffer.from([file.at(-1) === 0 ? 1 : 0])]));
      assert.equal(says(await verify({ use: "Model" })), "Rejected LayerDigestMismatch Registry");
    });

    it("is refused where it could not be looked through, and looked through again when that is due", async () => {
      pushModel(honest("weights.safetensors"));
      verifier = create({ scanner: new FormatScanner({ command: [process.execPath, "-e", "process.exit(1)"] }) });
      const { verdict } = await verify({ use: "Model" });
      assert.deepEqual([verdict.outcome, verdict.reason], ["Rejected", "ScanIncomplete"]);
      const reads = blobReads();
      await verify({ use: "Model", previous: toVerdictStatus(verdict), now: later(hour) });
      assert.ok(blobReads() > reads);
    });
  });

  describe("from facts", () => {
    it("a policy that changes is decided at once, without a request or a process", async () => {
      const digest = pushSigned();
      const first = await verify();
      const previous = toVerdictStatus(first.verdict);
      const [requests, processes] = [registry.requests.length, cosign.checks.length];
      const at = later(hour / 2);
      const pinned = { digest, previous, now: at };
      assert.equal(
        says(await verify({ ...pinned, policies: [signed({ authorities: [{ name: "other", key: stranger }] })] })),
        "Rejected UntrustedSigner Facts",
      );
      assert.equal(
        says(await verify({ ...pinned, policies: [signed({ denied: new Set([digest]) })] })),
        "Rejected DigestDenied Facts",
      );
      assert.equal(says(await verify({ ...pinned, policies: [] })), "Rejected NoPolicy Facts");
      assert.equal(says(await verify(pinned)), "Verified Verified Facts");
      assert.equal(registry.requests.length, requests);
      assert.equal(cosign.checks.length, processes);
    });

    it("a key that is put back verifies again with the registry down", async () => {
      const digest = pushSigned();
      const first = await verify();
      registry.fault = hangUp;
      const gone = await verify({
        digest,
        previous: toVerdictStatus(first.verdict),
        policies: [signed({ authorities: [{ name: "other", key: stranger }] })],
        now: later(60_000),
      });
      assert.equal(gone.verdict.outcome, "Rejected");
      const back = await verify({ digest, previous: toVerdictStatus(gone.verdict), now: later(180_000) });
      assert.equal(back.verdict.outcome, "Verified");
      assert.equal(cosign.checks.length, 1);
    });

    it("a new key is one more process, for the bundles in hand", async () => {
      const digest = pushSigned();
      registry.attach(digest, vector("p256.bundle.json"));
      const first = await verify({ policies: [signed({ authorities: [{ name: "other", key: freshKey() }] })] });
      assert.equal(first.verdict.reason, "UntrustedSigner");
      assert.equal(cosign.checks.length, 0);
      assert.equal(says(await verify({ digest, previous: toVerdictStatus(first.verdict) })), "Verified Verified Facts");
      assert.equal(cosign.checks.length, 1);
    });

    it("what is due is looked at again, and what is not is not", async () => {
      const digest = pushSigned();
      const { verdict } = await verify();
      const previous = toVerdictStatus(verdict);
      const requests = registry.requests.length;
      // At most a tenth sooner than need be.
      assert.ok(verdict.recheckAfter > later(hour * 0.9) && verdict.recheckAfter <= later(hour));
      const before = new Date(verdict.recheckAfter.getTime() - 1);
      assert.equal((await verify({ digest, previous, now: before })).source, "Facts");
      assert.equal(registry.requests.length, requests);
      assert.equal((await verify({ digest, previous, now: later(hour) })).source, "Registry");
      // The manifest, and the list of what is attached: nothing that is known is read again.
      assert.equal(registry.requests.length, requests + 3);
      assert.equal((await verify({ digest, previous, now: later(hour + 5000) })).source, "Facts");
      assert.equal((await verify({ digest, previous, refresh: true })).source, "Registry");
    });

    it("what is due is what the strictest policy says", async () => {
      const digest = pushSigned();
      const policies = [signed({ validity: { ...validity, recheckAfterMs: hour / 6 } }), signed({ name: "zz" })];
      const previous = toVerdictStatus((await verify({ policies })).verdict);
      assert.equal((await verify({ digest, previous, policies, now: later((hour / 6) * 0.9) })).source, "Facts");
      assert.equal((await verify({ digest, previous, policies, now: later(hour / 6) })).source, "Registry");
    });

    it("after a restart without a registry, from what was kept", async () => {
      const kept = new Map<string, Gathered>();
      const store = {
        load: (key: string) => Promise.resolve(kept.get(key)),
        keep: (key: string, gathered: Gathered) => Promise.resolve(void kept.set(key, gathered)),
        forget: (key: string) => Promise.resolve(void kept.delete(key)),
      };
      verifier = create({ store });
      const digest = pushSigned();
      const previous = toVerdictStatus((await verify()).verdict);
      registry.fault = answer(503);
      verifier = create({ store });
      const { verdict } = await verify({ digest, previous, now: later(2 * hour) });
      assert.equal(verdict.outcome, "Verified");
      assert.match(verdict.warnings.join(), /decided from what was seen at/);
      registry.fault = () => false;
      registry.manifests.delete(digest);
      assert.equal((await verify({ digest, previous, now: later(3 * hour) })).verdict.reason, "ArtifactNotFound");
      assert.equal(kept.size, 0);
    });

    it("what is due and still vouches waits when the registries were asked often enough", async () => {
      const digest = pushSigned();
      let tokens = 0;
      verifier = create({ recheckBudget: { tryTake: () => tokens-- > 0 } });
      // A first look waits for nothing.
      const { verdict, source } = await verify();
      assert.equal(source, "Registry");
      const previous = toVerdictStatus(verdict);
      const postponed = await verify({ digest, previous, now: later(hour) });
      assert.deepEqual([postponed.source, postponed.verdict.outcome], ["Facts", "Verified"]);
      assert.ok(postponed.verdict.recheckAfter <= later(hour + hour / 4));
      assert.equal((await verify({ digest, previous, now: later(hour), refresh: true })).source, "Registry");
      tokens = 1;
      assert.equal((await verify({ digest, previous, now: later(2 * hour) })).source, "Registry");
    });

    it("what does not vouch is looked at again when it is due, whatever was asked before", async () => {
      const digest = registry.pushArtifact("model", "v1");
      verifier = create({ recheckBudget: { tryTake: () => false } });
      const previous = toVerdictStatus((await verify()).verdict);
      registry.attach(digest, bundleOf(digest, privateKey));
      assert.equal((await verify({ digest, previous, now: later(60_000) })).verdict.outcome, "Verified");
    });

    it("a signature that came later is found when the rejection is due, or when somebody new asks", async () => {
      const digest = registry.pushArtifact("model", "v1");
      const rejected = await verify();
      assert.equal(rejected.verdict.reason, "NoSignature");
      registry.attach(digest, bundleOf(digest, privateKey));
      const previous = toVerdictStatus(rejected.verdict);
      assert.equal((await verify({ digest, previous, now: later(59_000) })).verdict.outcome, "Rejected");
      assert.equal((await verify({ digest, previous, now: later(60_000) })).verdict.outcome, "Verified");
      registry.detachAll(digest);
      assert.equal((await verify({ digest, now: later(61_000) })).source, "Facts");
      verifier = create();
      assert.equal((await verify()).verdict.outcome, "Rejected");
      registry.attach(digest, bundleOf(digest, privateKey));
      assert.equal((await verify({ now: later(11_000) })).verdict.outcome, "Verified");
    });

    it("somebody new asks about what was verified long ago", async () => {
      const digest = pushSigned();
      await verify();
      assert.equal((await verify({ digest, now: later(hour / 2) })).source, "Facts");
      assert.equal((await verify({ digest, now: later(hour) })).source, "Registry");
    });

    it("with the registry down the bundles in hand go on to verify, and it says so", async () => {
      const digest = pushSigned();
      const { verdict } = await verify();
      registry.fault = answer(503);
      const result = await verify({ digest, previous: toVerdictStatus(verdict), now: later(2 * hour) });
      assert.equal(says(result), "Verified Verified Facts");
      assert.match(
        result.verdict.warnings.join(),
        /decided from what was seen at 2026-03-01T12:00:00\.000Z: .*HTTP 503/,
      );
      assert.ok(result.verdict.outcome === "Verified");
      assert.deepEqual(result.verdict.notAfter, later(26 * hour));
    });

    it("with the registry down and nothing in hand the verdict before stands, and then no more", async () => {
      const digest = pushSigned();
      const previous = toVerdictStatus((await verify()).verdict);
      verifier = create();
      registry.fault = answer(503);
      const { verdict } = await verify({ digest, previous, now: later(2 * hour) });
      assert.ok(verdict.outcome === "Indeterminate");
      assert.equal(verdict.stands, true);
      const expired = (await verify({ digest, previous: toVerdictStatus(verdict), now: later(24 * hour) })).verdict;
      assert.ok(expired.outcome === "Indeterminate");
      assert.equal(expired.stands, false);
    });

    it("what the registry says is gone is gone, also from memory", async () => {
      const digest = pushSigned();
      const previous = toVerdictStatus((await verify()).verdict);
      registry.manifests.clear();
      assert.equal(says(await verify({ digest, previous, now: later(hour) })), "Rejected ArtifactNotFound Registry");
      registry.fault = answer(503);
      assert.equal((await verify({ digest, now: later(hour) })).verdict.outcome, "Indeterminate");
    });

    it("a signature that is gone from the registry counts no longer", async () => {
      const digest = pushSigned();
      const previous = toVerdictStatus((await verify()).verdict);
      registry.detachAll(digest);
      assert.equal(says(await verify({ digest, previous, now: later(hour) })), "Rejected NoSignature Registry");
    });

    it("what was read with one tenant's credentials is not another's", async () => {
      const digest = pushSigned();
      const basic = `Basic ${Buffer.from("u:p").toString("base64")}`;
      registry.fault = (request, response) =>
        request.headers.authorization !== basic && answer(401, { "www-authenticate": "Basic" })(request, response);
      const parsed = parseDockerConfigJson(
        JSON.stringify({ auths: { [registry.host]: { username: "u", password: "p" } } }),
      );
      assert.ok(parsed.ok);
      assert.equal(says(await verify({ digest, credentials: parsed.credentials })), "Verified Verified Registry");
      assert.equal(says(await verify({ digest })), "Indeterminate RegistryUnauthorized Registry");
      assert.equal(says(await verify({ digest, credentials: parsed.credentials })), "Verified Verified Facts");
    });

    describe("credentials that are read where they are needed", () => {
      let password: string | undefined;
      let reads: number;
      let digest: string;
      const login = (secret: string) => `Basic ${Buffer.from(`u:${secret}`).toString("base64")}`;
      const source = (who = "shop") => ({
        who,
        read: () => {
          reads++;
          if (password === undefined) return Promise.reject(new Error("the API server is away"));
          const auths = { [registry.host]: { username: "u", password } };
          const parsed = parseDockerConfigJson(JSON.stringify({ auths }));
          assert.ok(parsed.ok);
          return Promise.resolve(parsed.credentials);
        },
      });
      const ask = (request: Partial<VerifyRequest> = {}) => verify({ digest, credentialSource: source(), ...request });

      beforeEach(() => {
        digest = pushSigned();
        [password, reads] = ["p", 0];
        registry.fault = (request, response) =>
          request.headers.authorization !== login("p") &&
          answer(401, { "www-authenticate": "Basic" })(request, response);
      });

      it("are not read to decide anew what was read for the same verdict", async () => {
        const first = await ask();
        assert.equal(says(first), "Verified Verified Registry");
        const previous = toVerdictStatus(first.verdict);
        password = undefined;
        const policies = [signed({ deniedKeys: new Set([key.fingerprint]) })];
        assert.equal(says(await ask({ previous, policies, now: later(60_000) })), "Rejected SignerDenied Facts");
        assert.equal(says(await ask({ previous, now: later(60_000) })), "Verified Verified Facts");
        assert.equal(reads, 1);
      });

      it("are read for whoever has no verdict on it yet, and whenever the registry is asked", async () => {
        const previous = toVerdictStatus((await ask()).verdict);
        assert.equal(says(await ask({ now: later(60_000) })), "Verified Verified Facts");
        assert.equal(reads, 2);
        const rejected = { ...previous, signers: undefined, outcome: "Rejected" as const };
        await ask({ now: later(120_000), previous: rejected });
        await ask({ now: later(180_000), previous: { ...previous, digest: undefined } });
        await ask({ now: later(180_000), previous, credentialSource: source("other") });
        assert.equal(reads, 5);
        assert.equal(says(await ask({ now: later(hour), previous })), "Verified Verified Registry");
        assert.equal(reads, 6);
      });

      it("are not read twice in a burst", async () => {
        await ask();
        await ask({ now: later(5_000) });
        assert.equal(reads, 1);
        await ask({ now: later(-5_000) });
        assert.equal(reads, 2);
      });

      it("that are others by now do not get what those before had read", async () => {
        const previous = toVerdictStatus((await ask()).verdict);
        password = "changed";
        const due = await ask({ now: later(hour), previous });
        assert.equal(says(due), "Indeterminate RegistryUnauthorized Registry");
        // And from then on nothing is known of them.
        const again = await ask({ now: later(hour + 1_000), previous: toVerdictStatus(due.verdict) });
        assert.equal(again.verdict.outcome, "Indeterminate");
      });

      it("that cannot be read leave no verdict, and are never taken for none", async () => {
        password = undefined;
        await assert.rejects(ask(), /the API server is away/);
        await assert.rejects(verify({ credentialSource: source() }), /the API server is away/);
        assert.deepEqual(registry.requests, []);
      });
    });
  });

  describe("the tool", () => {
    it("that fails leaves the verdict open, and is asked again", async () => {
      pushSigned();
      cosign.outcome = { outcome: "indeterminate", detail: "cosign was killed" };
      const first = await verify();
      assert.equal(says(first), "Indeterminate VerifierUnavailable Registry");
      assert.match(first.verdict.message, /cosign was killed/);
      cosign.outcome = { outcome: "valid" };
      assert.equal((await verify()).verdict.outcome, "Verified");
      await verify();
      assert.equal(cosign.checks.length, 2);
    });

    it("is asked once for all who ask at the same time, and so is the registry", async () => {
      const digest = pushSigned();
      const results = await Promise.all(Array.from({ length: 10 }, () => verify({ digest })));
      assert.ok(results.every((result) => result.verdict.outcome === "Verified"));
      assert.equal(cosign.checks.length, 1);
      assert.equal(registry.requests.filter(({ path }) => path.endsWith(`/manifests/${digest}`)).length, 1);
    });

    it("goes on for the others when one of them gives up", async () => {
      const digest = pushSigned();
      const controller = new AbortController();
      const one = verify({ digest, signal: controller.signal });
      const two = verify({ digest });
      controller.abort();
      await assert.rejects(one, /abort/i);
      assert.equal((await two).verdict.outcome, "Verified");
    });

    it("makes no verdict for one who gives up while a tag is resolved", async () => {
      registry.fault = () => true;
      const controller = new AbortController();
      const one = verify({ signal: controller.signal });
      setTimeout(() => controller.abort(), 20);
      await assert.rejects(one, /abort/i);
    });

    it("that has a defect is not taken for one that says no", async () => {
      pushSigned();
      const broken = create({ bundleVerifier: { verifyBundle: () => Promise.reject(new TypeError("a defect")) } });
      await assert.rejects(
        broken.verify({ reference: `${registry.name}:v1`, use: "Image", namespace: "prod", policies: [signed()], now }),
        /a defect/,
      );
    });

    it("is asked about the keys of Warn policies too", async () => {
      pushSigned();
      const watch = signed({ name: "watch", mode: "Warn", authorities: [{ name: "release", key }] });
      const other = signed({ name: "other", mode: "Warn", authorities: [{ name: "stranger", key: stranger }] });
      const { verdict } = await verify({ policies: [signed(), watch, other] });
      assert.equal(verdict.warnings.length, 1);
      assert.match(verdict.warnings[0] ?? "", /policy other .* would refuse \(UntrustedSigner\)/);
    });
  });

  it("verifies a signature by the real cosign, for the digest that it is about", async () => {
    // The manifest has another digest than the one signed here, so the answer must be no; integration tests have the yes.
    const digest = registry.pushArtifact("model", "v1");
    registry.attach(digest, vector("p256.bundle.json"));
    const { verdict } = await verify({ policies: [signed({ authorities: [{ name: "release", key: release }] })] });
    assert.equal(verdict.reason, "InvalidSignature");
    assert.match(verdict.message, new RegExp(vectorDigests.model));
  });

  it("gathers what the registry holds, for who wants to look for themselves", async () => {
    const digest = pushSigned();
    const state = await verifier.gather({ reference: `${registry.name}:v1`, now });
    assert.ok(state.state === "Found");
    assert.equal(state.digest, digest);
    assert.equal(state.bundles.length, 1);
    assert.deepEqual(state.layers, { state: "Intact" });
    assert.equal(validity.recheckAfterMs, hour);
  });
});
