import { GROUP, type PersonRole, type Profile } from "../api/index.ts";

/** Labels and names that the admission policies look at; each is part of the enforcement, so each stands here once. */
export const ENFORCEMENT_LABEL = `${GROUP}/enforcement`;
export const PROFILE_LABEL = `${GROUP}/profile`;
/** "block" on a namespace in which the API server refuses what would widen it. */
export const ON_BREACH_LABEL = `${GROUP}/on-breach`;
export const REVISION_LABEL = `${GROUP}/revision`;
export const MODEL_LABEL = `${GROUP}/model`;

/** On a SecureModel: who wrote its spec, as the API server has checked. On a ModelRevision: as it was when that was made. */
export const AUTHOR_ANNOTATION = `${GROUP}/author`;

/** On every object that keeps a namespace apart; its value is the namespace's name. */
export const WALL_LABEL = `${GROUP}/wall`;

/** How Pod Security judges a namespace; what was said there before the operator came stands in an annotation. */
export const POD_SECURITY_PREFIX = "pod-security.kubernetes.io/";
export const POD_SECURITY_BEFORE = `${GROUP}/pod-security-before`;

/** On a Namespace that the operator made: the uid of the SecureNamespace it was made for. */
export const CREATED_BY = `${GROUP}/created-by`;

/** On what imports the content of a model: never the label of the model itself, by which a Service finds its pods. */
export const IMPORT_LABEL = `${GROUP}/import`;

/** The ClusterRole that the operator binds to itself in each managed namespace, and the name of that RoleBinding. */
export const WORKLOAD_ROLE = "mlsecops-operator-workloads";

const kebabOf: Readonly<Record<PersonRole, string>> = {
  DataScientist: "data-scientist",
  MLEngineer: "ml-engineer",
  Auditor: "auditor",
  Approver: "approver",
};

/** The name of the RoleBinding for the people of a role, in each namespace. */
export function peopleBindingName(role: PersonRole): string {
  return `mlsecops-${kebabOf[role]}`;
}

/** The ClusterRole that it binds in a namespace of this profile. */
export function peopleRoleName(profile: Profile, role: PersonRole): string {
  return `mlsecops-${profile}-${kebabOf[role]}`;
}

/** Whom the admission policies know as the operator. */
export interface OperatorIdentity {
  readonly namespace: string;
  readonly serviceAccount: string;
  /** The user that KServe's controller is; absent where it has no part in serving namespaces. */
  readonly kserve?: string | undefined;
}

export function usernameOf(identity: OperatorIdentity): string {
  return `system:serviceaccount:${identity.namespace}:${identity.serviceAccount}`;
}

/** Namespaces that are never enforced: shutting them can take the cluster down. */
export function exemptNamespaces(identity: OperatorIdentity): readonly string[] {
  return ["kube-system", "kube-public", "kube-node-lease", identity.namespace];
}

export function isExempt(namespace: string, identity: OperatorIdentity): boolean {
  return namespace.startsWith("kube-") || namespace === identity.namespace;
}
