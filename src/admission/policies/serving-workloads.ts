import { type OperatorIdentity, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";
import { celList } from "./serving-pods.ts";

/** Built-in controllers that act for workloads: they create ReplicaSets, set owner references and remove finalizers. */
const builtInControllers = [
  "system:kube-controller-manager",
  "system:serviceaccount:kube-system:deployment-controller",
  "system:serviceaccount:kube-system:replicaset-controller",
  "system:serviceaccount:kube-system:generic-garbage-collector",
  "system:serviceaccount:kube-system:namespace-controller",
];

/** In a serving namespace only the operator, and the built-in controllers acting for its objects, write workloads. */
export function servingWorkloads(identity: OperatorIdentity): PolicyDefinition {
  return {
    name: "mlsecops-serving-workloads",
    rules: [
      {
        apiGroups: ["apps"],
        apiVersions: ["v1"],
        operations: ["CREATE", "UPDATE"],
        resources: [
          "deployments",
          "replicasets",
          "statefulsets",
          "daemonsets",
          "deployments/scale",
          "replicasets/scale",
          "statefulsets/scale",
        ],
      },
      { apiGroups: ["batch"], apiVersions: ["v1"], operations: ["CREATE", "UPDATE"], resources: ["jobs", "cronjobs"] },
      {
        apiGroups: [""],
        apiVersions: ["v1"],
        operations: ["CREATE", "UPDATE"],
        resources: ["replicationcontrollers", "replicationcontrollers/scale"],
      },
    ],
    validations: [
      {
        expression:
          `request.userInfo.username == '${usernameOf(identity)}' || request.userInfo.username in ${celList(builtInControllers)} || ` +
          // The job, stateful set and daemon set controllers only finish what was there before: the spec stays.
          "(request.operation == 'UPDATE' && request.?subResource.orValue('') == '' && object.spec == oldObject.spec && " +
          "(request.userInfo.username.startsWith('system:serviceaccount:kube-system:') || has(object.metadata.deletionTimestamp)))",
        message:
          "in a serving namespace only the operator creates or changes workloads: describe the model in a SecureModel; scale it with kubectl scale smodel",
      },
    ],
  };
}
