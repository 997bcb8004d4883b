/** Objects as the API server sends them, as far as they matter here. */
import { type ReachType, ReachIndex, reachTypes } from "../../../../src/reach/index.ts";

export interface RawSelector {
  readonly matchLabels?: Readonly<Record<string, string>>;
  readonly matchExpressions?: readonly {
    readonly key: string;
    readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist";
    readonly values?: readonly string[];
  }[];
}

export interface RawPeer {
  readonly podSelector?: RawSelector;
  readonly namespaceSelector?: RawSelector;
  readonly ipBlock?: { readonly cidr: string; readonly except?: readonly string[] };
}

export interface RawPort {
  readonly protocol?: string;
  readonly port?: number | string;
  readonly endPort?: number;
}

export interface RawRule {
  readonly from?: readonly RawPeer[];
  readonly to?: readonly RawPeer[];
  readonly ports?: readonly RawPort[];
}

export interface RawPolicySpec {
  readonly podSelector?: RawSelector;
  readonly policyTypes?: readonly string[];
  readonly ingress?: readonly RawRule[];
  readonly egress?: readonly RawRule[];
}

export interface RawMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly object[];
}

export interface RawObject {
  readonly kind: string;
  readonly apiVersion?: string;
  readonly metadata: RawMeta;
  readonly spec?: unknown;
  readonly status?: unknown;
}

export interface RawPolicy extends RawObject {
  readonly kind: "NetworkPolicy";
  readonly spec: RawPolicySpec;
}

export interface RawContainer {
  readonly name: string;
  readonly restartPolicy?: string;
  readonly ports?: readonly {
    readonly name?: string;
    readonly containerPort: number;
    readonly hostPort?: number;
    readonly protocol?: string;
  }[];
}

export interface RawPod extends RawObject {
  readonly kind: "Pod";
  readonly spec: {
    readonly nodeName?: string;
    readonly hostNetwork?: boolean;
    readonly containers: readonly RawContainer[];
    readonly initContainers?: readonly RawContainer[];
  };
  readonly status: {
    readonly phase?: string;
    readonly podIPs?: readonly { readonly ip: string }[];
    readonly hostIPs?: readonly { readonly ip: string }[];
  };
}

export function typeOf(kind: string): ReachType {
  const found = reachTypes.find(({ resource }) => resource.kind === kind);
  if (found === undefined) throw new Error(`no kind ${kind}`);
  return found;
}

export function keyOf({ metadata: { namespace, name } }: RawObject): string {
  return namespace === undefined ? name : `${namespace}/${name}`;
}

export function indexOf(objects: readonly RawObject[]): ReachIndex {
  const index = new ReachIndex();
  for (const object of objects) index.put(typeOf(object.kind), object);
  return index;
}

export function namespace(name: string, labels: Readonly<Record<string, string>> = {}): RawObject {
  return { kind: "Namespace", metadata: { name, labels: { ...labels, "kubernetes.io/metadata.name": name } } };
}

/** `changes` says what is not as usual. */
export function pod(
  key: string,
  ip: string | undefined,
  changes: {
    readonly labels?: Readonly<Record<string, string>>;
    readonly owner?: string;
    readonly spec?: Partial<RawPod["spec"]>;
    readonly status?: Partial<RawPod["status"]>;
  } = {},
): RawPod {
  const [of = "", name = ""] = key.split("/");
  const { labels = {}, owner, spec = {}, status = {} } = changes;
  const ownerReferences =
    owner === undefined ? [] : [{ apiVersion: "apps/v1", kind: "ReplicaSet", name: owner, controller: true }];
  return {
    kind: "Pod",
    metadata: { name, namespace: of, labels, ownerReferences },
    spec: { containers: [{ name: "main" }], ...spec },
    status: { phase: "Running", ...(ip === undefined ? {} : { podIPs: [{ ip }] }), ...status },
  };
}

export function policy(key: string, spec: RawPolicySpec, labels: Readonly<Record<string, string>> = {}): RawPolicy {
  const [of = "", name = ""] = key.split("/");
  return { kind: "NetworkPolicy", metadata: { name, namespace: of, labels }, spec };
}

/** A kind of policy.networking.k8s.io. */
export function adminPolicy(kind: string, name: string, spec: object): RawObject {
  return { kind, metadata: { name }, spec };
}
