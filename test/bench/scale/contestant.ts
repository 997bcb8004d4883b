import type { KubeObject, ObjectClient, ResourceType } from "../../../src/kube/index.ts";
import { namespaces } from "../../integration/kube/support.ts";
import { forEachOf } from "../../integration/kube/support.ts";

/** Writers of the benchmark at the same time. */
export const parallel = 16;

/** One tool that brings many objects to where they are to be. */
export interface Contestant {
  readonly tool: string;
  /** How its user agent begins. */
  readonly agent: string;
  /** The kind whose objects are counted. */
  readonly type: ResourceType;
  /** Kinds, namespaces, and what all objects share. */
  readonly prepare: (spaces: readonly string[]) => Promise<void>;
  readonly start: () => Promise<void>;
  /** Once it runs, until it is ready for the first object. */
  readonly ready: (spaces: readonly string[]) => Promise<void>;
  readonly pid: () => number;
  readonly create: (namespace: string, name: string) => Promise<void>;
  /** It has come to rest, and its pod runs. */
  readonly isSteady: (object: KubeObject) => boolean;
  /** Whether nothing waits to be looked at any more, where the tool says so. */
  readonly isQuiet?: () => Promise<boolean>;
  readonly stop: () => Promise<void>;
  readonly log: () => Promise<string>;
  /** For those that come after it on this cluster. */
  readonly remove: (spaces: readonly string[]) => Promise<void>;
}

/** Pods on simulated nodes: they are said to run within a moment, and cost nothing. */
export const simulated = {
  nodeSelector: { type: "kwok" },
  tolerations: [{ key: "kwok.x-k8s.io/node", operator: "Exists", effect: "NoSchedule" }],
} as const;

export async function createNamespaces(client: ObjectClient, spaces: readonly string[]): Promise<void> {
  await forEachOf(spaces, parallel, (name) => client.create<KubeObject>(namespaces, { metadata: { name } }));
}

/** With all that is in them. */
export async function removeNamespaces(client: ObjectClient, spaces: readonly string[]): Promise<void> {
  await forEachOf(spaces, parallel, (name) => client.remove(namespaces, { name }));
  const gone = new Set(spaces);
  for (;;) {
    const left = (await client.list<KubeObject>(namespaces)).filter(({ metadata }) => gone.has(metadata.name));
    if (left.length === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 2_000));
  }
}
