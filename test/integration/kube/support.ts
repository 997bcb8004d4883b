import { randomBytes } from "node:crypto";
import { KubeConfig } from "@kubernetes/client-node";
import {
  createLogger,
  createTransport,
  isKubeError,
  ObjectClient,
  type KubeObject,
  type Logger,
  type ResourceType,
  type Transport,
  type TransportOptions,
} from "../../../src/kube/index.ts";

export const configMaps: ResourceType = {
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  namespaced: true,
};
export const namespaces: ResourceType = {
  group: "",
  version: "v1",
  kind: "Namespace",
  plural: "namespaces",
  namespaced: false,
};

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

/** The cluster that KUBECONFIG names. */
export function loadKubeConfig(): KubeConfig {
  if (process.env["KUBECONFIG"] === undefined) throw new Error("these tests need a cluster: set KUBECONFIG");
  const kubeConfig = new KubeConfig();
  kubeConfig.loadFromDefault();
  return kubeConfig;
}

/** As fast as the server allows: the limit of the rate is tested elsewhere. */
export function connect(kubeConfig = loadKubeConfig(), options: Partial<TransportOptions> = {}): Transport {
  return createTransport({ kubeConfig, rateLimit: { perSecond: 10_000, burst: 10_000 }, ...options });
}

export function randomName(prefix: string): string {
  return `${prefix}-${randomBytes(4).toString("hex")}`;
}

export function silentLog(): Logger {
  return createLogger({ level: "silent" });
}

/** A namespace for one suite, on a connection of its own. */
export class TestNamespace {
  readonly name = randomName("kube-test");
  readonly transport = connect();
  readonly client = new ObjectClient({ transport: this.transport });

  async create(): Promise<void> {
    await this.client.create<KubeObject>(namespaces, { metadata: { name: this.name } });
  }

  configMap(name: string, data: Record<string, string> = {}): ConfigMap {
    return { metadata: { namespace: this.name, name }, data };
  }

  /** Deletion goes on in the background; nobody else uses the name. */
  async remove(): Promise<void> {
    await this.client.remove(namespaces, { name: this.name });
    this.transport.close();
  }
}

/** Waits for a condition, for half a minute: without a limit a failed test would keep the process alive. */
export async function until(condition: () => boolean | Promise<boolean>, withinMs = 30_000): Promise<void> {
  const limit = performance.now() + withinMs;
  while (!(await condition())) {
    if (performance.now() > limit) throw new Error(`not within ${withinMs / 1000} s: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Some things are not there at once after what they depend on was created. */
export async function eventually<T>(action: () => Promise<T>): Promise<T> {
  const limit = performance.now() + 30_000;
  for (;;) {
    try {
      return await action();
    } catch (error) {
      const early = isKubeError(error, "NotFound", "Forbidden", "Conflict", "Unavailable");
      if (!early || performance.now() > limit) throw error;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
}

/** Runs the action for every item, a bounded number at once. */
export async function forEachOf<T>(
  items: readonly T[],
  parallel: number,
  action: (item: T) => Promise<unknown>,
): Promise<void> {
  const queue = [...items];
  const work = async (): Promise<void> => {
    for (let item = queue.shift(); item !== undefined; item = queue.shift()) await action(item);
  };
  await Promise.all(Array.from({ length: parallel }, work));
}
