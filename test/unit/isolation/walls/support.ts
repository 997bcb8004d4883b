import { SecureNamespaceSpec } from "../../../../src/api/index.ts";
import type { WallOptions } from "../../../../src/isolation/walls/walls.ts";

export const options: WallOptions = {
  dns: { namespace: "kube-system", podLabels: { "k8s-app": "kube-dns" } },
  served: { names: false, admin: undefined },
  isSecured: (name) => name === "gateway" || name === "features",
  people: [],
};

export function specOf(fields: Readonly<Record<string, unknown>> = {}): SecureNamespaceSpec {
  return SecureNamespaceSpec.parse({ profile: "serving", enforcement: "Enforce", ...fields });
}
