import type { ModelRevision, SecureModel } from "../../../src/api/index.ts";
import type { KubeObject } from "../../../src/kube/index.ts";
import type { TrafficSplit } from "../../../src/traffic/index.ts";

export const MODEL = { "app.kubernetes.io/managed-by": "mlsecops-operator", "mlsecops.io/model": "iris" };
export const NOBODY = { ...MODEL, "mlsecops.io/model": "QUARANTINED" };

export const ofRevision = (name: string) => ({ ...MODEL, "mlsecops.io/revision": name });

/** Of a model only what drivers read. */
export const model = {
  metadata: { name: "iris", namespace: "shop", uid: "m1" },
  spec: { workload: { managed: { port: 8080 } } },
} as SecureModel;

export function revision(name: string, port = 8080): ModelRevision {
  return { metadata: { name, namespace: "shop" }, spec: { model: "iris", serving: { port } } } as ModelRevision;
}

export const one = revision("iris-one");
export const two = revision("iris-two");

export function split(parts: Partial<TrafficSplit> = {}): TrafficSplit {
  return { active: one, candidate: two, weight: 0, mirror: false, ...parts };
}

export function specOf(object: KubeObject): unknown {
  return (object as KubeObject & { readonly spec?: unknown }).spec;
}

interface ServiceSpec {
  readonly selector: Readonly<Record<string, string>>;
  readonly ports: readonly { readonly port: number; readonly targetPort: number }[];
}

/** Name, what is selected and the port of the pods, of each Service. */
export function services(objects: readonly KubeObject[]) {
  return Object.fromEntries(
    objects
      .filter(({ kind }) => kind === "Service")
      .map((object) => {
        const { selector, ports } = specOf(object) as ServiceSpec;
        return [object.metadata.name, { selector, to: ports.map(({ targetPort }) => targetPort) }];
      }),
  );
}
