import type { OperatorIdentity } from "../admission/index.ts";
import type { SecureModel } from "../api/index.ts";
import type { DnsPlace } from "../isolation/index.ts";
import type { Store } from "../kube/index.ts";

/** Where probes come from, for namespaces with a model whose pods are to be asked: its walls must let them in. */
export function probesFrom(
  models: Pick<Store<SecureModel>, "list">,
  { namespace }: Pick<OperatorIdentity, "namespace">,
): (name: string) => DnsPlace | undefined {
  const origin = { namespace, podLabels: { "app.kubernetes.io/name": "mlsecops-operator" } };
  return (name) => (models.list(name).some(isProbed) ? origin : undefined);
}

function isProbed({ spec }: SecureModel): boolean {
  return spec.health?.signals.some(({ probe, agreement }) => probe !== undefined || agreement !== undefined) ?? false;
}
