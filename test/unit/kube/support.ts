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

/** Waits for a condition on real time. For tests over real sockets; the mocha timeout is the limit. */
export async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}
