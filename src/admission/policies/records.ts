import { GROUP, VERSION } from "../../api/index.ts";
import { type OperatorIdentity, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";
import { celList } from "./serving-pods.ts";

/** Built-in controllers that delete what a deleted owner or namespace leaves behind. */
export const cleaners = [
  "system:kube-controller-manager",
  "system:serviceaccount:kube-system:generic-garbage-collector",
  "system:serviceaccount:kube-system:namespace-controller",
];

/** What the operator writes for itself to act on (grants, revisions, statuses) is written by nobody else. */
export function operatorRecords(identity: OperatorIdentity): PolicyDefinition {
  return {
    name: "mlsecops-operator-records",
    rules: [
      {
        apiGroups: [GROUP],
        apiVersions: [VERSION],
        operations: ["CREATE", "UPDATE", "DELETE"],
        resources: ["admissiongrants", "modelrevisions"],
      },
      {
        apiGroups: [GROUP],
        apiVersions: [VERSION],
        operations: ["UPDATE"],
        resources: [
          "admissiongrants/status",
          "modelrevisions/status",
          "securemodels/status",
          "securenamespaces/status",
          "clustertrustpolicies/status",
          "modelactions/status",
        ],
      },
    ],
    validations: [
      {
        expression:
          `request.userInfo.username == '${usernameOf(identity)}' || ` +
          `(request.userInfo.username in ${celList(cleaners)} && (request.operation == 'DELETE' || has(object.metadata.deletionTimestamp) || object.?spec == oldObject.?spec))`,
        message:
          "AdmissionGrants, ModelRevisions and statuses are written only by the operator: change the SecureModel, the SecureNamespace or the ClusterTrustPolicy",
      },
    ],
  };
}
