import type { ClusterTrustPolicy, SecureModel, SecureNamespace } from "../../api/index.ts";
import { type Answer, known } from "../ask.ts";
import { type Listed, readModels, readNamespaces, readPolicies } from "../cluster.ts";

export interface Facts {
  readonly policies: Answer<Listed<ClusterTrustPolicy>>;
  readonly namespaces: Answer<Listed<SecureNamespace>>;
  readonly models: Answer<Listed<SecureModel>>;
}

/** Everything of one namespace, or of all; policies are the cluster's. */
export async function gather(namespace: string | undefined): Promise<Facts> {
  const [policies, namespaces, models] = await Promise.all([readPolicies(), readNamespaces(), readModels(namespace)]);
  if (namespace === undefined || namespaces.state !== "known") return { policies, namespaces, models };
  const { objects, unreadable } = namespaces.value;
  const own = {
    objects: objects.filter(({ metadata }) => metadata.name === namespace),
    unreadable: unreadable.filter(({ name }) => name === namespace),
  };
  return { policies, namespaces: known(own), models };
}
