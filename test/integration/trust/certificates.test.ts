import assert from "node:assert/strict";
import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ClusterTrustPolicySpec } from "../../../src/api/cluster-trust-policy.ts";
import { Egress } from "../../../src/egress/index.ts";
import { Cosign, resolvePolicy, Verifier, type Verdict } from "../../../src/trust/index.ts";
import {
  certificateVectors,
  crl,
  pem,
  vectorBundle,
  type CertificateVector,
} from "../../unit/trust/support/vectors.ts";
import { OwnRegistry } from "./support/own-registry.ts";
import { type Descriptor, indexType, manifestType, Pusher } from "./support/pusher.ts";
import { cosignPath } from "./support/signer.ts";

const repository = "models/iris";
const bundleType = "application/vnd.dev.sigstore.bundle.v0.3+json";
const evaluation = "https://mlsecops.io/evaluation/v1";
const trustedRoot = vectorBundle("trusted-root.json").toString();
const digest = certificateVectors[0]?.digest ?? assert.fail();
/** All were made on one day; a day later they are a day old. */
const now = new Date("2026-12-01T00:00:00Z");

describe("signatures by certificates, with the real cosign", function () {
  this.timeout(60_000);
  const cosign = new Cosign({ path: cosignPath });

  function outcomeOf({ bundle, identity, predicateType, digest: of }: CertificateVector) {
    return cosign.verifyBundle({
      bundle: vectorBundle(bundle),
      by:
        identity.type === "key"
          ? { kind: "Key", publicKeyPem: vectorBundle(`pem/${identity.value}`).toString() }
          : {
              kind: "Certificate",
              trustedRoot,
              subject: identity.value,
              log: false,
              certificateLog: false,
              timestamped: true,
            },
      digest: of,
      predicateType,
    });
  }

  for (const vector of certificateVectors) {
    it(`${vector.name} is ${vector.cosign.outcome}: ${vector.why}`, async () => {
      const result = await outcomeOf(vector);
      assert.equal(result.outcome, vector.cosign.outcome, JSON.stringify(result));
    });
  }
});

