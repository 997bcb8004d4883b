import { type OperatorIdentity, usernameOf } from "../names.ts";
import type { PolicyDefinition } from "./build.ts";

/**
 * An admitted pod keeps its images. It needs no grant, so that finalizers, status and deletion of a pod whose grant is gone
 * never get stuck.
 */
export const podsUpdate: PolicyDefinition = {
  name: "mlsecops-pods-update",
  rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["pods"] }],
  validations: [
    {
      expression:
        "object.spec.containers.map(c, c.?image.orValue('')) == oldObject.spec.containers.map(c, c.?image.orValue('')) && " +
        "object.spec.?initContainers.orValue([]).map(c, c.?image.orValue('')) == oldObject.spec.?initContainers.orValue([]).map(c, c.?image.orValue(''))",
      message: "the images of a running pod cannot be changed here: change the workload, so that a new pod is admitted",
    },
  ],
};

/**
 * A serving pod stays with its model. Whoever could take away its labels or its owner would keep a pod that no quarantine
 * finds, and could point a Service of their own at it.
 */
export function servingPodsUpdate(identity: OperatorIdentity): PolicyDefinition {
  return {
    name: "mlsecops-serving-pods-update",
    rules: [{ apiGroups: [""], apiVersions: ["v1"], operations: ["UPDATE"], resources: ["pods"] }],
    validations: [
      {
        expression:
          // The replica set controller and the garbage collector set and drop owners.
          `request.userInfo.username in ['${usernameOf(identity)}', 'system:kube-controller-manager'] || ` +
          "request.userInfo.username.startsWith('system:serviceaccount:kube-system:') || " +
          "(object.metadata.?labels.orValue({}) == oldObject.metadata.?labels.orValue({}) && " +
          "object.metadata.?ownerReferences.orValue([]) == oldObject.metadata.?ownerReferences.orValue([]))",
        message:
          "labels and ownerReferences of a pod in a serving namespace cannot be changed: they tie it to its model; change the SecureModel",
      },
    ],
  };
}
