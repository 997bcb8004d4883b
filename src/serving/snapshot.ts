import type { SecureModel } from "../api/index.ts";
import { type KubeObject, type ObjectClient, configMapType } from "../kube/index.ts";
import { ownerReference } from "./revision.ts";
import { modelLabels } from "./workload.ts";

const maxPods = 5;
const maxLogBytes = 64 * 1024;

/** The ConfigMap with the snapshot of a model. */
export function snapshotName(model: SecureModel): string {
  return `${model.metadata.name}-quarantine`;
}

/**
 * Keeps the last logs and the status of the pods in a ConfigMap, before they are deleted. Best effort: a pod without logs
 * does not hold the quarantine up. The snapshot of an earlier quarantine is replaced.
 */
export async function quarantineSnapshot(
  client: ObjectClient,
  model: SecureModel,
  pods: readonly (KubeObject & { readonly status?: unknown })[],
  now: Date,
): Promise<void> {
  const { name, namespace = "" } = model.metadata;
  const data: Record<string, string> = { takenAt: now.toISOString() };
  for (const pod of pods.slice(0, maxPods)) {
    data[`${pod.metadata.name}.status.json`] = JSON.stringify(pod.status ?? {});
    data[`${pod.metadata.name}.log`] = await client
      .logs({ namespace, name: pod.metadata.name }, { tailLines: 500, limitBytes: maxLogBytes })
      .catch((error: unknown) => `no logs: ${error instanceof Error ? error.message : String(error)}`);
  }
  await client.apply(
    configMapType,
    {
      metadata: {
        name: snapshotName(model),
        namespace,
        labels: modelLabels(name),
        ownerReferences: [ownerReference(model)],
      },
      data,
    } as KubeObject,
    { fieldManager: "mlsecops-serving" },
  );
}
