import {
  Informer,
  isKubeError,
  ObjectClient,
  systemClock,
  type KubeObject,
  type ResourceType,
  type Transport,
} from "../../../../src/kube/index.ts";
import { silentLog } from "../../kube/support.ts";

export const pods: ResourceType = { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true };

interface Pod extends KubeObject {
  readonly status?: { readonly phase?: string };
}

/**
 * Says of every pod of the operator's, or of those that another selector has, that it runs and is ready. The pods name a scheduler that there is not, so no node has
 * them: they pass admission and belong to a real Deployment, but cost nothing, and are gone as soon as they are deleted.
 */
export class SimulatedKubelet {
  static readonly schedulerName = "nobody";
  readonly #stop = new AbortController();

  constructor(transport: Transport, labelSelector = "app.kubernetes.io/managed-by=mlsecops-operator") {
    const client = new ObjectClient({ transport });
    const informer = new Informer<Pod>({
      client,
      type: pods,
      labelSelector,
      clock: systemClock,
      log: silentLog(),
    });
    informer.onChange(({ type, object }) => {
      if (type !== "deleted" && object.status?.phase !== "Running") void this.#run(client, object);
    });
    informer.start(this.#stop.signal);
  }

  stop(): void {
    this.#stop.abort();
  }

  async #run(client: ObjectClient, { metadata }: Pod): Promise<void> {
    const conditions = ["Initialized", "ContainersReady", "Ready", "PodScheduled"].map((type) => ({
      type,
      status: "True",
      lastTransitionTime: new Date().toISOString().replace(/\.\d+/, ""),
    }));
    try {
      await client.patchJson(
        pods,
        metadata,
        [{ op: "add", path: "/status", value: { phase: "Running", conditions } }],
        {
          subresource: "status",
        },
      );
    } catch (error) {
      // Deleted already.
      if (!isKubeError(error, "NotFound", "Invalid", "Conflict", "Aborted")) throw error;
    }
  }
}
