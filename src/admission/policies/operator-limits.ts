import { GROUP, Profile, personRoles } from "../../api/index.ts";
import {
  CREATED_BY,
  POD_SECURITY_PREFIX,
  WORKLOAD_ROLE,
  type OperatorIdentity,
  peopleBindingName,
  peopleRoleName,
  usernameOf,
} from "../names.ts";
import type { PolicyDefinition } from "./build.ts";
import { celList } from "./serving-pods.ts";

/** By the name of each RoleBinding for people, the ClusterRoles that it may bind. */
const peopleRolesMap = `{${personRoles
  .map(
    (role) =>
      `'${peopleBindingName(role)}': ${celList(Profile.options.map((profile) => peopleRoleName(profile, role)))}`,
  )
  .join(", ")}}`;

/** Whom tokens of ServiceAccounts may be for: clouds that know them. None of these is an API server. */
const isCloudAudience = (audience: string) =>
  `${audience} in ['sts.amazonaws.com', 'api://AzureADTokenExchange'] || ` +
  `${audience}.matches('^https://iam[.]googleapis[.]com/projects/[0-9]+/locations/global/workloadIdentityPools/[a-z0-9-]+/providers/[a-z0-9-]+$') || ` +
  `${audience}.matches('^[a-z0-9.:-]+[.]svc[.]id[.]goog$')`;

/**
 * What RBAC cannot say about the operator's own account: the RoleBindings it may write bind one fixed ClusterRole to itself,
 * or people to the roles of people, never in a system namespace; of a Namespace it changes its own labels and those of Pod
 * Security only; it deletes none that it has not made; and the tokens of ServiceAccounts that it asks for are short and for clouds.
 */
export function operatorLimits(identity: OperatorIdentity): PolicyDefinition {
  return {
    name: "mlsecops-operator-limits",
    rules: [
      {
        apiGroups: ["rbac.authorization.k8s.io"],
        apiVersions: ["v1"],
        operations: ["CREATE", "UPDATE"],
        resources: ["rolebindings", "clusterrolebindings", "roles", "clusterroles"],
      },
      { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE", "UPDATE", "DELETE"], resources: ["namespaces"] },
      {
        apiGroups: ["policy.networking.k8s.io"],
        apiVersions: ["*"],
        operations: ["CREATE", "UPDATE", "DELETE"],
        resources: ["adminnetworkpolicies", "clusternetworkpolicies"],
      },
      { apiGroups: [""], apiVersions: ["v1"], operations: ["CREATE"], resources: ["serviceaccounts/token"] },
    ],
    matchConditions: [
      { name: "by-the-operator", expression: `request.userInfo.username == '${usernameOf(identity)}'` },
    ],
    variables: [
      { name: "isBinding", expression: "request.resource.resource == 'rolebindings'" },
      { name: "people", expression: peopleRolesMap },
      { name: "isOfPeople", expression: "variables.isBinding && object.metadata.name in variables.people" },
    ],
    validations: [
      {
        expression:
          "request.resource.group != 'rbac.authorization.k8s.io' || variables.isOfPeople || (variables.isBinding && " +
          `object.metadata.name == '${WORKLOAD_ROLE}' && object.roleRef.kind == 'ClusterRole' && object.roleRef.name == '${WORKLOAD_ROLE}' && ` +
          `object.subjects.size() == 1 && object.subjects[0].kind == 'ServiceAccount' && object.subjects[0].name == '${identity.serviceAccount}' && ` +
          `object.subjects[0].namespace == '${identity.namespace}')`,
        message: `the operator may bind only ClusterRole ${WORKLOAD_ROLE}, and only to itself, and people to the roles of people`,
      },
      {
        expression:
          "!variables.isOfPeople || (object.roleRef.kind == 'ClusterRole' && object.roleRef.name in variables.people[object.metadata.name])",
        message:
          "a RoleBinding for people binds only the ClusterRole of its own name: mlsecops-auditor binds mlsecops-PROFILE-auditor",
      },
      {
        expression:
          "!variables.isOfPeople || object.?subjects.orValue([]).all(s, s.kind in ['User', 'Group'] && !s.name.startsWith('system:'))",
        message:
          "the operator may bind people only: Users and Groups whose names do not start with system:, never a ServiceAccount",
      },
      {
        expression: `!variables.isOfPeople || !(request.namespace.startsWith('kube-') || request.namespace in ['default', '${identity.namespace}'])`,
        message: "the operator binds nobody in a system namespace: use a namespace made for one purpose",
      },
      {
        expression:
          "request.resource.resource != 'namespaces' || request.operation != 'UPDATE' || (" +
          `${onlyOwn("labels", [`${GROUP}/`, POD_SECURITY_PREFIX])} && ${onlyOwn("annotations", [`${GROUP}/`])})`,
        message: `of a Namespace the operator changes only labels that start with ${GROUP}/ or ${POD_SECURITY_PREFIX}, and annotations that start with ${GROUP}/`,
      },
      {
        expression:
          "request.resource.resource != 'namespaces' || request.operation == 'UPDATE' || " +
          `'${CREATED_BY}' in (request.operation == 'CREATE' ? object : oldObject).metadata.?annotations.orValue({})`,
        message: `the operator creates namespaces only with the annotation ${CREATED_BY}, and deletes none without it`,
      },
      {
        expression:
          "request.resource.group != 'policy.networking.k8s.io' || " +
          "(request.operation == 'DELETE' ? oldObject : object).metadata.name.startsWith('mlsecops-')",
        message:
          "of the AdminNetworkPolicies and ClusterNetworkPolicies the operator writes only those whose name starts with mlsecops-",
      },
      {
        expression:
          "request.resource.resource != 'serviceaccounts' || (" +
          "object.spec.audiences.size() == 1 && object.spec.?expirationSeconds.orValue(3600) <= 600 && " +
          `object.spec.audiences.all(a, ${isCloudAudience("a")}))`,
        message:
          "the operator may ask for a token of a ServiceAccount only for AWS, Google Cloud or Azure, and for ten minutes",
      },
    ],
  };
}

/** Of a Namespace's labels or annotations only those that start with one of the prefixes differ. */
function onlyOwn(field: "labels" | "annotations", prefixes: readonly string[]): string {
  const of = (object: string) => `${object}.metadata.?${field}.orValue({})`;
  const isOwn = prefixes.map((prefix) => `k.startsWith('${prefix}')`).join(" || ");
  return (
    `${of("object")}.all(k, ${isOwn} || (k in ${of("oldObject")} && object.metadata.${field}[k] == oldObject.metadata.${field}[k])) && ` +
    `${of("oldObject")}.all(k, ${isOwn} || k in ${of("object")})`
  );
}
