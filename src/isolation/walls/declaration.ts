import type { SecureNamespaceSpec } from "../../api/index.ts";
import { type KubeObject, networkPolicyType } from "../../kube/index.ts";
import { type Declaration, NetworkPolicySpecSchema } from "../../reach/index.ts";
import { type WallOptions, networkWalls } from "./walls.ts";

export interface DeclarationOptions extends Pick<WallOptions, "dns" | "served" | "isSecured" | "probes"> {
  /** NetworkPolicies that the operator makes for another reason, such as imports of models. */
  readonly others?: readonly (KubeObject & { readonly spec?: unknown })[];
}

/**
 * What a SecureNamespace says that its pods may reach, and be reached by. From the spec alone, in Audit too: what lives in
 * the cluster, with whatever labels, declares nothing. Pure.
 */
export function declarationOf(
  name: string,
  spec: Pick<SecureNamespaceSpec, "network">,
  { others = [], ...options }: DeclarationOptions,
): Declaration {
  const policies = networkWalls(name, spec, options).walls.filter(({ type }) => type === networkPolicyType);
  return {
    policies: [...policies.map(({ object }) => object), ...others].map((object) =>
      NetworkPolicySpecSchema.parse(object.spec),
    ),
    exposed: spec.network.exposed,
  };
}
