import assert from "node:assert/strict";
import { operatorManifest } from "../../../src/generate/operator-manifest.ts";

const labels = "  labels:\n    app.kubernetes.io/managed-by: Helm\n";
const account = `# Source: mlsecops-operator/templates/serviceaccount.yaml\n# Its name.\nkind: ServiceAccount\nmetadata:\n${labels}`;
const kept = `# Source: mlsecops-operator/templates/kept.yaml\nkind: Secret\nmetadata:\n  name: key\n  annotations:\n    helm.sh/resource-policy: keep\n${labels}`;
const policy =
  "# Source: mlsecops-operator/templates/admission/policies.yaml\nkind: ValidatingAdmissionPolicy\nmetadata:\n  name: one\n";

describe("the operator's manifest", () => {
  const text = operatorManifest(["", account, policy, kept, policy].join("---\n"));

  it("holds the chart's objects with their comments, and not the admission policies", () => {
    assert.match(text, /^# Rendered .* `make manifests`; do not edit\.\n---\n/);
    assert.match(text, /# Its name\.\nkind: ServiceAccount/);
    assert.deepEqual(text.match(/(?<=^kind: ).*/gm), ["ServiceAccount", "Secret"]);
  });

  it("says nothing that only Helm reads", () => {
    assert.doesNotMatch(text, /helm/i);
    assert.equal(text.match(/managed-by: kustomize/g)?.length, 2);
    assert.match(text, /name: key\n {2}labels:/);
  });
});
