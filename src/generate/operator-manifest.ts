const HEADER = "# Rendered from charts/mlsecops-operator by `make manifests`; do not edit.\n";
/** Generated from src, without Helm: manifests/install/crds.yaml, admission-policies.yaml and people-roles.yaml. */
const GENERATED = /^# Source: mlsecops-operator\/templates\/(admission\/|crds\/|people-roles\.yaml)/;

/** manifests/install/operator.yaml, from what `helm template` says of the chart. */
export function operatorManifest(rendered: string): string {
  const documents = withoutHelm(rendered)
    .split(/^---\n/m)
    .map((document) => document.trim())
    .filter((document) => document !== "" && !GENERATED.test(document));
  return HEADER + documents.map((document) => `---\n${document}\n`).join("");
}

/** The same objects without what only Helm reads, and managed by kustomize. */
export function withoutHelm(rendered: string): string {
  return rendered
    .replaceAll(/\n {2}annotations:\n {4}helm\.sh\/resource-policy: keep(?=\n)/g, "")
    .replaceAll(/(app\.kubernetes\.io\/managed-by: )Helm/g, "$1kustomize");
}
