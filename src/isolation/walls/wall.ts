import { type KubeObject, type ResourceType, formatKey, groupResourceOf } from "../../kube/index.ts";
import { WALL_LABEL } from "../../admission/index.ts";

/** An object that keeps a namespace apart, as it has to be. */
export interface Wall {
  readonly type: ResourceType;
  readonly object: WallObject;
  /** It lets something in or out: made when all that closes is there, and taken away before any of it is. */
  readonly opens: boolean;
  /** What is there under that name already and is somebody else's stays as it is: nothing is cut in Audit. */
  readonly sparesOthers?: boolean;
}

export interface WallObject extends KubeObject {
  readonly spec?: unknown;
  readonly automountServiceAccountToken?: boolean;
  readonly roleRef?: unknown;
  readonly subjects?: unknown;
}

export function wallLabels(namespace: string): Record<string, string> {
  return { "app.kubernetes.io/managed-by": "mlsecops-operator", [WALL_LABEL]: namespace };
}

export function wall(type: ResourceType, namespace: string, name: string, body: Omit<WallObject, "metadata">): Wall {
  const scope = type.namespaced ? { namespace } : {};
  return { type, object: { metadata: { name, ...scope, labels: wallLabels(namespace) }, ...body }, opens: false };
}

/** The same, for what lets something through. */
export function opening(...parameters: Parameters<typeof wall>): Wall {
  return { ...wall(...parameters), opens: true };
}

/** One of a kind, a namespace and a name. */
export function wallKey(type: ResourceType, object: KubeObject): string {
  return `${groupResourceOf(type)} ${formatKey(object.metadata)}`;
}

/** As status and Events name it. */
export function wallName(type: ResourceType, object: KubeObject): string {
  return `${type.kind}/${object.metadata.name}`;
}
