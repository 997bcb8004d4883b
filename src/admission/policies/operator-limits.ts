import { GROUP } from "../../api/index.ts";
import { WORKLOAD_ROLE, type OperatorIdentity, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";

/**
 * What RBAC cannot say about the operator's own account: the only RoleBinding it may write binds one fixed ClusterRole to
 * itself, and of a Namespace it changes its own labels only.
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
      { apiGroups: [""], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["namespaces"] },
    ],
    matchConditions: [
      { name: "by-the-operator", expression: `request.userInfo.username == '${usernameOf(identity)}'` },
    ],
    validations: [
      {
        expression:
          "request.resource.resource == 'namespaces' || (request.resource.resource == 'rolebindings' && " +
          `object.metadata.name == '${WORKLOAD_ROLE}' && object.roleRef.kind == 'ClusterRole' && object.roleRef.name == '${WORKLOAD_ROLE}' && ` +
          `object.subjects.size() == 1 && object.subjects[0].kind == 'ServiceAccount' && object.subjects[0].name == '${identity.serviceAccount}' && ` +
          `object.subjects[0].namespace == '${identity.namespace}')`,
        message: `the operator may bind only ClusterRole ${WORKLOAD_ROLE}, and only to itself`,
      },
      {
        expression:
          "request.resource.resource != 'namespaces' || (" +
          `object.metadata.?labels.orValue({}).all(k, k.startsWith('${GROUP}/') || (k in oldObject.metadata.?labels.orValue({}) && object.metadata.labels[k] == oldObject.metadata.labels[k])) && ` +
          `oldObject.metadata.?labels.orValue({}).all(k, k.startsWith('${GROUP}/') || k in object.metadata.?labels.orValue({})))`,
        message: `of a Namespace the operator changes only labels that start with ${GROUP}/`,
      },
    ],
  };
}
