import { type PolicyRule, WRITE } from "./roles.ts";

/** Where a binding gives what its role says: a RoleBinding gives nothing that has no namespace. */
export type Scope = "namespace" | "cluster";

/**
 * What of the {@link dangers} somebody may do: "VERB RESOURCE" to the names of the objects that this is limited to, or to
 * undefined where it is not.
 */
export type Rights = ReadonlyMap<string, readonly string[] | undefined>;

interface Danger {
  readonly scope: Scope;
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const rbac = ["rbac.authorization.k8s.io"];

/** Rights that let somebody past the rules of a namespace, or change what it rests on. */
const dangers: readonly Danger[] = [
  { scope: "namespace", apiGroups: [""], resources: ["serviceaccounts"], verbs: ["impersonate"] },
  { scope: "cluster", apiGroups: [""], resources: ["users", "groups"], verbs: ["impersonate"] },
  { scope: "cluster", apiGroups: ["authentication.k8s.io"], resources: ["uids"], verbs: ["impersonate"] },
  { scope: "namespace", apiGroups: rbac, resources: ["roles", "clusterroles"], verbs: ["escalate", "bind"] },
  { scope: "namespace", apiGroups: rbac, resources: ["roles", "rolebindings"], verbs: ["create", "update", "patch"] },
  {
    scope: "cluster",
    apiGroups: rbac,
    resources: ["clusterroles", "clusterrolebindings"],
    verbs: ["create", "update", "patch"],
  },
  { scope: "namespace", apiGroups: [""], resources: ["serviceaccounts/token"], verbs: ["create"] },
  { scope: "namespace", apiGroups: [""], resources: ["secrets"], verbs: ["get", "list", "watch"] },
  {
    scope: "namespace",
    apiGroups: [""],
    resources: ["pods/exec", "pods/attach", "pods/portforward", "pods/proxy", "services/proxy"],
    verbs: ["get", "create"],
  },
  // The kubelet's own API: every container of the node, past admission.
  { scope: "cluster", apiGroups: [""], resources: ["nodes/proxy"], verbs: ["get", "create"] },
  { scope: "namespace", apiGroups: [""], resources: ["pods/ephemeralcontainers"], verbs: ["update", "patch"] },
  { scope: "namespace", apiGroups: [""], resources: ["pods", "replicationcontrollers"], verbs: WRITE },
  {
    scope: "namespace",
    apiGroups: ["apps"],
    resources: ["deployments", "statefulsets", "daemonsets", "replicasets"],
    verbs: WRITE,
  },
  { scope: "namespace", apiGroups: ["batch"], resources: ["jobs", "cronjobs"], verbs: WRITE },
  { scope: "namespace", apiGroups: ["networking.k8s.io"], resources: ["networkpolicies"], verbs: WRITE },
  { scope: "namespace", apiGroups: [""], resources: ["resourcequotas", "limitranges"], verbs: WRITE },
  { scope: "namespace", apiGroups: ["mlsecops.io"], resources: ["securemodels"], verbs: WRITE },
  { scope: "namespace", apiGroups: ["mlsecops.io"], resources: ["modelactions"], verbs: ["create"] },
  {
    scope: "cluster",
    apiGroups: ["mlsecops.io"],
    resources: ["securenamespaces", "clustertrustpolicies"],
    verbs: WRITE,
  },
  {
    scope: "cluster",
    apiGroups: ["admissionregistration.k8s.io"],
    resources: ["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
    verbs: WRITE,
  },
];

/** Of a rule that holds every verb on every resource. */
const EVERYTHING = "* *";

/** The dangerous rights that the rules give. Pure. */
export function rightsOf(rules: readonly PolicyRule[], scope: Scope): Rights {
  const rights = new Map<string, readonly string[] | undefined>();
  const isUnlimited = ({ apiGroups = [], resources = [], verbs, resourceNames = [] }: PolicyRule) =>
    [apiGroups, resources, verbs].every((list) => list.includes("*")) && resourceNames.length === 0;
  if (rules.some(isUnlimited)) rights.set(EVERYTHING, undefined);
  for (const danger of dangers) {
    if (danger.scope === "cluster" && scope === "namespace") continue;
    for (const resource of danger.resources)
      for (const verb of danger.verbs) {
        const giving = rules.filter((rule) => gives(rule, { apiGroups: danger.apiGroups, resource, verb }));
        if (giving.length === 0) continue;
        const isNamed = giving.every(({ resourceNames = [] }) => resourceNames.length > 0);
        const names = [...new Set(giving.flatMap(({ resourceNames = [] }) => resourceNames))].sort();
        rights.set(`${verb} ${resource}`, isNamed ? names : undefined);
      }
  }
  return rights;
}

/** The rules that give any. Pure. */
export function dangerousRules(rules: readonly PolicyRule[]): readonly PolicyRule[] {
  return rules.filter((rule) => rightsOf([rule], "cluster").size > 0);
}

/** What is left of rights where others may be had. Pure. */
export function beyond(rights: Rights, allowed: Rights): Rights {
  return new Map([...rights].filter(([right]) => !allowed.has(right)));
}

/** In the words of RBAC, with what belongs together in one: "write pods; get/list secrets named a, b". Pure. */
export function describeRights(rights: Rights): string {
  if (rights.has(EVERYTHING)) return "everything";
  const parts = dangers.flatMap(({ resources, verbs }) => {
    /** Verbs and names to the resources that this may be done to. */
    const groups = new Map<string, { readonly verbs: string; readonly names: string; readonly resources: string[] }>();
    for (const resource of resources) {
      const held = verbs.filter((verb) => rights.has(`${verb} ${resource}`));
      const names = (verb: string) => namesText(rights.get(`${verb} ${resource}`));
      for (const text of new Set(held.map(names))) {
        const same = verbsText(held.filter((verb) => names(verb) === text));
        const group = groups.get(`${same}${text}`) ?? { verbs: same, names: text, resources: [] };
        group.resources.push(resource);
        groups.set(`${same}${text}`, group);
      }
    }
    return [...groups.values()].map((group) => `${group.verbs} ${group.resources.join(", ")}${group.names}`);
  });
  return parts.join("; ");
}

const maxNames = 3;

function namesText(names: readonly string[] | undefined): string {
  if (names === undefined) return "";
  const more = names.length > maxNames ? ` and ${names.length - maxNames} more` : "";
  return ` named ${names.slice(0, maxNames).join(", ")}${more}`;
}

function verbsText(verbs: readonly string[]): string {
  const rest = verbs.filter((verb) => !WRITE.includes(verb));
  return WRITE.every((verb) => verbs.includes(verb)) ? ["write", ...rest].join("/") : verbs.join("/");
}

interface Wanted {
  readonly apiGroups: readonly string[];
  readonly resource: string;
  readonly verb: string;
}

function gives(rule: PolicyRule, { apiGroups, resource, verb }: Wanted): boolean {
  const { apiGroups: groups = [], resources = [], verbs, resourceNames = [] } = rule;
  return (
    groups.some((group) => group === "*" || apiGroups.includes(group)) &&
    resources.some((one) => holdsResource(one, resource)) &&
    verbs.some((one) => one === "*" || holdsVerb(one, verb)) &&
    // What is created has no name yet, unless it is a part of something that has.
    (resourceNames.length === 0 || verb !== "create" || resource.includes("/"))
  );
}

/** "*" holds the parts of every resource as well, and "*\/exec" that part of each. */
function holdsResource(written: string, resource: string): boolean {
  return written === "*" || written === resource || (written.startsWith("*/") && resource.endsWith(written.slice(1)));
}

function holdsVerb(written: string, verb: string): boolean {
  if (written === verb) return true;
  if (verb === "delete") return written === "deletecollection";
  // Impersonation can be limited to some requests: "impersonate:user-info" and the like.
  return verb === "impersonate" && written.startsWith("impersonate:");
}
