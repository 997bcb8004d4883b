import type { ResourceType } from "./types.ts";

/** Kinds of Kubernetes itself that controllers read and write. */

export const namespaceType = core("Namespace", "namespaces", false);
export const podType = core("Pod", "pods");
export const serviceType = core("Service", "services");
export const configMapType = core("ConfigMap", "configmaps");
export const secretType = core("Secret", "secrets");
export const serviceAccountType = core("ServiceAccount", "serviceaccounts");
export const resourceQuotaType = core("ResourceQuota", "resourcequotas");
export const limitRangeType = core("LimitRange", "limitranges");

export const deploymentType: ResourceType = {
  group: "apps",
  version: "v1",
  kind: "Deployment",
  plural: "deployments",
  namespaced: true,
};

export const jobType: ResourceType = {
  group: "batch",
  version: "v1",
  kind: "Job",
  plural: "jobs",
  namespaced: true,
};

export const networkPolicyType: ResourceType = {
  group: "networking.k8s.io",
  version: "v1",
  kind: "NetworkPolicy",
  plural: "networkpolicies",
  namespaced: true,
};

export const roleType = rbac("Role", "roles");
export const roleBindingType = rbac("RoleBinding", "rolebindings");
export const clusterRoleType = rbac("ClusterRole", "clusterroles", false);
export const clusterRoleBindingType = rbac("ClusterRoleBinding", "clusterrolebindings", false);

function rbac(kind: string, plural: string, namespaced = true): ResourceType {
  return { group: "rbac.authorization.k8s.io", version: "v1", kind, plural, namespaced };
}
export const ingressType: ResourceType = {
  group: "networking.k8s.io",
  version: "v1",
  kind: "Ingress",
  plural: "ingresses",
  namespaced: true,
};

export const customResourceDefinitionType: ResourceType = {
  group: "apiextensions.k8s.io",
  version: "v1",
  kind: "CustomResourceDefinition",
  plural: "customresourcedefinitions",
  namespaced: false,
};

function core(kind: string, plural: string, namespaced = true): ResourceType {
  return { group: "", version: "v1", kind, plural, namespaced };
}
