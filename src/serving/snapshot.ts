import type { SecureModel } from "../api/index.ts";
import type { KubeObject, ObjectClient, ResourceType } from "../kube/index.ts";
import { ownerReference } from "./revision.ts";
import { modelLabels, podType } from "./workload.ts";

const configMapType: ResourceType = {
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  namespaced: true,
};

const maxPods = 5;
const maxLogBytes = 64 * 1024;

/**
 * Keeps the last logs and the status of a quarantined model's pods in a ConfigMap, before the pods are deleted. Best
 * effort: a pod without logs does not hold the quarantine up. Returns the ConfigMap's name.
 */
export async function quarantineSnapshot(client: ObjectClient, model: SecureModel, now: Date): Promise<string> {
  const { name, namespace = "" } = model.metadata;
  const labelSelector = Object.entries(modelLabels(name))
    .map(([label, value]) => `${label}=${value}`)
    .join(",");
  const pods = await client.list<KubeObject & { status?: unknown }>(podType, { namespace, labelSelector });
  const data: Record<string, string> = { takenAt: now.toISOString() };
  for (const pod of pods.slice(0, maxPods)) {
    data[`${pod.metadata.name}.status.json`] = JSON.stringify(pod.status ?? {});
    data[`${pod.metadata.name}.log`] = await client
      .logs({ namespace, name: pod.metadata.name }, { tailLines: 500, limitBytes: maxLogBytes })
      .catch((error: unknown) => `no logs: ${error instanceof Error ? error.message : String(error)}`);
  }
  const snapshot = `${name}-quarantine`;
  await client.apply(
    configMapType,
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: snapshot, namespace, labels: modelLabels(name), ownerReferences: [ownerReference(model)] },
      data,
    } as KubeObject,
    { fieldManager: "mlsecops-serving" },
  );
  return snapshot;
}
