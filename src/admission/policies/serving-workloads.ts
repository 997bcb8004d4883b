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

/**
 * In a serving namespace only the operator, and the built-in controllers acting for its objects, write workloads. KServe's
 * controller may make Deployments of the InferenceServices that the operator writes.
 */
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
      // Where KServe is installed: of each of these it makes workloads.
      {
        apiGroups: ["serving.kserve.io"],
        apiVersions: ["*"],
        operations: ["CREATE", "UPDATE"],
        resources: ["inferenceservices", "inferencegraphs"],
      },
    ],
    variables: [
      { name: "isWhole", expression: "request.?subResource.orValue('') == ''" },
      {
        name: "isKServe",
        expression: `'${identity.kserve ?? ""}' != '' && request.userInfo.username == '${identity.kserve ?? ""}'`,
      },
      // Of the old object as well: what is not its own it does not make its own.
      {
        name: "isOfKServe",
        expression:
          "request.resource.resource == 'deployments' && variables.isWhole && " +
          `${isOwnedByInferenceService("object")} && (request.operation == 'CREATE' || ${isOwnedByInferenceService("oldObject")})`,
      },
    ],
    validations: [
      {
        expression:
          `request.userInfo.username == '${usernameOf(identity)}' || request.userInfo.username in ${celList(builtInControllers)} || ` +
          "(variables.isKServe && variables.isOfKServe) || " +
          // The job, stateful set and daemon set controllers only finish what was there before: the spec stays. KServe's has a finalizer.
          "(request.operation == 'UPDATE' && variables.isWhole && object.spec == oldObject.spec && " +
          "(request.userInfo.username.startsWith('system:serviceaccount:kube-system:') || has(object.metadata.deletionTimestamp) || " +
          "(variables.isKServe && request.resource.resource == 'inferenceservices')))",
        message:
          "in a serving namespace only the operator creates or changes workloads: describe the model in a SecureModel; scale it with kubectl scale smodel",
      },
    ],
  };
}

function isOwnedByInferenceService(object: "object" | "oldObject"): string {
  return (
    `${object}.metadata.?ownerReferences.orValue([]).exists(o, o.kind == 'InferenceService' && ` +
    "o.apiVersion.startsWith('serving.kserve.io/') && o.?controller.orValue(false))"
  );
}
