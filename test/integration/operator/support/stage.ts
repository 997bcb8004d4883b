import { KubeConfig } from "@kubernetes/client-node";
import { forEachOf, loadKubeConfig, randomName } from "../../kube/support.ts";
import { Installation } from "./installation.ts";
import { Lane, policies } from "./lane.ts";
import { pushModels, type Models } from "./models.ts";
import { OperatorProcess, type OperatorOptions } from "./operator-process.ts";
import { SimulatedKubelet } from "./simulated-kubelet.ts";

/** How many tenants are looked after at the same time. */
const parallel = 8;

/** Everything that a test of the operator needs beside the operator: an installation, signed artifacts, and tenants. */
export class Stage {
  readonly installation: Installation;
  readonly #runtimePolicy = randomName("runtime");
  #lanes: Lane[] = [];
  #rights: KubeConfig | undefined;
  #kubelet: SimulatedKubelet | undefined;
  #artifacts: Models | undefined;

  constructor(kubeConfig = loadKubeConfig()) {
    this.installation = new Installation(kubeConfig);
  }

  async set(): Promise<void> {
    const { admin } = this.installation;
    await this.installation.install();
    this.#kubelet = new SimulatedKubelet(this.installation.transport);
    this.#artifacts = await pushModels();
    const { repository, publicKey } = this.#artifacts;
    await admin.create(policies, {
      metadata: { name: this.#runtimePolicy },
      spec: {
        scope: { references: [`${repository}/runtime`] },
        authorities: [{ name: "release", key: { inline: publicKey } }],
      },
    } as object as { metadata: { name: string } });
  }

  get artifacts(): Models {
    if (this.#artifacts === undefined) throw new Error("the stage is not set");
    return this.#artifacts;
  }

  /** Names of tenants that do not exist yet. */
  lanes(count: number): Lane[] {
    const { artifacts } = this;
    const made = Array.from(
      { length: count },
      () => new Lane(randomName("tenant"), this.installation.admin, artifacts),
    );
    this.#lanes.push(...made);
    return made;
  }

  /** The operator's, at the given server where that is another one than the kubeconfig's. */
  async rights(server?: string): Promise<KubeConfig> {
    const config = new KubeConfig();
    const account = (this.#rights ??= await this.installation.operatorKubeConfig());
    const [cluster, user] = [account.getCurrentCluster(), account.getCurrentUser()];
    if (cluster === null || user === null) throw new Error("the operator's kubeconfig is incomplete");
    config.loadFromClusterAndUser({ ...cluster, ...(server === undefined ? {} : { server }) }, user);
    return config;
  }

  async operator({
    server,
    ...options
  }: OperatorOptions & { readonly server?: string } = {}): Promise<OperatorProcess> {
    return OperatorProcess.start(await this.rights(server), options);
  }

  async strike(): Promise<void> {
    this.#kubelet?.stop();
    await inParallel(this.#lanes, (lane) => lane.remove());
    this.#lanes = [];
    await this.installation.admin.remove(policies, { name: this.#runtimePolicy });
    this.installation.transport.close();
  }
}

export function inParallel<T>(items: readonly T[], action: (item: T) => Promise<unknown>): Promise<void> {
  return forEachOf(items, parallel, action);
}

export interface ReachOptions {
  readonly operator: OperatorProcess;
  readonly withinMs?: number;
  /** What a failure says of the tenant. */
  readonly about?: (lane: Lane) => string;
}

/** Waits until the condition held once for each tenant; asks so rarely that it does not slow down what it waits for. */
export async function reach(
  lanes: readonly Lane[],
  condition: (lane: Lane) => Promise<boolean>,
  { operator, withinMs = 30_000, about = () => "" }: ReachOptions,
): Promise<void> {
  const limit = performance.now() + withinMs;
  let left = lanes;
  for (;;) {
    const reached = new Set<Lane>();
    await inParallel(left, async (lane) => {
      if (await condition(lane)) reached.add(lane);
    });
    left = left.filter((lane) => !reached.has(lane));
    const [first] = left;
    if (first === undefined) return;
    if (performance.now() > limit) {
      const state = JSON.stringify(await first.state(), undefined, 1);
      const names = left.map((lane) => `${lane.name} ${about(lane)}`).join(", ");
      throw new Error(`not within ${withinMs / 1000} s: ${names}\n${state}\n${operator.log}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}
