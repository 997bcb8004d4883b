import assert from "node:assert/strict";
import type { ModelRevision, SecureModel, SecureNamespace, VerdictStatus } from "../../../src/api/index.ts";
import { modelIsUrgent, namespaceIsUrgent } from "../../../src/operator/urgency.ts";
import { backup, digest, digestOf, name, policy, release } from "../trust/support/build.ts";

const verdict: VerdictStatus = {
  outcome: "Verified",
  reason: "Verified",
  message: "",
  digest,
  signers: [{ policy: "signed", authority: "release", keyFingerprint: release.fingerprint }],
};
const metadata = { name: "iris", namespace: "shop" };
const removed = [policy({ authorities: [{ name: "backup", key: backup }] })];

function model(status: SecureModel["status"], reference = `${name}:v1`): SecureModel {
  return { metadata, spec: { source: { oci: { reference } } }, status } as unknown as SecureModel;
}

function revision(one: VerdictStatus | undefined, platformDigests: readonly string[] = []): ModelRevision {
  const spec = { artifact: { repository: name, digest, platformDigests } };
  return { metadata, spec, status: { verdict: one } } as unknown as ModelRevision;
}

describe("a model or namespace is urgent", () => {
  const platform = digestOf("d");
  const known = { reference: name, digest, platformDigests: [platform], resolvedAt: "", generation: 1 };
  const denied = [policy({ denied: new Set([platform]) })];
  const models: readonly [string, SecureModel, ModelRevision | undefined, typeof removed, boolean][] = [
    ["not while its key is there", model({ verdict }), revision(verdict), [policy()], false],
    ["where its key is removed", model({ verdict }), undefined, removed, true],
    ["where a platform of it is denied", model({ verdict, artifact: known }), undefined, denied, true],
    ["where what serves loses its key, whatever is to come", model({}), revision(verdict), removed, true],
    ["where what serves is denied", model({}), revision(verdict, [platform]), denied, true],
    ["not where nothing was judged", model(undefined), revision(undefined), removed, false],
    ["not by its reference where that cannot be read", model({ verdict }, "::"), undefined, removed, false],
  ];
  for (const [title, one, active, policies, expected] of models)
    it(title, () => assert.equal(modelIsUrgent(one, active, policies), expected));

  it("where an image that it allows loses its key", () => {
    const images = (reference: string) => ({
      metadata: { name: "shop" },
      status: { images: [{ reference, verdict }] },
    });
    const of = (reference: string, policies = removed) =>
      namespaceIsUrgent(images(reference) as unknown as SecureNamespace, policies);
    assert.deepEqual([of(name), of(name, [policy()]), of("::")], [true, false, false]);
    assert.equal(namespaceIsUrgent({ metadata: { name: "shop" } } as SecureNamespace, removed), false);
  });
});
