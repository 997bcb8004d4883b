import { CREATED_BY, type OperatorIdentity, type PodSpecShape, WORKLOAD_ROLE } from "../admission/index.ts";
import type { SecureNamespace, SecureNamespaceSpec } from "../api/index.ts";
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

/** Makes the Namespace, shut from the beginning. @throws KubeError what the API server answered. */
export function createNamespace(
  client: ObjectClient,
  { metadata: { name, uid = "" } }: SecureNamespace,
  marks: Marks,
): Promise<KubeObject> {
  const labels = Object.fromEntries(
    Object.entries(marks).filter((mark): mark is [string, string] => mark[1] !== undefined),
  );
  const namespace: KubeObject = { metadata: { name, labels, annotations: { [CREATED_BY]: uid } } };
  return client.create(namespaceType, namespace, { fieldManager: FIELD_MANAGER });
}

/** Whether the Namespace is to go with its SecureNamespace: only one that was made for this very object. Pure. */
export function goesWith(
  { metadata }: KubeObject,
  { deletionPolicy }: Pick<SecureNamespaceSpec, "deletionPolicy">,
  namespace: KubeObject,
): boolean {
  const { [CREATED_BY]: madeFor } = namespace.metadata.annotations ?? {};
  return deletionPolicy === "DeleteNamespace" && madeFor !== undefined && madeFor === metadata.uid;
}

type Marks = Readonly<Record<string, string | undefined>>;

/** Sets labels, or removes those whose value is undefined. Returns the Namespace as it then is. */
export function setLabels(client: ObjectClient, namespace: KubeObject, wanted: Marks): Promise<KubeObject> {
  return changeNamespace(client, namespace, { labels: wanted, annotations: {} });
}

/** The same for labels and annotations together. */
export async function changeNamespace(
  client: ObjectClient,
  namespace: KubeObject,
  { labels, annotations }: { readonly labels: Marks; readonly annotations: Marks },
): Promise<KubeObject> {
  const { uid, resourceVersion } = namespace.metadata;
  const changes = [
    ...markOperations(namespace, "labels", labels),
    ...markOperations(namespace, "annotations", annotations),
  ];
  if (changes.length === 0) return namespace;
  // A map that is made must not take the place of one that somebody else has made since.
  const isMade = changes.some(({ path }) => path === "/metadata/labels" || path === "/metadata/annotations");
  const ops: readonly JsonPatchOperation[] = [
    { op: "test", path: "/metadata/uid", value: uid },
    ...(isMade && resourceVersion !== undefined
      ? [{ op: "test" as const, path: "/metadata/resourceVersion", value: resourceVersion }]
      : []),
    ...changes,
  ];
  // A patch, never an apply: that would bring back a namespace that has just been deleted.
  return client.patchJson(namespaceType, { name: namespace.metadata.name }, ops, { fieldManager: FIELD_MANAGER });
}

export function hasLabels(namespace: KubeObject, wanted: Marks): boolean {
  return markOperations(namespace, "labels", wanted).length === 0;
}

function markOperations(
  { metadata }: KubeObject,
  field: "labels" | "annotations",
  wanted: Marks,
): readonly JsonPatchOperation[] {
  const living = metadata[field];
  const changed = Object.entries(wanted).filter(([key, value]) => living?.[key] !== value);
  if (changed.length === 0) return [];
  return [
    ...(living === undefined ? [{ op: "add" as const, path: `/metadata/${field}`, value: {} }] : []),
    ...changed.map(([key, value]): JsonPatchOperation => {
      const path = `/metadata/${field}/${key.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      return value === undefined ? { op: "remove", path } : { op: "add", path, value };
    }),
  ];
}
