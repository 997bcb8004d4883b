import { createLogger, type KubeObject, type Logger, type ResourceType } from "../../../src/kube/index.ts";

export const configMaps: ResourceType = {
  group: "",
  version: "v1",
  kind: "ConfigMap",
  plural: "configmaps",
  namespaced: true,
};

export const nodes: ResourceType = { group: "", version: "v1", kind: "Node", plural: "nodes", namespaced: false };

export function silentLog(): Logger {
  return createLogger({ level: "silent" });
}

export interface ConfigMap extends KubeObject {
  data?: Record<string, string>;
}

/** A ConfigMap "ns/name" as the API server would send it. */
export function configMap(
  name: string,
  resourceVersion: string | number,
  data: Record<string, string> = {},
): ConfigMap {
  return {
    apiVersion: "v1",
    kind: "ConfigMap",
    metadata: { namespace: "ns", name, uid: `uid-${name}`, resourceVersion: String(resourceVersion) },
    data,
  };
}

/** Waits for a condition over real sockets, for 9 s: without a limit a failed test would keep the process alive. */
export async function until(condition: () => boolean): Promise<void> {
  const limit = performance.now() + 9_000;
  while (!condition()) {
    if (performance.now() > limit) throw new Error(`not within 9 s: ${String(condition)}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
