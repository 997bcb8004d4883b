import { type SecureModel, ownerReference, secureModel } from "../api/index.ts";
import { type KubeObject, type ObjectClient, configMapType, truncateUtf8 } from "../kube/index.ts";
import { modelLabels } from "./workload.ts";

const maxPods = 5;
const maxContainers = 4;
/** Of one container. A ConfigMap holds 1 MiB, and text that is no UTF-8 grows when it is stored. */
const maxLogBytes = 16 * 1024;
/** A node that does not answer must not hold a quarantine up. */
const maxWaitMs = 3_000;

interface Pod extends KubeObject {
  readonly spec?: { readonly containers?: readonly { readonly name: string }[] };
  readonly status?: unknown;
}

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
  pods: readonly Pod[],
  now: Date,
): Promise<void> {
  const { name, namespace = "" } = model.metadata;
  const kept = pods.slice(0, maxPods);
  const logs = kept.flatMap((pod) => containersOf(pod).map((container) => readLog(client, pod, container)));
  const data = Object.fromEntries([
    ["takenAt", now.toISOString()],
    ...kept.map((pod) => [`${pod.metadata.name}.status.json`, JSON.stringify(pod.status ?? {})] as const),
    ...(await Promise.all(logs)),
  ]);
  await client.apply(
    configMapType,
    {
      metadata: {
        name: snapshotName(model),
        namespace,
        labels: modelLabels(name),
        ownerReferences: [ownerReference(secureModel, model)],
      },
      data,
    } as KubeObject,
    { fieldManager: "mlsecops-serving" },
  );
}

function containersOf({ spec }: Pod): readonly (string | undefined)[] {
  const names = (spec?.containers ?? []).slice(0, maxContainers).map(({ name }) => name);
  return names.length === 0 ? [undefined] : names;
}

async function readLog(
  client: ObjectClient,
  { metadata: { name, namespace = "" } }: Pod,
  container: string | undefined,
): Promise<readonly [string, string]> {
  const bounded = client.withSignal(AbortSignal.timeout(maxWaitMs));
  const options = { tailLines: 200, limitBytes: maxLogBytes, ...(container === undefined ? {} : { container }) };
  const text = await bounded
    .logs({ namespace, name }, options)
    .catch((error: unknown) => `no logs: ${error instanceof Error ? error.message : String(error)}`);
  return [`${name}${container === undefined ? "" : `.${container}`}.log`, truncateUtf8(text, 2 * maxLogBytes)];
}
