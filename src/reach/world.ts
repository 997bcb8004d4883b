import type {
  AdminPolicy,
  Namespace,
  NetworkPolicy,
  Pod,
  ReferenceGrant,
  Route,
  Service,
  Unreadable,
} from "./objects.ts";

/** What lives in one namespace, and what from elsewhere has a say in it. */
export interface NamespaceView {
  readonly name: string;
  /** Undefined: there is no such Namespace. */
  readonly namespace: Namespace | undefined;
  readonly pods: readonly Pod[];
  readonly policies: readonly NetworkPolicy[];
  readonly services: readonly Service[];
  /** Those here, and those of other namespaces that lead to Services here. */
  readonly routes: readonly Route[];
  readonly referenceGrants: readonly ReferenceGrant[];
  /** Of the whole cluster. */
  readonly adminPolicies: readonly AdminPolicy[];
  /** Those here, and those of the whole cluster. */
  readonly unreadable: readonly Unreadable[];
}

export interface World {
  view(namespace: string): NamespaceView;
  pod(namespace: string, name: string): Pod | undefined;
  /** The living pod that has this address for itself. */
  podAt(address: string): Pod | undefined;
  /** The Service that has this address inside the cluster. */
  serviceAt(address: string): Service | undefined;
}
