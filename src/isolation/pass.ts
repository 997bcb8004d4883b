import type { AccessFindings } from "../access/index.ts";
import type { GrantOwner, GrantStore, OperatorIdentity } from "../admission/index.ts";
import type { SecureModel, SecureNamespace } from "../api/index.ts";
import type { EvidenceSink } from "../governance/index.ts";
import type { EventRecorder, KubeObject, ObjectClient, ReconcileContext, Store } from "../kube/index.ts";
import type { CredentialSource, Exception, Pulling, ResolvedPolicy, Verifier } from "../trust/index.ts";
import type { PodObject, RoleBinding } from "./cluster.ts";
import type { NamespaceReach } from "./conditions/isolation.ts";
import type { WallsView } from "./walls/view.ts";

export interface IsolationDependencies {
  readonly client: ObjectClient;
  readonly namespaces: Store<SecureNamespace>;
  /** The Namespaces themselves. */
  readonly living: Store<KubeObject>;
  readonly models: Store<SecureModel>;
  readonly pods: Store<PodObject>;
  /** Those of the name {@link WORKLOAD_ROLE}. */
  readonly bindings: Store<RoleBinding>;
  /** What keeps the namespace apart, and how far that is taken away. */
  readonly walls: Pick<WallsView, "state" | "leaving">;
  readonly grants: Pick<GrantStore, "change">;
  readonly verifier: Pick<Verifier, "verify">;
  readonly policies: () => readonly ResolvedPolicy[];
  readonly exceptions: (namespace: string) => readonly Exception[];
  /** What to look at registries with. */
  readonly pullCredentials: (namespace: string, pulling: Pulling, signal: AbortSignal) => CredentialSource;
  /** Who may do more in the namespace than its spec says; undefined where that cannot be known now. */
  readonly access: (namespace: string) => AccessFindings | undefined;
  /** Where the namespace lets in or out more than is declared now. */
  readonly reach: (namespace: SecureNamespace) => NamespaceReach;
  /** What is missing or changed among the admission policies. */
  readonly guardProblems: () => readonly string[];
  readonly events: Pick<EventRecorder, "emit">;
  /** Absent where no evidence is kept. */
  readonly evidence?: EvidenceSink | undefined;
  readonly identity: OperatorIdentity;
  readonly now: () => Date;
}

/** One look at one SecureNamespace. */
export interface Pass {
  readonly deps: IsolationDependencies;
  /** Its requests end with the pass. */
  readonly client: ObjectClient;
  /** Of the SecureNamespace and of its Namespace. */
  readonly name: string;
  readonly context: ReconcileContext;
  readonly owner: GrantOwner;
}

export function passOf(deps: IsolationDependencies, name: string, context: ReconcileContext): Pass {
  const owner = { kind: "SecureNamespace", name } as const;
  return { deps, client: deps.client.withSignal(context.signal), name, context, owner };
}