describe("verdicts by certificates, with the real cosign and a real registry", function () {
  this.timeout(60_000);
  let registry: OwnRegistry;
  let pusher: Pusher;
  let egress: Egress;

  beforeEach(async () => {
    registry = await OwnRegistry.create();
    await registry.start();
    pusher = new Pusher(`http://${registry.host}`, repository);
    egress = new Egress({ plainHttpHosts: ["127.0.0.1"], addressCheck: () => undefined });
    await pushModel(`${registry.host}/${repository}:v1`);
  });
  afterEach(async () => {
    await egress.close();
    await pusher.close();
    await registry.remove();
  });

  /** Attaches bundles as cosign does: each by a manifest, and all of these in a list. */
  async function attach(...names: readonly string[]): Promise<void> {
    const manifests: Descriptor[] = [];
    for (const name of names) {
      const predicateType = certificateVectors.find((vector) => vector.name === name)?.predicateType ?? "";
      const document = {
        schemaVersion: 2,
        mediaType: manifestType,
        artifactType: bundleType,
        config: await pusher.blob("{}", "application/vnd.oci.empty.v1+json"),
        layers: [await pusher.blob(vectorBundle(`bundles/${name}.json`), bundleType)],
        subject: { mediaType: manifestType, digest, size: 401 },
        annotations: { "dev.sigstore.bundle.predicateType": predicateType },
      };
      manifests.push({ ...(await pusher.manifest(document)), artifactType: bundleType });
    }
    await pusher.manifest({ schemaVersion: 2, mediaType: indexType, manifests }, digest.replace(":", "-"));
  }

  const secrets: Readonly<Record<string, string>> = {
    ca: pem("chain"),
    times: pem("tsa-chain"),
    key: vectorBundle("pem/key-signed.pub").toString(),
  };
  const ref = (name: string) => ({ secretRef: { name, key: "data" } });
  const bank = {
    name: "bank",
    certificate: { ca: ref("ca"), subjects: [{ subject: "release@bank.example" }] },
  };
  const key = { name: "team", key: ref("key") };

  async function verify(spec: object, at = now): Promise<Verdict> {
    const policy = resolvePolicy(
      {
        metadata: { name: "own-ca", generation: 1 },
        spec: ClusterTrustPolicySpec.parse({
          scope: { references: ["**"] },
          timestampAuthorities: [{ name: "times", certificateChain: ref("times") }],
          ...spec,
        }),
      },
      {
        secret: (name) => {
          const data = secrets[name];
          return data === undefined ? undefined : { data: Buffer.from(data).toString("base64") };
        },
        kmsKey: (uri) => ({ state: "Unknown", problem: uri }),
      },
    );
    const verifier = new Verifier({
      egress,
      plainHttpHosts: [registry.host],
      bundleVerifier: new Cosign({ path: cosignPath }),
    });
    const { verdict } = await verifier.verify({
      reference: `${registry.host}/${repository}:v1`,
      namespace: "prod",
      use: "Image",
      policies: [policy],
      now: at,
    });
    return verdict;
  }

  const says = ({ outcome, reason }: Verdict): string => (outcome === reason ? outcome : `${outcome} ${reason}`);

  it("an authority of one's own vouches for whom the policy names, and says when", async () => {
    await attach("email");
    const verdict = await verify({ authorities: [bank] });
    assert(verdict.outcome === "Verified", verdict.message);
    const [signer] = verdict.signers;
    assert.equal(signer?.subject, "release@bank.example");
    assert.ok(signer.signedAt !== undefined && signer.signedAt < now);
    const subjects = [{ subject: "other@bank.example" }];
    const other = await verify({ authorities: [{ ...bank, certificate: { ...bank.certificate, subjects } }] });
    assert.equal(says(other), "Rejected UntrustedSigner");
  });

  for (const name of [
    "other-name",
    "two-emails",
    "any-purpose",
    "encipherment",
    "ca-leaf",
    "late",
    "stranger",
    "no-timestamp",
  ]) {
    it(`${name} vouches for nothing, whatever cosign says of it`, async () => {
      await attach(name);
      const verdict = await verify({ authorities: [bank] });
      assert.equal(verdict.outcome, "Rejected", verdict.message);
    });
  }

  it("two of two: a key and a certificate", async () => {
    await attach("email");
    assert.equal(says(await verify({ authorities: [bank, key], threshold: 2 })), "Rejected ThresholdNotMet");
    await attach("email", "key-signed");
    const verdict = await verify({ authorities: [bank, key], threshold: 2 });
    assert(verdict.outcome === "Verified", verdict.message);
    assert.deepEqual(
      verdict.signers.map(({ authority }) => authority),
      ["bank", "team"],
    );
  });

  it("an attestation that meets its condition, and one that does not", async () => {
    const attestations = [
      { name: "evaluation", predicateType: evaluation, conditions: [{ expression: "predicate.score >= 0.9" }] },
    ];
    const policy = { authorities: [bank], attestations };
    await attach("email");
    assert.equal(says(await verify(policy)), "Rejected AttestationMissing");
    await attach("email", "evaluation-0.5");
    assert.equal(says(await verify(policy)), "Rejected AttestationRejected");
    await attach("email", "evaluation-0.5", "evaluation-0.97");
    assert.equal(says(await verify(policy)), "Verified");
    const every = { ...policy, attestations: attestations.map((one) => ({ ...one, match: "Every" })) };
    assert.equal(says(await verify(every)), "Rejected AttestationRejected");
    await attach("email", "evaluation-0.97");
    assert.equal(says(await verify(every)), "Verified");
  });

  it("a revoked certificate does not count, and one is not known to be good by a list that is overdue", async () => {
    await attach("email");
    for (const [list, expected] of [
      ["none", "Verified"],
      ["leaf", "Rejected CertificateRevoked"],
      ["many-and-leaf", "Rejected CertificateRevoked"],
      ["expired", "Indeterminate RevocationUnknown"],
      ["future", "Indeterminate RevocationUnknown"],
      ["stranger", "Indeterminate AuthorityUnknown"],
    ] as const) {
      const certificate = { ...bank.certificate, revocationList: { inline: crl(`crls/${list}.pem`) } };
      assert.equal(says(await verify({ authorities: [{ ...bank, certificate }] })), expected, list);
    }
  });

  it("a key with a timestamp, within a maximum age and after it", async () => {
    await attach("key-signed");
    const policy = { authorities: [key], age: { maximum: "240h" } };
    const verdict = await verify(policy);
    assert(verdict.outcome === "Verified", verdict.message);
    const signedAt = verdict.signers[0]?.signedAt ?? assert.fail();
    const end = new Date(signedAt.getTime() + 240 * 3_600_000);
    assert.equal(says(await verify(policy, new Date(end.getTime() - 1))), "Verified");
    assert.equal(says(await verify(policy, end)), "Rejected TooOld");
    assert.equal(says(await verify(policy, new Date(signedAt.getTime() - 1))), "Rejected TooNew");
    const untimed = { ...policy, timestampAuthorities: [] };
    assert.equal(says(await verify(untimed)), "Rejected SigningTimeUnproven");
  });
});

/** The artifact of the vectors: it is put together as it was then, byte for byte. */
async function pushModel(reference: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), "model-"));
  try {
    const layout = join(directory, "layout");
    await writeFile(join(directory, "model.txt"), "the model\n");
    await execa("pack", ["model.tar", "vectors:model", "model.txt=/model.txt"], { cwd: directory });
    await execa("mkdir", [layout]);
    await execa("tar", ["-C", layout, "-xf", "model.tar"], { cwd: directory });
    const pushed = await execa("crane", ["push", "--insecure", layout, reference]);
    assert.ok(pushed.stdout.endsWith(digest), pushed.stdout);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}
