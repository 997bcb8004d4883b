import type { PersonRole, Profile } from "../api/index.ts";

/** A rule of RBAC, as Role and ClusterRole hold it. */
export interface PolicyRule {
  readonly apiGroups?: readonly string[];
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly verbs: readonly string[];
}

export const READ = ["get", "list", "watch"];
export const WRITE = ["create", "update", "patch", "delete"];

const kinds = rule("mlsecops.io", ["securemodels", "modelrevisions", "admissiongrants", "modelactions"], READ);
const events = [rule("", ["events"], READ), rule("events.k8s.io", ["events"], READ)];
const quotas = rule("", ["resourcequotas", "limitranges"], READ);

/** What a pod does and why it does not: everything but what is inside. */
const followWork = [
  kinds,
  ...events,
  quotas,
  rule("", ["pods", "configmaps", "persistentvolumeclaims"], READ),
  rule("", ["pods/log"], ["get"]),
  rule("batch", ["jobs"], READ),
];
const writeWork = [rule("", ["configmaps", "persistentvolumeclaims"], WRITE), rule("batch", ["jobs"], WRITE)];
/** API servers ask for get or for create, by how the connection is upgraded. */
const enterPods = rule("", ["pods/exec", "pods/attach", "pods/portforward"], ["get", "create"]);

/** All that says what holds in a namespace, and nothing of what people and models work on: no logs, no ConfigMaps. */
const audit = [
  kinds,
  ...events,
  quotas,
  rule("", ["pods", "services", "serviceaccounts"], READ),
  rule("apps", ["deployments", "replicasets"], READ),
  rule("batch", ["jobs"], READ),
  rule("networking.k8s.io", ["networkpolicies"], READ),
  rule("rbac.authorization.k8s.io", ["roles", "rolebindings"], READ),
];
const approve = [kinds, ...events, rule("mlsecops.io", ["modelactions"], ["create"])];

/**
 * The least that each role needs, by the profile of the namespace. Nobody reads Secrets, writes RoleBindings or walls, acts as
 * another, asks for tokens, or gets into a serving pod.
 */
const table: Readonly<Record<Profile, Readonly<Record<PersonRole, readonly PolicyRule[]>>>> = {
  experiment: {
    DataScientist: [...followWork, rule("", ["pods"], ["create", "delete"]), enterPods, ...writeWork],
    MLEngineer: followWork,
    Auditor: audit,
    Approver: approve,
  },
  training: {
    DataScientist: followWork,
    MLEngineer: [...followWork, rule("", ["pods"], ["delete"]), ...writeWork],
    Auditor: audit,
    Approver: approve,
  },
  serving: {
    DataScientist: [rule("mlsecops.io", ["securemodels", "modelrevisions"], READ)],
    MLEngineer: [
      ...followWork,
      rule("", ["services"], READ),
      rule("apps", ["deployments", "replicasets"], READ),
      rule("mlsecops.io", ["securemodels"], WRITE),
      rule("mlsecops.io", ["securemodels/scale"], ["get", "update", "patch"]),
    ],
    Auditor: audit,
    Approver: approve,
  },
};

/** What a role may do in a namespace of this profile. */
export function peopleRules(profile: Profile, role: PersonRole): readonly PolicyRule[] {
  return table[profile][role];
}

function rule(apiGroup: string, resources: readonly string[], verbs: readonly string[]): PolicyRule {
  return { apiGroups: [apiGroup], resources, verbs };
}
