import { type OperatorIdentity, usernameOf } from "../admission/index.ts";
import type { Subject } from "./bindings.ts";

/** Whom the cluster's administrators expect to have rights everywhere: themselves and what works for them. */
export interface ExpectedSubjects {
  readonly groups: readonly string[];
  readonly users: readonly string[];
  /** NAMESPACE/NAME. */
  readonly serviceAccounts: readonly string[];
}

/** Groups of which anybody may be a member: nobody can expect them to have rights. */
export const everybody = /^system:(authenticated|unauthenticated|serviceaccounts(:.*)?)$/;

const accountPrefix = "system:serviceaccount:";

/** What Kubernetes itself, and kubeadm, bring. */
const builtInGroups = new Set(["system:masters", "system:nodes", "kubeadm:cluster-admins"]);
const builtInUsers = new Set([
  "system:admin",
  "system:apiserver",
  "system:kube-controller-manager",
  "system:kube-proxy",
  "system:kube-scheduler",
]);
/** The ServiceAccounts of the controllers in kube-controller-manager, all in kube-system. */
const builtInAccounts = new Set([
  "attachdetach-controller",
  "bootstrap-signer",
  "certificate-controller",
  "clusterrole-aggregation-controller",
  "cronjob-controller",
  "daemon-set-controller",
  "deployment-controller",
  "device-taint-eviction-controller",
  "disruption-controller",
  "endpoint-controller",
  "endpointslice-controller",
  "endpointslicemirroring-controller",
  "ephemeral-volume-controller",
  "expand-controller",
  "generic-garbage-collector",
  "horizontal-pod-autoscaler",
  "job-controller",
  "kube-apiserver-serving-clustertrustbundle-publisher",
  "legacy-service-account-token-cleaner",
  "namespace-controller",
  "node-controller",
  "persistent-volume-binder",
  "pod-garbage-collector",
  "podcertificaterequest-cleaner",
  "pv-protection-controller",
  "pvc-protection-controller",
  "replicaset-controller",
  "replication-controller",
  "resource-claim-controller",
  "resourcequota-controller",
  "root-ca-cert-publisher",
  "route-controller",
  "selinux-warning-controller",
  "service-account-controller",
  "service-cidrs-controller",
  "service-controller",
  "statefulset-controller",
  "storage-version-migrator-controller",
  "taint-eviction-controller",
  "token-cleaner",
  "ttl-after-finished-controller",
  "ttl-controller",
  "validatingadmissionpolicy-status-controller",
  "volumeattributesclass-protection-controller",
]);

/** Whether a subject has its rights in every namespace by design of the cluster. Pure. */
export function isExpected(
  subject: Subject,
  { identity, expected }: { readonly identity: OperatorIdentity; readonly expected: ExpectedSubjects },
): boolean {
  if (subject.kind === "Group") {
    const { name } = subject;
    return !everybody.test(name) && (builtInGroups.has(name) || expected.groups.includes(name));
  }
  const username = usernameOfSubject(subject);
  if (username === undefined) return false;
  if (username === usernameOf(identity)) return true;
  if (!username.startsWith(accountPrefix)) return builtInUsers.has(username) || expected.users.includes(username);
  const [namespace = "", name = ""] = username.slice(accountPrefix.length).split(":");
  return (
    (namespace === "kube-system" && builtInAccounts.has(name)) ||
    expected.serviceAccounts.includes(`${namespace}/${name}`)
  );
}

/** The name by which the API server knows a user or a ServiceAccount, whichever way the binding writes it. */
function usernameOfSubject({ kind, name, namespace }: Subject): string | undefined {
  if (kind === "User") return name;
  return kind === "ServiceAccount" ? `${accountPrefix}${namespace ?? ""}:${name}` : undefined;
}

/** "Group fraud-team", "ServiceAccount jobs/runner". */
export function describeSubject({ kind, name, namespace }: Subject): string {
  return kind === "ServiceAccount" ? `${kind} ${namespace ?? ""}/${name}` : `${kind} ${name}`;
}
