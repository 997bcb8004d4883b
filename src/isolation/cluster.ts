import { type OperatorIdentity, type PodSpecShape, WORKLOAD_ROLE } from "../admission/index.ts";
import { isDeepStrictEqual } from "node:util";
import {
  type JsonPatchOperation,
  type KubeObject,
  type ObjectClient,
  applyChanges,
  namespaceType,
  roleBindingType,
} from "../kube/index.ts";

export const FIELD_MANAGER = "mlsecops-isolation";
export const FINALIZER = "mlsecops.io/namespace";

export interface PodObject extends KubeObject {
  readonly spec: PodSpecShape;
  readonly status?: { readonly phase?: string };
}

export interface RoleBinding extends KubeObject {
  readonly roleRef: { readonly apiGroup: string; readonly kind: string; readonly name: string };
  readonly subjects?: readonly { readonly kind: string; readonly name: string; readonly namespace?: string }[];
}

/** Lets the operator run workloads in the namespace: nowhere else may it. `living`: the binding of that name as it is. */
export async function bindWorkloadRole(
  client: ObjectClient,
  namespace: string,
  { identity, living }: { readonly identity: OperatorIdentity; readonly living: RoleBinding | undefined },
): Promise<void> {
  const binding: RoleBinding = {
    metadata: { name: WORKLOAD_ROLE, namespace },
    roleRef: { apiGroup: "rbac.authorization.k8s.io", kind: "ClusterRole", name: WORKLOAD_ROLE },
    subjects: [{ kind: "ServiceAccount", name: identity.serviceAccount, namespace: identity.namespace }],
  };
  if (living !== undefined && !isDeepStrictEqual(living.roleRef, binding.roleRef)) {
    // Somebody else's of that name: its role cannot be changed, and it must not keep ours away.
    await client.remove(roleBindingType, { namespace, name: WORKLOAD_ROLE });
  }
  await applyChanges(client, roleBindingType, { desired: binding, living }, FIELD_MANAGER);
}

/** Sets labels, or removes those whose value is undefined. Returns the Namespace as it then is. */
export async function setLabels(
  client: ObjectClient,
  namespace: KubeObject,
  wanted: Readonly<Record<string, string | undefined>>,
): Promise<KubeObject> {
  const ops = labelOperations(namespace, wanted);
  if (ops.length === 0) return namespace;
  // A patch, never an apply: that would bring back a namespace that has just been deleted.
  return client.patchJson(namespaceType, { name: namespace.metadata.name }, ops, { fieldManager: FIELD_MANAGER });
}

export function hasLabels(namespace: KubeObject, wanted: Readonly<Record<string, string | undefined>>): boolean {
  return labelOperations(namespace, wanted).length === 0;
}

function labelOperations(
  { metadata: { uid, labels } }: KubeObject,
  wanted: Readonly<Record<string, string | undefined>>,
): readonly JsonPatchOperation[] {
  const changed = Object.entries(wanted).filter(([label, value]) => labels?.[label] !== value);
  if (changed.length === 0) return [];
  return [
    { op: "test", path: "/metadata/uid", value: uid },
    ...(labels === undefined ? [{ op: "add" as const, path: "/metadata/labels", value: {} }] : []),
    ...changed.map(([label, value]): JsonPatchOperation => {
      const path = `/metadata/labels/${label.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      return value === undefined ? { op: "remove", path } : { op: "add", path, value };
    }),
  ];
}
