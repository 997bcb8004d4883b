import { type KubeObject, type ObjectClient, type ResourceType, namespaceType } from "../../../src/kube/index.ts";
import { eventually } from "../../integration/kube/support.ts";
import { SimulatedKubelet } from "../../integration/operator/support/simulated-kubelet.ts";
import { readyPods } from "../health/contestant.ts";
import { kubectl } from "./webhook.ts";

export interface LaneOptions {
  /** Of the metrics server. */
  readonly url: string;
  /** The rollout ends by itself, and soon; else it goes on for as long as it is looked at. */
  readonly promotes: boolean;
}

/** Where the lanes of one peer are: a namespace of its own. */
export class Ground {
  readonly namespace: string;
  readonly #client: ObjectClient;

  constructor(client: ObjectClient, namespace: string) {
    this.#client = client;
    this.namespace = namespace;
  }

  /** Applies the files of the peer's kinds, and waits until these are served. */
  async install(files: readonly string[], kinds: readonly ResourceType[]): Promise<void> {
    for (const file of files) await kubectl(["apply", "--server-side", "-f", file]);
    await this.apply(namespaceType, { metadata: { name: this.namespace } });
    for (const kind of kinds) await eventually(() => this.#client.list(kind, { namespace: this.namespace }));
  }

  async apply(type: ResourceType, object: KubeObject): Promise<void> {
    await this.#client.apply<KubeObject>(type, object, { fieldManager: "bench" });
  }

  get<T extends KubeObject>(type: ResourceType, name: string): Promise<T | undefined> {
    return this.#client.get<T>(type, { namespace: this.namespace, name });
  }

  newPods(name: string): Promise<number> {
    return readyPods(this.#client, this.namespace, { app: name, version: "v2" });
  }
}

/** A pod that nobody starts: `SimulatedKubelet` says that it runs. */
export function podTemplate(name: string, version: string): object {
  const labels = { app: name, version, bench: "peer" };
  const containers = [{ name: "runtime", image: "registry.test:5000/none:v1", ports: [{ containerPort: 8080 }] }];
  return { metadata: { labels }, spec: { schedulerName: SimulatedKubelet.schedulerName, containers } };
}
