import { type SecureNamespace, type SecureNamespaceSpec, secureNamespace } from "../api/index.ts";
import { type KubeObject, ensureFinalizer, isKubeError, namespaceType } from "../kube/index.ts";
import { FINALIZER, createNamespace } from "./cluster.ts";
import { wantedLabels } from "./labels.ts";
import type { Pass } from "./pass.ts";

/** The Namespace, made where it is to be made; or why there is none. */
export async function findNamespace(
  { deps, client, name }: Pass,
  raw: SecureNamespace,
  spec: SecureNamespaceSpec,
): Promise<{ readonly namespace: KubeObject } | { readonly message: string }> {
  const isMade = spec.namespace === "Create";
  const living = deps.living.get(name);
  if (living?.metadata.deletionTimestamp !== undefined) {
    const then = isMade
      ? "the operator makes it again afterwards"
      : "create it again afterwards, or delete this object";
    return { message: `namespace ${name} is being deleted: ${then}` };
  }
  if (living !== undefined) return { namespace: living };
  if (!isMade) {
    const message = `there is no namespace ${name}: create it with kubectl create namespace ${name}, write namespace: Create, or delete this object`;
    return { message };
  }
  // It must not be there without anybody to take care of its end.
  if (raw.metadata.finalizers?.includes(FINALIZER) !== true)
    await ensureFinalizer(client, secureNamespace.resource, raw, FINALIZER);
  try {
    return { namespace: await createNamespace(client, raw, wantedLabels(spec)) };
  } catch (error) {
    if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
    // Not known here yet.
    const there = isKubeError(error, "AlreadyExists") ? await client.get(namespaceType, { name }) : undefined;
    if (there !== undefined && there.metadata.deletionTimestamp === undefined) return { namespace: there };
    return { message: `namespace ${name} cannot be made: ${error.message}. It is tried again` };
  }
}
